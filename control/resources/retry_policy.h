// retry_policy.h: config.route.v3.RetryPolicy becomes the snapshot's.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/config/fields.h"
#include "proxy/snapshot/retry_policy.h"

namespace outrigger::control {

using proxy::FieldPath;

// Words of retry_on that Envoy does not know either are passed over, as Envoy does.
absl::StatusOr<std::shared_ptr<const proxy::RetryPolicy>> ParseRetryPolicy(
    const envoy::config::route::v3::RetryPolicy& proto, const FieldPath& path);

}  // namespace outrigger::control
