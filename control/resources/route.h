// route.h: config.route.v3.RouteConfiguration becomes a proxy::RouteConfig with its indices.
// In the flow: ParseHttpConnectionManager -> here -> the listener in the snapshot.
// Matching is the data plane's (proxy/router); which clusters exist is the Builder's to know.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/config/route/v3/route.pb.h"

namespace outrigger::control {

absl::StatusOr<std::shared_ptr<const proxy::RouteConfig>> ParseRouteConfig(
    const envoy::config::route::v3::RouteConfiguration& proto, const FieldPath& path,
    ResourceInputs& inputs);

// Refuses a route to a cluster that is not there, unless the table says not to look
// (validate_clusters).
absl::Status CheckRouteClusters(const proxy::RouteConfig& routes, const FieldPath& path,
                                const std::function<bool(const std::string&)>& exists);

}  // namespace outrigger::control
