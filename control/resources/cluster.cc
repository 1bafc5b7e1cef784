#include "control/resources/cluster.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "control/resources/endpoint.h"
#include "control/resources/load_balancing.h"
#include "control/resources/tls.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "proxy/cluster/lb/host_set.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::cluster::v3;
namespace core = envoy::config::core::v3;
using UpstreamHttp = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
using proxy::Cluster;
using scheduler::kMillisecond;

constexpr std::string_view kUpstreamHttpKey =
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

absl::Status ParseType(const v3::Cluster& proto, const FieldPath& path, Cluster& to) {
  switch (proto.type()) {
    case v3::Cluster::STATIC:
      to.type = Cluster::Type::kStatic;
      return absl::OkStatus();
    case v3::Cluster::STRICT_DNS:
      to.type = Cluster::Type::kStrictDns;
      return absl::OkStatus();
    case v3::Cluster::LOGICAL_DNS:
      to.type = Cluster::Type::kLogicalDns;
      return absl::OkStatus();
    default:
      return path["type"].NotSupported(
          absl::StrFormat("%s", v3::Cluster::DiscoveryType_Name(proto.type())),
          "STATIC, STRICT_DNS and LOGICAL_DNS are");
  }
}

absl::Status ParseThresholds(const v3::CircuitBreakers::Thresholds& proto, const FieldPath& path,
                             proxy::CircuitBreakers& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path,
                                      {"priority", "max_connections", "max_pending_requests",
                                       "max_requests", "max_retries", "track_remaining"}));
  OUTRIGGER_READ(proto, path, max_connections, to.max_connections);
  OUTRIGGER_READ(proto, path, max_pending_requests, to.max_pending_requests);
  OUTRIGGER_READ(proto, path, max_requests, to.max_requests);
  OUTRIGGER_READ(proto, path, max_retries, to.max_retries);
  to.track_remaining = proto.track_remaining();
  return absl::OkStatus();
}

absl::Status ParseCircuitBreakers(const v3::CircuitBreakers& proto, const FieldPath& path,
                                  Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"thresholds"}));
  bool seen[2] = {false, false};
  for (int i = 0; i < proto.thresholds_size(); ++i) {
    const auto& from = proto.thresholds(i);
    const FieldPath place = path.At("thresholds", i);
    if (!core::RoutingPriority_IsValid(from.priority())) {
      return place["priority"].Error("value must be one of the defined enum values");
    }
    if (std::exchange(seen[from.priority()], true)) {
      return place["priority"].Error(absl::StrFormat("duplicate thresholds of priority %s",
                                                     core::RoutingPriority_Name(from.priority())));
    }
    OUTRIGGER_RETURN_IF_ERROR(ParseThresholds(
        from, place,
        from.priority() == core::HIGH ? to.high_circuit_breakers : to.circuit_breakers));
  }
  return absl::OkStatus();
}

absl::Status ParseCommonHttp(const core::HttpProtocolOptions& proto, const FieldPath& path,
                             Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"idle_timeout", "max_headers_count", "max_response_headers_kb",
                 "max_requests_per_connection", "max_stream_duration"}));
  OUTRIGGER_READ(proto, path, max_stream_duration, to.max_stream_duration);
  OUTRIGGER_READ(proto, path, idle_timeout, to.idle_timeout);
  OUTRIGGER_READ(proto, path, max_headers_count, to.response_headers.max_count, 1);
  // Envoy's defaults: HTTP/1 heads say each name in full.
  uint32_t kilobytes = to.http2 ? 60 : 80;
  OUTRIGGER_READ(proto, path, max_response_headers_kb, kilobytes, 1, 8192);
  to.response_headers.max_bytes = kilobytes * 1024;
  OUTRIGGER_READ(proto, path, max_requests_per_connection, to.max_requests_per_connection);
  return absl::OkStatus();
}

absl::Status ParseHttp1(const core::Http1ProtocolOptions& proto, const FieldPath& path,
                        Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"enable_trailers"}));
  to.http1_trailers = proto.enable_trailers();
  return absl::OkStatus();
}

absl::Status ParseDownstreamHttp(const UpstreamHttp::UseDownstreamHttpConfig& proto,
                                 const FieldPath& path, Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"http_protocol_options", "http2_protocol_options"}));
  to.as_downstream = true;
  OUTRIGGER_RETURN_IF_ERROR(
      ParseHttp1(proto.http_protocol_options(), path["http_protocol_options"], to));
  return ParseHttp2Options(proto.http2_protocol_options(), path["http2_protocol_options"],
                           to.http2_options);
}

