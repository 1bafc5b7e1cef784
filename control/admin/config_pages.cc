#include <google/protobuf/util/json_util.h>

#include "control/admin/json_writer.h"
#include "control/admin/pages.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions print;
  print.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(message, &json, print).ok()) return "{}";
  return json;
}

void WriteAddress(JsonWriter& json, const proxy::Address& address) {
  json.Begin('{');
  if (address.is_ip()) {
    json.Key("socket_address").Begin('{').Key("address").String(address.ip());
    json.Key("port_value").Number(int64_t{address.port()}).End('}');
  } else {
    json.Key("pipe").Begin('{').Key("path").String(address.text).End('}');
  }
  json.End('}');
}

AdminReply ClustersJson(const AdminSources& sources, const proxy::Snapshot& snapshot) {
  JsonWriter json;
  json.Begin('{').Key("cluster_statuses").Begin('[');
  for (const auto& [name, cluster] : snapshot.clusters) {
    json.Begin('{').Key("name").String(name).Key("added_via_api").Bool(false);
    json.Key("host_statuses").Begin('[');
    if (const auto hosts = sources.hosts(name)) {
      for (const auto& host : hosts->hosts) {
        json.Begin('{').Key("address");
        WriteAddress(json, host->address);
        json.Key("health_status").Begin('{').Key("eds_health_status").String("HEALTHY").End('}');
        json.Key("weight").Number(int64_t{host->weight}).Key("hostname").String(host->hostname);
        json.End('}');
      }
    }
    json.End(']').End('}');
  }
  json.End(']').End('}');
  return {200, "application/json", json.Take()};
}

}  // namespace

AdminReply ClustersPage(const AdminSources& sources, const ControlRequest& request) {
  const auto snapshot = sources.snapshot();
  if (WantsJson(request)) return ClustersJson(sources, *snapshot);
  std::string text;
  for (const auto& [name, cluster] : snapshot->clusters) {
    const proxy::CircuitBreakers& breakers = cluster->circuit_breakers;
    absl::StrAppend(&text, name, "::observability_name::", name, "\n");
    for (const auto& [limit, value] :
         {std::pair("max_connections", breakers.max_connections),
          std::pair("max_pending_requests", breakers.max_pending_requests),
          std::pair("max_requests", breakers.max_requests),
          std::pair("max_retries", breakers.max_retries)}) {
      absl::StrAppend(&text, name, "::default_priority::", limit, "::", value, "\n");
    }
    absl::StrAppend(&text, name, "::added_via_api::false\n");
    const auto hosts = sources.hosts(name);
    if (!hosts) continue;
    for (const auto& host : hosts->hosts) {
      const std::string prefix = absl::StrCat(name, "::", host->address.text, "::");
      absl::StrAppend(&text, prefix, "hostname::", host->hostname, "\n");
      absl::StrAppend(&text, prefix, "health_flags::healthy\n");
      absl::StrAppend(&text, prefix, "weight::", host->weight, "\n");
      absl::StrAppend(&text, prefix, "priority::0\n");
    }
  }
  return {.body = std::move(text)};
}

AdminReply ListenersPage(const AdminSources& sources, const ControlRequest& request) {
  const auto snapshot = sources.snapshot();
  std::string text;
  JsonWriter json;
  json.Begin('{').Key("listener_statuses").Begin('[');
  for (const auto& listener : snapshot->listeners) {
    const std::vector<proxy::Address> addresses = sources.addresses(listener->name);
    json.Begin('{').Key("name").String(listener->name);
    for (size_t i = 0; i < addresses.size(); ++i) {
      absl::StrAppend(&text, listener->name, "::", addresses[i].text, "\n");
      if (i == 0) {
        json.Key("local_address");
      } else if (i == 1) {
        json.Key("additional_local_addresses").Begin('[');
      }
      WriteAddress(json, addresses[i]);
    }
    if (addresses.size() > 1) json.End(']');
    json.End('}');
  }
  json.End(']').End('}');
  if (WantsJson(request)) return {200, "application/json", json.Take()};
  return {.body = std::move(text)};
}

// Static resources as they were read: what a file without xDS makes of Envoy's dump.
AdminReply ConfigDumpPage(const AdminSources& sources, const ControlRequest&) {
  const std::string type = "type.googleapis.com/envoy.admin.v3.";
  const auto& resources = sources.bootstrap.static_resources();
  JsonWriter json;
  json.Begin('{').Key("configs").Begin('[');
  json.Begin('{').Key("@type").String(type + "BootstrapConfigDump");
  json.Key("bootstrap").Raw(ToJson(sources.bootstrap)).End('}');
  json.Begin('{').Key("@type").String(type + "ClustersConfigDump");
  json.Key("static_clusters").Begin('[');
  for (const auto& cluster : resources.clusters()) {
    json.Begin('{').Key("cluster").Raw(ToJson(cluster)).End('}');
  }
  json.End(']').End('}');
  json.Begin('{').Key("@type").String(type + "ListenersConfigDump");
  json.Key("static_listeners").Begin('[');
  for (const auto& listener : resources.listeners()) {
    json.Begin('{').Key("listener").Raw(ToJson(listener)).End('}');
  }
  json.End(']').End('}').End(']').End('}');
  return {200, "application/json", json.Take()};
}

}  // namespace outrigger::control
