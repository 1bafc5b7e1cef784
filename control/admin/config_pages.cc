#include <google/protobuf/util/json_util.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "control/admin/json_writer.h"
#include "control/admin/pages.h"
#include "control/admin/redact.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
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

// As a google.protobuf.Any prints it: with its type.
std::string ToTypedJson(const google::protobuf::Message& message) {
  const std::string json = ToJson(message);
  return absl::StrCat("{\"@type\":\"type.googleapis.com/", message.GetTypeName(), "\"",
                      json == "{}" ? "" : ",", json.substr(1));
}

// When the configuration was taken, as far as is known: the process's start.
std::string StartTime(const ServerState& state) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now() - absl::Nanoseconds(state.uptime()),
                          absl::UTCTimeZone());
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

using Limits = std::vector<std::pair<const char*, uint32_t>>;

Limits LimitsOf(const proxy::CircuitBreakers& breakers) {
  return {{"max_connections", breakers.max_connections},
          {"max_pending_requests", breakers.max_pending_requests},
          {"max_requests", breakers.max_requests},
          {"max_retries", breakers.max_retries}};
}

void WriteThresholds(JsonWriter& json, const proxy::CircuitBreakers& breakers, bool high) {
  json.Begin('{');
  if (high) json.Key("priority").String("HIGH");
  for (const auto& [name, value] : LimitsOf(breakers)) json.Key(name).Number(int64_t{value});
  json.End('}');
}

// Envoy's host stats, in its order; of all workers.
std::vector<std::pair<const char*, uint64_t>> FiguresOf(const proxy::Host& host) {
  std::vector<std::pair<const char*, uint64_t>> figures;
  const auto add = [&](const char* name, std::atomic<uint64_t> proxy::HostCounters::*figure) {
    uint64_t sum = 0;
    host.counters.ForEach([&](const proxy::HostCounters& counters) {
      sum += (counters.*figure).load(std::memory_order_relaxed);
    });
    figures.emplace_back(name, sum);
  };
  add("cx_active", &proxy::HostCounters::cx_active);
  add("cx_connect_fail", &proxy::HostCounters::cx_connect_fail);
  add("cx_total", &proxy::HostCounters::cx_total);
  add("rq_active", &proxy::HostCounters::rq_active);
  add("rq_error", &proxy::HostCounters::rq_error);
  add("rq_pending_active", &proxy::HostCounters::rq_pending_active);
  add("rq_success", &proxy::HostCounters::rq_success);
  add("rq_timeout", &proxy::HostCounters::rq_timeout);
  add("rq_total", &proxy::HostCounters::rq_total);
  return figures;
}

const char* HealthFlag(const proxy::Host& host) {
  switch (host.health) {
    case proxy::Host::Health::kHealthy:
      return "healthy";
    case proxy::Host::Health::kDegraded:
      return "/degraded_eds_health";
    case proxy::Host::Health::kUnhealthy:
      return "/failed_eds_health";
    case proxy::Host::Health::kDraining:
      return "/eds_status_draining";
  }
  return "";
}

const char* HealthName(const proxy::Host& host) {
  switch (host.health) {
    case proxy::Host::Health::kHealthy:
      return "HEALTHY";
    case proxy::Host::Health::kDegraded:
      return "DEGRADED";
    case proxy::Host::Health::kUnhealthy:
      return "UNHEALTHY";
    case proxy::Host::Health::kDraining:
      return "DRAINING";
  }
  return "";
}

AdminReply ClustersJson(const AdminSources& sources, const proxy::Snapshot& snapshot) {
  JsonWriter json;
  json.Begin('{').Key("cluster_statuses").Begin('[');
  for (const auto& [name, cluster] : snapshot.clusters) {
    json.Begin('{').Key("name").String(name);
    if (const auto hosts = sources.hosts(cluster->name); hosts && !hosts->hosts.empty()) {
      json.Key("host_statuses").Begin('[');
      for (const auto& host : hosts->hosts) {
        json.Begin('{').Key("address");
        WriteAddress(json, host->address);
        json.Key("stats").Begin('[');
        for (const auto& [stat, value] : FiguresOf(*host)) {
          json.Begin('{');
          if (absl::EndsWith(stat, "_active")) json.Key("type").String("GAUGE");
          json.Key("name").String(stat);
          if (value != 0) json.Key("value").String(absl::StrCat(value));
          json.End('}');
        }
        json.End(']').Key("health_status").Begin('{').Key("eds_health_status");
        json.String(HealthName(*host)).End('}');
        json.Key("weight").Number(int64_t{host->weight});
        if (!host->hostname.empty()) json.Key("hostname").String(host->hostname);
        json.Key("locality").Begin('{').End('}').End('}');
      }
      json.End(']');
    }
    json.Key("circuit_breakers").Begin('{').Key("thresholds").Begin('[');
    WriteThresholds(json, cluster->circuit_breakers, /*high=*/false);
    WriteThresholds(json, cluster->high_circuit_breakers, /*high=*/true);
    json.End(']').End('}').Key("observability_name").String(name).End('}');
  }
  json.End(']').End('}');
  return {200, "application/json", json.Take()};
}

