// listener.h: config.listener.v3.Listener becomes a proxy::Listener.
// In the flow: Builder -> here -> Snapshot. One filter chain without a match, one HTTP connection
// manager in it, over TCP or TLS.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/config/listener/v3/listener.pb.h"

namespace outrigger::control {

// `name` is the proto's, or one that the caller made up for a listener without one.
// Errors start with `listener "name": field.path:`.
absl::StatusOr<std::shared_ptr<const proxy::Listener>> ParseListener(
    const envoy::config::listener::v3::Listener& proto, const std::string& name,
    ResourceInputs& inputs);

// Refuses routes to clusters that are not there. Apart from parsing, for a listener that did not
// change while the clusters did.
absl::Status CheckListenerClusters(const proxy::Listener& listener,
                                   const std::function<bool(const std::string&)>& exists);

}  // namespace outrigger::control
