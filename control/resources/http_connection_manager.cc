#include "control/resources/http_connection_manager.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "control/resources/access_log.h"
#include "control/resources/http_filters.h"
#include "control/resources/route.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace v3 = envoy::extensions::filters::network::http_connection_manager::v3;
using proxy::HttpListenerOptions;
using Hcm = v3::HttpConnectionManager;

absl::Status ParseCodec(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  switch (proto.codec_type()) {
    case Hcm::AUTO:
      to.codec = HttpListenerOptions::CodecType::kAuto;
      return absl::OkStatus();
    case Hcm::HTTP2:
      to.codec = HttpListenerOptions::CodecType::kHttp2;
      return absl::OkStatus();
    default:
      return path["codec_type"].NotSupported(
          absl::StrFormat("%s", Hcm::CodecType_Name(proto.codec_type())), "AUTO and HTTP2 are");
  }
}

absl::Status ParseServerHeader(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.server_name(), path["server_name"]));
  if (!proto.server_name().empty()) to.server_name = proto.server_name();
  switch (proto.server_header_transformation()) {
    case Hcm::OVERWRITE:
      to.server_header = HttpListenerOptions::ServerHeader::kOverwrite;
      return absl::OkStatus();
    case Hcm::APPEND_IF_ABSENT:
      to.server_header = HttpListenerOptions::ServerHeader::kAppendIfAbsent;
      return absl::OkStatus();
    case Hcm::PASS_THROUGH:
      to.server_header = HttpListenerOptions::ServerHeader::kPassThrough;
      return absl::OkStatus();
    default:
      return path["server_header_transformation"].Error(
          "value must be one of the defined enum values");
  }
}

absl::Status ParseClientCert(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  using Forward = HttpListenerOptions::ForwardClientCert;
  const auto& details = proto.set_current_client_cert_details();
  to.client_cert_details = {.cert = details.cert(),
                            .chain = details.chain(),
                            .subject = details.subject().value(),
                            .uri = details.uri(),
                            .dns = details.dns()};
  switch (proto.forward_client_cert_details()) {
    case Hcm::SANITIZE:
      to.forward_client_cert = Forward::kSanitize;
      return absl::OkStatus();
    case Hcm::FORWARD_ONLY:
      to.forward_client_cert = Forward::kForwardOnly;
      return absl::OkStatus();
    case Hcm::APPEND_FORWARD:
      to.forward_client_cert = Forward::kAppendForward;
      return absl::OkStatus();
    case Hcm::SANITIZE_SET:
      to.forward_client_cert = Forward::kSanitizeSet;
      return absl::OkStatus();
    case Hcm::ALWAYS_FORWARD_ONLY:
      to.forward_client_cert = Forward::kAlwaysForwardOnly;
      return absl::OkStatus();
    default:
      return path["forward_client_cert_details"].Error(
          "value must be one of the defined enum values");
  }
}

absl::Status ParseInternalAddresses(const Hcm::InternalAddressConfig& proto, const FieldPath& path,
                                    HttpListenerOptions& to) {
  to.internal_unix_sockets = proto.unix_sockets();
  for (int i = 0; i < proto.cidr_ranges_size(); ++i) {
    const auto& from = proto.cidr_ranges(i);
    absl::StatusOr<proxy::CidrRange> range =
        proxy::CidrRange::Make(from.address_prefix(), from.prefix_len().value());
    if (!range.ok()) {
      return path.At("cidr_ranges", i).Error(std::string(range.status().message()));
    }
    to.internal_ranges.push_back(*range);
  }
  return absl::OkStatus();
}

// What is sent about the client and the request: x-forwarded-for, x-request-id, via.
absl::Status ParseForwarding(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.via(), path["via"]));
  to.via = proto.via();
  OUTRIGGER_READ(proto, path, use_remote_address, to.use_remote_address);
  to.xff_num_trusted_hops = proto.xff_num_trusted_hops();
  to.skip_xff_append = proto.skip_xff_append();
  OUTRIGGER_READ(proto, path, generate_request_id, to.generate_request_id);
  to.preserve_external_request_id = proto.preserve_external_request_id();
  to.always_set_request_id_in_response = proto.always_set_request_id_in_response();
  to.append_x_forwarded_port = proto.append_x_forwarded_port();
  to.proxy_100_continue = proto.proxy_100_continue();
  to.strip_matching_host_port = proto.strip_matching_host_port();
  to.strip_any_host_port = proto.strip_any_host_port();
  to.strip_trailing_host_dot = proto.strip_trailing_host_dot();
  return ParseInternalAddresses(proto.internal_address_config(), path["internal_address_config"],
                                to);
}

