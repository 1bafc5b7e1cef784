// endpoint.h: config.endpoint.v3.ClusterLoadAssignment becomes the hosts of a STATIC cluster, or
// the names that a DNS cluster resolves. In the flow: ParseCluster -> here. One priority;
// localities hold but do not steer yet.
#pragma once

#include "absl/status/status.h"
#include "control/resources/core.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"

namespace outrigger::control {

// Fills `to.hosts` or `to.dns_names`, by `to.type` and `to.lb`.
absl::Status ParseLoadAssignment(const envoy::config::endpoint::v3::ClusterLoadAssignment& proto,
                                 const FieldPath& path, proxy::Cluster& to);

}  // namespace outrigger::control
