#include "proxy/filters/local_ratelimit/config.h"

#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "proxy/config/fields.h"
#include "proxy/config/header_mutation.h"
#include "proxy/config/matcher.h"
#include "proxy/filters/local_ratelimit/filter.h"

namespace outrigger::proxy::local_ratelimit {
namespace {

namespace v3 = envoy::extensions::filters::http::local_ratelimit::v3;
namespace ratelimit = envoy::extensions::common::ratelimit::v3;
using google::protobuf::Any;
using scheduler::kMillisecond;
using scheduler::Nanos;

constexpr int kMostHeaders = 10;       // the rule of Envoy's proto
constexpr int kResourceExhausted = 8;  // grpc::StatusCode

absl::StatusOr<std::unique_ptr<SharedTokenBucket>> ParseBucket(
    const envoy::type::v3::TokenBucket& proto, const FieldPath& path) {
  if (!proto.has_fill_interval()) return path["fill_interval"].Error("value is required");
  Nanos interval = 0;
  uint32_t per_fill = 1;
  OUTRIGGER_RETURN_IF_ERROR(Read(proto.fill_interval(), path["fill_interval"], interval));
  OUTRIGGER_READ(proto, path, tokens_per_fill, per_fill, /*least=*/1);
  if (interval < 50 * kMillisecond) {
    return path["fill_interval"].Error("local rate limit token bucket fill timer must be >= 50ms");
  }
  return std::make_unique<SharedTokenBucket>(proto.max_tokens(), per_fill, interval);
}

absl::StatusOr<Mutations> ParseHeaders(
    const google::protobuf::RepeatedPtrField<envoy::config::core::v3::HeaderValueOption>& proto,
    const FieldPath& path, std::string_view field, MessageKind kind) {
  if (proto.size() > kMostHeaders) {
    const FieldPath place = path[field];
    return place.Error(absl::StrFormat("value must contain no more than %d item(s)", kMostHeaders));
  }
  return ParseHeadersToAdd(proto, path, field, kind);
}

absl::StatusOr<std::shared_ptr<const Settings>> ParseSettings(const Any& any, const FieldPath& path,
                                                              const FilterInputs& inputs) {
  OUTRIGGER_ASSIGN_OR_RETURN(const v3::LocalRateLimit proto, Unpack<v3::LocalRateLimit>(any, path));
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"stat_prefix", "status", "token_bucket", "filter_enabled", "filter_enforced",
                 "response_headers_to_add", "request_headers_to_add_when_not_enforced",
                 "enable_x_ratelimit_headers", "rate_limited_as_resource_exhausted"}));
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.stat_prefix(), path["stat_prefix"]));
  auto to = std::make_shared<Settings>();
  if (proto.has_token_bucket()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->bucket, ParseBucket(proto.token_bucket(), path["token_bucket"]));
  }
  if (proto.has_filter_enabled()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->enabled,
                               ParseFraction(proto.filter_enabled(), path["filter_enabled"]));
  }
  if (proto.has_filter_enforced()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->enforced,
                               ParseFraction(proto.filter_enforced(), path["filter_enforced"]));
  }
  // Envoy: what is no error is 429.
  if (const auto code = static_cast<uint32_t>(proto.status().code()); code >= 400) {
    if (code >= 600) return path["status"].Error("code must be a status");
    to->status = code;
  }
  if (proto.rate_limited_as_resource_exhausted()) to->grpc_status = kResourceExhausted;
  switch (proto.enable_x_ratelimit_headers()) {
    case ratelimit::OFF:
      break;
    case ratelimit::DRAFT_VERSION_03:
      to->tells_client = true;
      break;
    default:
      return path["enable_x_ratelimit_headers"].Error(
          "value must be one of the defined enum values");
  }
  OUTRIGGER_ASSIGN_OR_RETURN(
      to->response, ParseHeaders(proto.response_headers_to_add(), path, "response_headers_to_add",
                                 MessageKind::kResponse));
  OUTRIGGER_ASSIGN_OR_RETURN(
      to->request, ParseHeaders(proto.request_headers_to_add_when_not_enforced(), path,
                                "request_headers_to_add_when_not_enforced", MessageKind::kRequest));
  to->stats = MakeStats(inputs.stats, proto.stat_prefix());
  return to;
}

absl::StatusOr<std::shared_ptr<const Filter>> Make(const Any& any, const FieldPath& path,
                                                   const FilterInputs& inputs) {
  OUTRIGGER_ASSIGN_OR_RETURN(auto settings, ParseSettings(any, path, inputs));
  return std::make_shared<LocalRateLimitFilter>(std::move(settings));
}

absl::StatusOr<std::shared_ptr<const FilterSettings>> MakeSettings(const Any& any,
                                                                   const FieldPath& path,
                                                                   const FilterInputs& inputs) {
  OUTRIGGER_ASSIGN_OR_RETURN(auto settings, ParseSettings(any, path, inputs));
  // One that limits nothing makes sense in a chain, whose routes limit.
  if (!settings->bucket) {
    return path["token_bucket"].Error(
        "local rate limit token bucket must be set for per filter configs");
  }
  return settings;
}

}  // namespace

constinit const FilterKind kKind = {
    .name = "envoy.filters.http.local_ratelimit",
    .config_type = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    .settings_type = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    .make = Make,
    .make_settings = MakeSettings,
    .combine = nullptr,
};

}  // namespace outrigger::proxy::local_ratelimit