absl::Status ParseExplicitHttp(const UpstreamHttp& proto, const FieldPath& path, Cluster& to) {
  if (!proto.has_explicit_http_config()) {
    return path["explicit_http_config"].Error("value is required");
  }
  const UpstreamHttp::ExplicitHttpConfig& config = proto.explicit_http_config();
  const FieldPath place = path["explicit_http_config"];
  if (config.has_http2_protocol_options()) {
    to.http2 = true;
    OUTRIGGER_RETURN_IF_ERROR(ParseHttp2Options(config.http2_protocol_options(),
                                                place["http2_protocol_options"], to.http2_options));
  } else if (config.has_http_protocol_options()) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseHttp1(config.http_protocol_options(), place["http_protocol_options"], to));
  } else {
    return place["protocol_config"].Error("value is required");
  }
  return absl::OkStatus();
}

absl::Status ParseTypedHttp(const UpstreamHttp& proto, const FieldPath& path, Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"common_http_protocol_options", "explicit_http_config", "use_downstream_protocol_config"}));
  OUTRIGGER_RETURN_IF_ERROR(proto.has_use_downstream_protocol_config()
                                ? ParseDownstreamHttp(proto.use_downstream_protocol_config(),
                                                      path["use_downstream_protocol_config"], to)
                                : ParseExplicitHttp(proto, path, to));
  return ParseCommonHttp(proto.common_http_protocol_options(), path["common_http_protocol_options"],
                         to);
}

absl::Status ParseHttp(const v3::Cluster& proto, const FieldPath& path, Cluster& to) {
  for (const auto& [key, any] : proto.typed_extension_protocol_options()) {
    if (key != kUpstreamHttpKey) {
      return path.Key("typed_extension_protocol_options", key).NotSupported();
    }
  }
  const auto typed = proto.typed_extension_protocol_options().find(std::string(kUpstreamHttpKey));
  if (typed != proto.typed_extension_protocol_options().end()) {
    if (proto.has_http_protocol_options() || proto.has_http2_protocol_options() ||
        proto.has_common_http_protocol_options()) {
      return path.Key("typed_extension_protocol_options", kUpstreamHttpKey)
          .Error(
              "http_protocol_options, http2_protocol_options and common_http_protocol_options are "
              "its older form: set the one or the other");
    }
    const FieldPath place = path.Key("typed_extension_protocol_options", kUpstreamHttpKey);
    OUTRIGGER_ASSIGN_OR_RETURN(const UpstreamHttp http, Unpack<UpstreamHttp>(typed->second, place));
    return ParseTypedHttp(http, place, to);
  }
  to.http2 = proto.has_http2_protocol_options();
  OUTRIGGER_RETURN_IF_ERROR(ParseHttp2Options(proto.http2_protocol_options(),
                                              path["http2_protocol_options"], to.http2_options));
  OUTRIGGER_RETURN_IF_ERROR(
      ParseHttp1(proto.http_protocol_options(), path["http_protocol_options"], to));
  return ParseCommonHttp(proto.common_http_protocol_options(), path["common_http_protocol_options"],
                         to);
}

Cluster::DnsFamily ToDnsFamily(v3::Cluster::DnsLookupFamily family) {
  switch (family) {
    case v3::Cluster::V4_ONLY:
      return Cluster::DnsFamily::kV4Only;
    case v3::Cluster::V6_ONLY:
      return Cluster::DnsFamily::kV6Only;
    case v3::Cluster::V4_PREFERRED:
      return Cluster::DnsFamily::kV4Preferred;
    case v3::Cluster::ALL:
      return Cluster::DnsFamily::kAll;
    default:
      return Cluster::DnsFamily::kAuto;
  }
}

