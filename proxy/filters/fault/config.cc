#include "proxy/filters/fault/config.h"

#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "proxy/config/fields.h"
#include "proxy/config/matcher.h"
#include "proxy/filters/fault/filter.h"

namespace outrigger::proxy::fault {
namespace {

namespace v3 = envoy::extensions::filters::http::fault::v3;
using envoy::extensions::filters::common::fault::v3::FaultDelay;
using envoy::extensions::filters::common::fault::v3::FaultRateLimit;
using google::protobuf::Any;

absl::Status ParseDelay(const FaultDelay& proto, const FieldPath& path, Delay& to) {
  OUTRIGGER_ASSIGN_OR_RETURN(to.share, ParseFraction(proto.percentage(), path["percentage"]));
  switch (proto.fault_delay_secifier_case()) {
    case FaultDelay::kFixedDelay:
      return Read(proto.fixed_delay(), path["fixed_delay"], to.fixed, /*least=*/1);
    case FaultDelay::kHeaderDelay:
      return absl::OkStatus();
    default:
      return path.Error("fault_delay_secifier is required: fixed_delay or header_delay");
  }
}

absl::Status ParseAbort(const v3::FaultAbort& proto, const FieldPath& path, Abort& to) {
  OUTRIGGER_ASSIGN_OR_RETURN(to.share, ParseFraction(proto.percentage(), path["percentage"]));
  switch (proto.error_type_case()) {
    case v3::FaultAbort::kHttpStatus:
      to.status = proto.http_status();
      if (to.status >= 200 && to.status < 600) return absl::OkStatus();
      return path["http_status"].Error("value must be inside range [200, 600)");
    case v3::FaultAbort::kGrpcStatus:
      to.by = Abort::By::kGrpcStatus;
      to.status = proto.grpc_status();
      return absl::OkStatus();
    case v3::FaultAbort::kHeaderAbort:
      to.by = Abort::By::kHeader;
      return absl::OkStatus();
    default:
      return path.Error("error_type is required: http_status, grpc_status or header_abort");
  }
}

absl::Status ParseRateLimit(const FaultRateLimit& proto, const FieldPath& path, RateLimit& to) {
  OUTRIGGER_ASSIGN_OR_RETURN(to.share, ParseFraction(proto.percentage(), path["percentage"]));
  switch (proto.limit_type_case()) {
    case FaultRateLimit::kFixedLimit:
      to.kib_per_second = proto.fixed_limit().limit_kbps();
      if (to.kib_per_second >= 1) return absl::OkStatus();
      return path["fixed_limit.limit_kbps"].Error("value must be greater than or equal to 1");
    case FaultRateLimit::kHeaderLimit:
      return absl::OkStatus();
    default:
      return path.Error("limit_type is required: fixed_limit or header_limit");
  }
}

absl::StatusOr<std::shared_ptr<const Settings>> ParseSettings(const Any& any,
                                                              const FieldPath& path) {
  OUTRIGGER_ASSIGN_OR_RETURN(const v3::HTTPFault proto, Unpack<v3::HTTPFault>(any, path));
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"delay", "abort", "upstream_cluster", "headers", "downstream_nodes",
                 "max_active_faults", "response_rate_limit"}));
  auto to = std::make_shared<Settings>();
  if (proto.has_delay()) {
    OUTRIGGER_RETURN_IF_ERROR(ParseDelay(proto.delay(), path["delay"], to->delay.emplace()));
  }
  if (proto.has_abort()) {
    OUTRIGGER_RETURN_IF_ERROR(ParseAbort(proto.abort(), path["abort"], to->abort.emplace()));
  }
  if (proto.has_response_rate_limit()) {
    OUTRIGGER_RETURN_IF_ERROR(ParseRateLimit(proto.response_rate_limit(),
                                             path["response_rate_limit"],
                                             to->response_rate_limit.emplace()));
  }
  to->upstream_cluster = proto.upstream_cluster();
  to->downstream_nodes.assign(proto.downstream_nodes().begin(), proto.downstream_nodes().end());
  OUTRIGGER_ASSIGN_OR_RETURN(to->headers, ParseHeaderMatchers(proto.headers(), path, "headers"));
  OUTRIGGER_READ(proto, path, max_active_faults, to->max_active_faults.emplace());
  return to;
}

absl::StatusOr<std::shared_ptr<const Filter>> Make(const Any& any, const FieldPath& path,
                                                   const FilterInputs& inputs) {
  OUTRIGGER_ASSIGN_OR_RETURN(std::shared_ptr<const Settings> settings, ParseSettings(any, path));
  return std::make_shared<FaultFilter>(std::move(settings),
                                       MakeStats(inputs.stats, inputs.stat_prefix));
}

absl::StatusOr<std::shared_ptr<const FilterSettings>> MakeSettings(const Any& any,
                                                                   const FieldPath& path,
                                                                   const FilterInputs&) {
  return ParseSettings(any, path);
}

}  // namespace

constinit const FilterKind kKind = {
    .name = "envoy.filters.http.fault",
    .config_type = "envoy.extensions.filters.http.fault.v3.HTTPFault",
    .settings_type = "envoy.extensions.filters.http.fault.v3.HTTPFault",
    .make = Make,
    .make_settings = MakeSettings,
    .combine = nullptr,
};

}  // namespace outrigger::proxy::fault
