#include "control/resources/retry_policy.h"

#include <algorithm>

#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"
#include "proxy/config/matcher.h"
#include "proxy/router/retry.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::route::v3;
using proxy::RetryPolicy;
using scheduler::kMillisecond;
using scheduler::Nanos;

absl::Status ParseBackOff(const v3::RetryPolicy::RetryBackOff& proto, const FieldPath& path,
                          RetryPolicy& to) {
  if (!proto.has_base_interval()) return path["base_interval"].Error("value is required");
  OUTRIGGER_READ(proto, path, base_interval, to.base_interval, 1);
  to.base_interval = std::max<Nanos>(to.base_interval, kMillisecond);
  to.max_interval = 10 * to.base_interval;
  if (!proto.has_max_interval()) return absl::OkStatus();
  OUTRIGGER_READ(proto, path, max_interval, to.max_interval, 1);
  to.max_interval = std::max<Nanos>(to.max_interval, kMillisecond);
  if (to.max_interval >= to.base_interval) return absl::OkStatus();
  return path["max_interval"].Error("must be greater than or equal to the base_interval");
}

absl::Status ParsePredicates(const v3::RetryPolicy& proto, const FieldPath& path, RetryPolicy& to) {
  using envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
  for (int i = 0; i < proto.retry_host_predicate_size(); ++i) {
    const v3::RetryPolicy::RetryHostPredicate& predicate = proto.retry_host_predicate(i);
    if (!predicate.typed_config().Is<PreviousHostsPredicate>()) {
      return path.At("retry_host_predicate", i)
          .NotSupported(absl::StrFormat("predicate \"%s\" with type URL \"%s\"", predicate.name(),
                                        predicate.typed_config().type_url()),
                        "envoy.retry_host_predicates.previous_hosts is");
    }
    to.avoid_previous_hosts = true;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RetryPolicy>> ParseRetryPolicy(const v3::RetryPolicy& proto,
                                                                    const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"retry_on", "num_retries", "per_try_timeout", "per_try_idle_timeout", "retry_host_predicate",
       "host_selection_retry_max_attempts", "retriable_status_codes", "retry_back_off",
       "retriable_headers", "retriable_request_headers"}));
  auto to = std::make_shared<RetryPolicy>();
  to->retry_on = proxy::ParseRetryOn(proto.retry_on());
  OUTRIGGER_READ(proto, path, num_retries, to->num_retries);
  OUTRIGGER_READ(proto, path, per_try_timeout, to->per_try_timeout);
  OUTRIGGER_READ(proto, path, per_try_idle_timeout, to->per_try_idle_timeout);
  to->retriable_status_codes.assign(proto.retriable_status_codes().begin(),
                                    proto.retriable_status_codes().end());
  OUTRIGGER_ASSIGN_OR_RETURN(
      to->retriable_headers,
      ParseHeaderMatchers(proto.retriable_headers(), path, "retriable_headers",
                          proxy::MessageKind::kResponse));
  OUTRIGGER_ASSIGN_OR_RETURN(
      to->retriable_request_headers,
      ParseHeaderMatchers(proto.retriable_request_headers(), path, "retriable_request_headers"));
  if (proto.has_retry_back_off()) {
    OUTRIGGER_RETURN_IF_ERROR(ParseBackOff(proto.retry_back_off(), path["retry_back_off"], *to));
  }
  OUTRIGGER_RETURN_IF_ERROR(ParsePredicates(proto, path, *to));
  if (proto.host_selection_retry_max_attempts() < 0) {
    return path["host_selection_retry_max_attempts"].Error(
        "value must be greater than or equal to 0");
  }
  if (proto.host_selection_retry_max_attempts() > 0) {
    to->host_selection_max_attempts = static_cast<uint32_t>(
        std::min<int64_t>(proto.host_selection_retry_max_attempts(), UINT32_MAX));
  }
  return to;
}

}  // namespace outrigger::control