absl::Status ParseTimeouts(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  OUTRIGGER_READ(proto, path, stream_idle_timeout, to.stream_idle_timeout);
  OUTRIGGER_READ(proto, path, request_timeout, to.request_timeout);
  OUTRIGGER_READ(proto, path, request_headers_timeout, to.request_headers_timeout);
  OUTRIGGER_READ(proto, path, drain_timeout, to.drain_timeout);
  return absl::OkStatus();
}

absl::Status ParseCommonHttp(const core::HttpProtocolOptions& proto, const FieldPath& path,
                             HttpListenerOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"idle_timeout", "max_connection_duration", "max_headers_count",
                 "max_stream_duration", "max_requests_per_connection"}));
  OUTRIGGER_READ(proto, path, max_stream_duration, to.max_stream_duration);
  OUTRIGGER_READ(proto, path, idle_timeout, to.idle_timeout);
  OUTRIGGER_READ(proto, path, max_connection_duration, to.max_connection_duration);
  OUTRIGGER_READ(proto, path, max_headers_count, to.request_headers.max_count, 1);
  OUTRIGGER_READ(proto, path, max_requests_per_connection, to.max_requests_per_connection);
  return absl::OkStatus();
}

absl::Status ParseLimits(const Hcm& proto, const FieldPath& path, HttpListenerOptions& to) {
  uint32_t kilobytes = to.request_headers.max_bytes / 1024;
  OUTRIGGER_READ(proto, path, max_request_headers_kb, kilobytes, 1, 8192);
  to.request_headers.max_bytes = kilobytes * 1024;
  OUTRIGGER_RETURN_IF_ERROR(ParseCommonHttp(proto.common_http_protocol_options(),
                                            path["common_http_protocol_options"], to));
  return ParseHttp2Options(proto.http2_protocol_options(), path["http2_protocol_options"],
                           to.http2);
}

absl::Status ParseRoutes(const Hcm& proto, const FieldPath& path, ResourceInputs& inputs,
                         HttpListenerOptions& to) {
  if (proto.has_rds()) return path["rds"].NotSupported("RDS", "use route_config");
  if (!proto.has_route_config()) return path.Error("route_specifier is required: route_config");
  OUTRIGGER_ASSIGN_OR_RETURN(to.routes,
                             ParseRouteConfig(proto.route_config(), path["route_config"], inputs));
  return absl::OkStatus();
}

absl::Status CheckFields(const Hcm& proto, const FieldPath& path, ResourceInputs& inputs) {
  if (proto.normalize_path().value()) return path["normalize_path"].NotSupported();
  if (proto.upgrade_configs_size() > 0) {
    inputs.warnings.push_back(absl::StrFormat("%s: has no effect until HTTP/1.1 is there",
                                              path["upgrade_configs"].text()));
  }
  return AllowOnly(proto, path,
                   {"codec_type",
                    "stat_prefix",
                    "rds",
                    "route_config",
                    "http_filters",
                    "common_http_protocol_options",
                    "http2_protocol_options",
                    "server_name",
                    "server_header_transformation",
                    "max_request_headers_kb",
                    "stream_idle_timeout",
                    "request_timeout",
                    "request_headers_timeout",
                    "drain_timeout",
                    "access_log",
                    "use_remote_address",
                    "xff_num_trusted_hops",
                    "skip_xff_append",
                    "via",
                    "generate_request_id",
                    "preserve_external_request_id",
                    "always_set_request_id_in_response",
                    "append_x_forwarded_port",
                    "proxy_100_continue",
                    "strip_matching_host_port",
                    "strip_any_host_port",
                    "strip_trailing_host_dot",
                    "internal_address_config",
                    "stream_error_on_invalid_http_message",
                    "forward_client_cert_details",
                    "set_current_client_cert_details",
                    "upgrade_configs",
                    "normalize_path"});
}

}  // namespace

absl::Status ParseHttpConnectionManager(const Hcm& proto, const FieldPath& path,
                                        ResourceInputs& inputs, HttpListenerOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.stat_prefix(), path["stat_prefix"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckFields(proto, path, inputs));
  to.stat_prefix = proto.stat_prefix();
  OUTRIGGER_RETURN_IF_ERROR(ParseCodec(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseServerHeader(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseForwarding(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseClientCert(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseTimeouts(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseLimits(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseRoutes(proto, path, inputs, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseHttpFilters(proto, path, inputs, to));
  for (int i = 0; i < proto.access_log_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        proxy::AccessLogConfig log,
        ParseAccessLog(proto.access_log(i), path.At("access_log", i), inputs));
    to.access_logs.push_back(std::move(log));
  }
  to.stats = proxy::HttpStats::Make(inputs.stats, to.stat_prefix);
  return absl::OkStatus();
}

}  // namespace outrigger::control