void AppendHost(std::string& text, const std::string& cluster, const proxy::Host& host) {
  const std::string prefix = absl::StrCat(cluster, "::", host.address.text, "::");
  for (const auto& [stat, value] : FiguresOf(host)) {
    absl::StrAppend(&text, prefix, stat, "::", value, "\n");
  }
  absl::StrAppend(&text, prefix, "hostname::", host.hostname, "\n");
  absl::StrAppend(&text, prefix, "health_flags::", HealthFlag(host), "\n");
  absl::StrAppend(&text, prefix, "weight::", host.weight, "\n");
  for (const char* fact : {"region::", "zone::", "sub_zone::", "canary::false", "priority::0",
                           "success_rate::-1", "local_origin_success_rate::-1"}) {
    absl::StrAppend(&text, prefix, fact, "\n");
  }
}

}  // namespace

AdminReply ClustersPage(const AdminSources& sources, const ControlRequest& request) {
  const auto snapshot = sources.snapshot();
  if (WantsJson(request)) return ClustersJson(sources, *snapshot);
  std::string text;
  for (const auto& [key, cluster] : snapshot->clusters) {
    const std::string& name = cluster->name;
    absl::StrAppend(&text, name, "::observability_name::", name, "\n");
    for (const auto& [limit, value] : LimitsOf(cluster->circuit_breakers)) {
      absl::StrAppend(&text, name, "::default_priority::", limit, "::", value, "\n");
    }
    for (const auto& [limit, value] : LimitsOf(cluster->high_circuit_breakers)) {
      absl::StrAppend(&text, name, "::high_priority::", limit, "::", value, "\n");
    }
    absl::StrAppend(&text, name, "::added_via_api::false\n");
    const auto hosts = sources.hosts(name);
    if (!hosts) continue;
    for (const auto& host : hosts->hosts) AppendHost(text, name, *host);
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
  envoy::config::bootstrap::v3::Bootstrap bootstrap = sources.bootstrap;
  if (bootstrap.has_static_resources()) {
    *bootstrap.mutable_static_resources() = sources.static_resources();
    Redact(*bootstrap.mutable_static_resources());
  }
  const auto& resources = bootstrap.static_resources();
  const std::string time = StartTime(sources.state);
  JsonWriter json;
  const auto begin = [&](const char* dump) {
    json.Begin('{').Key("@type");
    json.String(absl::StrCat("type.googleapis.com/envoy.admin.v3.", dump));
  };
  const auto entry = [&](const char* field, const google::protobuf::Message& message) {
    json.Begin('{').Key(field).Raw(ToTypedJson(message));
    json.Key("last_updated").String(time).End('}');
  };
  json.Begin('{').Key("configs").Begin('[');
  begin("BootstrapConfigDump");
  json.Key("bootstrap").Raw(ToJson(bootstrap)).Key("last_updated").String(time).End('}');
  begin("ClustersConfigDump");
  json.Key("static_clusters").Begin('[');
  for (const auto& cluster : resources.clusters()) entry("cluster", cluster);
  json.End(']').End('}');
  begin("ListenersConfigDump");
  json.Key("static_listeners").Begin('[');
  for (const auto& listener : resources.listeners()) entry("listener", listener);
  json.End(']').End('}');
  begin("RoutesConfigDump");
  json.Key("static_route_configs").Begin('[');
  for (const auto& listener : resources.listeners()) {
    for (const auto& chain : listener.filter_chains()) {
      for (const auto& filter : chain.filters()) {
        envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager
            http;
        if (!filter.typed_config().UnpackTo(&http) || !http.has_route_config()) continue;
        entry("route_config", http.route_config());
      }
    }
  }
  json.End(']').End('}').End(']').End('}');
  return {200, "application/json", json.Take()};
}

}  // namespace outrigger::control
