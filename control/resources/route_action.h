// route_action.h: what a route does with a request, config.route.v3.RouteAction and its like, as
// the snapshot's values. In the flow: ParseRouteConfig -> here.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "control/resources/http_filters.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/snapshot/route.h"

namespace outrigger::control {

// `inherited`: the virtual host's, for a route without one; may be null. `filters`: what the route
// and the levels around it say of filters.
absl::StatusOr<proxy::ClusterRoute> ParseClusterRoute(
    const envoy::config::route::v3::RouteAction& proto, const FieldPath& path,
    const std::shared_ptr<const proxy::RetryPolicy>& inherited, const SharedOverrides& filters,
    ResourceInputs& inputs);

absl::StatusOr<proxy::Redirect> ParseRedirect(const envoy::config::route::v3::RedirectAction& proto,
                                              const FieldPath& path);

absl::StatusOr<proxy::DirectResponse> ParseDirectResponse(
    const envoy::config::route::v3::DirectResponseAction& proto, const FieldPath& path,
    uint32_t max_body);

}  // namespace outrigger::control
