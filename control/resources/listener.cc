#include "control/resources/listener.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "control/resources/http_connection_manager.h"
#include "control/resources/route.h"
#include "control/resources/tls.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::listener::v3;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using proxy::Listener;

std::string Label(const std::string& name) { return absl::StrFormat("listener \"%s\"", name); }

absl::Status ParseFilters(const v3::FilterChain& proto, const FieldPath& path,
                          ResourceInputs& inputs, Listener& to) {
  if (proto.filters().empty()) {
    return path["filters"].Error(
        "at least one filter is required: envoy.filters.network.http_connection_manager");
  }
  for (int i = 0; i < proto.filters_size(); ++i) {
    const v3::Filter& filter = proto.filters(i);
    const FieldPath place = path.At("filters", i);
    OUTRIGGER_RETURN_IF_ERROR(AllowOnly(filter, place, {"name", "typed_config"}));
    OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(filter.name(), place["name"]));
    if (!filter.typed_config().Is<HttpConnectionManager>()) {
      return place.NotSupported(absl::StrFormat("filter \"%s\" with type URL \"%s\"", filter.name(),
                                                filter.typed_config().type_url()),
                                "envoy.filters.network.http_connection_manager is");
    }
    if (i + 1 < proto.filters_size()) {
      return place.Error(absl::StrFormat(
          "terminal filter named %s must be the last filter in a network filter chain",
          filter.name()));
    }
    const FieldPath config = place["typed_config"];
    OUTRIGGER_ASSIGN_OR_RETURN(const auto manager,
                               Unpack<HttpConnectionManager>(filter.typed_config(), config));
    OUTRIGGER_RETURN_IF_ERROR(ParseHttpConnectionManager(manager, config, inputs, to.http));
  }
  return absl::OkStatus();
}

absl::Status ParseFilterChain(const v3::FilterChain& proto, const FieldPath& path,
                              ResourceInputs& inputs, Listener& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"filter_chain_match", "filters", "metadata", "transport_socket", "name",
                 "transport_socket_connect_timeout"}));
  // An empty match is no match.
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.filter_chain_match(), path["filter_chain_match"], {}));
  OUTRIGGER_READ(proto, path, transport_socket_connect_timeout, to.handshake_timeout);
  if (proto.has_transport_socket()) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        to.tls, ParseDownstreamTransport(proto.transport_socket(), path["transport_socket"],
                                         to.stat_prefix, inputs));
  }
  return ParseFilters(proto, path, inputs, to);
}

absl::Status ParseDirection(const v3::Listener& proto, const FieldPath& path, Listener& to) {
  switch (proto.traffic_direction()) {
    case envoy::config::core::v3::UNSPECIFIED:
      to.direction = Listener::Direction::kUnspecified;
      return absl::OkStatus();
    case envoy::config::core::v3::INBOUND:
      to.direction = Listener::Direction::kInbound;
      return absl::OkStatus();
    case envoy::config::core::v3::OUTBOUND:
      to.direction = Listener::Direction::kOutbound;
      return absl::OkStatus();
    default:
      return path["traffic_direction"].Error("value must be one of the defined enum values");
  }
}

absl::Status CheckFields(const v3::Listener& proto, const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"name", "address", "stat_prefix", "filter_chains", "per_connection_buffer_limit_bytes",
       "metadata", "traffic_direction", "tcp_backlog_size", "enable_reuse_port"}));
  if (!proto.has_address()) return path["address"].Error("value is required");
  if (proto.filter_chains().empty())
    return path["filter_chains"].Error("no filter chains specified");
  if (proto.filter_chains_size() > 1) {
    return path.At("filter_chains", 1).NotSupported("a second filter chain", "");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Listener>> ParseListener(const v3::Listener& proto,
                                                              const std::string& name,
                                                              ResourceInputs& inputs) {
  const std::string label = Label(name);
  const FieldPath path(label);
  OUTRIGGER_RETURN_IF_ERROR(CheckFields(proto, path));
  auto to = std::make_shared<Listener>();
  to->name = name;
  OUTRIGGER_ASSIGN_OR_RETURN(to->address, ParseAddress(proto.address(), path["address"]));
  OUTRIGGER_READ(proto, path, enable_reuse_port, to->reuse_port);
  OUTRIGGER_READ(proto, path, tcp_backlog_size, to->tcp_backlog_size, 1, 0x7fffffff);
  OUTRIGGER_READ(proto, path, per_connection_buffer_limit_bytes,
                 to->per_connection_buffer_limit_bytes);
  OUTRIGGER_RETURN_IF_ERROR(ParseDirection(proto, path, *to));
  to->stat_prefix = proto.stat_prefix().empty() ? to->address.text : proto.stat_prefix();
  OUTRIGGER_RETURN_IF_ERROR(
      ParseFilterChain(proto.filter_chains(0), path.At("filter_chains", 0), inputs, *to));
  to->stats = proxy::ListenerStats::Make(inputs.stats, to->stat_prefix);
  return to;
}

absl::Status CheckListenerClusters(const Listener& listener,
                                   const std::function<bool(const std::string&)>& exists) {
  const std::string label = Label(listener.name);
  const FieldPath path(label);
  // The one place for routes, as long as there is one chain with one filter.
  return CheckRouteClusters(*listener.http.routes,
                            path["filter_chains[0].filters[0].typed_config.route_config"], exists);
}

}  // namespace outrigger::control