absl::Status ParseDns(const v3::Cluster& proto, const FieldPath& path, Cluster& to) {
  constexpr scheduler::Nanos kLeast = kMillisecond;
  if (!v3::Cluster::DnsLookupFamily_IsValid(proto.dns_lookup_family())) {
    return path["dns_lookup_family"].Error("value must be one of the defined enum values");
  }
  to.dns_family = ToDnsFamily(proto.dns_lookup_family());
  to.respect_dns_ttl = proto.respect_dns_ttl();
  OUTRIGGER_READ(proto, path, wait_for_warm_on_init, to.wait_for_warm);
  OUTRIGGER_READ(proto, path, dns_refresh_rate, to.dns_refresh, kLeast);
  OUTRIGGER_READ(proto, path, dns_jitter, to.dns_jitter);
  if (!proto.has_dns_failure_refresh_rate()) return absl::OkStatus();

  const auto& rate = proto.dns_failure_refresh_rate();
  const FieldPath place = path["dns_failure_refresh_rate"];
  if (!rate.has_base_interval()) return place["base_interval"].Error("value is required");
  OUTRIGGER_READ(rate, place, base_interval, to.dns_failure_refresh, kLeast);
  to.dns_failure_refresh_max = 10 * to.dns_failure_refresh;
  OUTRIGGER_READ(rate, place, max_interval, to.dns_failure_refresh_max, kLeast);
  if (to.dns_failure_refresh_max >= to.dns_failure_refresh) return absl::OkStatus();
  return place.Error("must have max_interval greater than or equal to the base_interval");
}

absl::Status CheckFields(const v3::Cluster& proto, const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.name(), path["name"]));
  return AllowOnly(proto, path,
                   {"name",
                    "alt_stat_name",
                    "type",
                    "connect_timeout",
                    "per_connection_buffer_limit_bytes",
                    "lb_policy",
                    "ring_hash_lb_config",
                    "maglev_lb_config",
                    "least_request_lb_config",
                    "round_robin_lb_config",
                    "common_lb_config",
                    "load_balancing_policy",
                    "load_assignment",
                    "max_requests_per_connection",
                    "circuit_breakers",
                    "common_http_protocol_options",
                    "http_protocol_options",
                    "http2_protocol_options",
                    "typed_extension_protocol_options",
                    "dns_refresh_rate",
                    "dns_jitter",
                    "dns_failure_refresh_rate",
                    "respect_dns_ttl",
                    "dns_lookup_family",
                    "wait_for_warm_on_init",
                    "transport_socket",
                    "metadata"});
}

}  // namespace

absl::StatusOr<std::shared_ptr<Cluster>> ParseCluster(const v3::Cluster& proto,
                                                      ResourceInputs& inputs) {
  const std::string label = absl::StrFormat("cluster \"%s\"", proto.name());
  const FieldPath path(label);
  OUTRIGGER_RETURN_IF_ERROR(CheckFields(proto, path));

  auto to = std::make_shared<Cluster>();
  to->name = proto.name();
  OUTRIGGER_RETURN_IF_ERROR(ParseType(proto, path, *to));
  OUTRIGGER_READ(proto, path, connect_timeout, to->connect_timeout);
  if (to->connect_timeout == 0)
    return path["connect_timeout"].Error("value must be greater than 0s");
  OUTRIGGER_READ(proto, path, per_connection_buffer_limit_bytes,
                 to->per_connection_buffer_limit_bytes);
  OUTRIGGER_READ(proto, path, max_requests_per_connection, to->max_requests_per_connection);
  OUTRIGGER_RETURN_IF_ERROR(ParseLoadBalancing(proto, path, to->lb));
  OUTRIGGER_RETURN_IF_ERROR(
      ParseCircuitBreakers(proto.circuit_breakers(), path["circuit_breakers"], *to));
  OUTRIGGER_RETURN_IF_ERROR(ParseHttp(proto, path, *to));
  OUTRIGGER_RETURN_IF_ERROR(ParseDns(proto, path, *to));
  if (proto.has_load_assignment()) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseLoadAssignment(proto.load_assignment(), path["load_assignment"], *to));
  } else if (to->type == Cluster::Type::kStatic) {
    to->hosts = proxy::MakeHostSet({}, to->lb);
  } else if (to->type == Cluster::Type::kLogicalDns) {
    return path["load_assignment"].Error("LOGICAL_DNS clusters must have a single host");
  }
  const std::string& stat_name =
      proto.alt_stat_name().empty() ? proto.name() : proto.alt_stat_name();
  to->stats = proxy::ClusterStats::Make(inputs.stats, stat_name);
  if (proto.has_transport_socket()) {
    if (to->as_downstream) {
      // One list of ALPN is offered on all connections, and each version needs its own.
      return path["transport_socket"].NotSupported("TLS with use_downstream_protocol_config", "");
    }
    OUTRIGGER_ASSIGN_OR_RETURN(
        to->tls, ParseUpstreamTransport(proto.transport_socket(), path["transport_socket"],
                                        stat_name, to->http2 ? "h2" : "http/1.1", inputs));
  }
  return to;
}

}  // namespace outrigger::control
