// cluster.h: config.cluster.v3.Cluster becomes a proxy::Cluster.
// In the flow: Builder -> here -> Snapshot. STATIC, STRICT_DNS and LOGICAL_DNS clusters.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/config/cluster/v3/cluster.pb.h"

namespace outrigger::control {

// Errors: kInvalidArgument, kUnimplemented; both start with `cluster "name": field.path:`. Its
// circuit breakers have no permits before TakeOverBreakers().
absl::StatusOr<std::shared_ptr<proxy::Cluster>> ParseCluster(
    const envoy::config::cluster::v3::Cluster& proto, ResourceInputs& inputs);

}  // namespace outrigger::control
