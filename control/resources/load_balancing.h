// load_balancing.h: which host a request goes to: lb_policy and what belongs to it, or
// load_balancing_policy, becomes proxy::LbOptions. In the flow: ParseCluster -> here. What would
// steer by locality, slow start or load bounds is refused with its path; what changes nothing
// holds.
#pragma once

#include "absl/status/status.h"
#include "control/resources/core.h"
#include "envoy/config/cluster/v3/cluster.pb.h"

namespace outrigger::control {

absl::Status ParseLoadBalancing(const envoy::config::cluster::v3::Cluster& proto,
                                const FieldPath& path, proxy::LbOptions& to);

}  // namespace outrigger::control
