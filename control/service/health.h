// health.h: grpc.health.v1 as methods of the gRPC server: is this process fit to serve?
// Check answers once, Watch now and again on each change (seen within the server's
// observe_interval).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/service/grpc_server.h"

namespace outrigger::control {

// `serving` is asked on the control pool for each answer; it must not block. `services` are the
// names that have a health, besides "" for the process as a whole: all have the same.
std::vector<GrpcMethod> HealthMethods(std::function<bool()> serving,
                                      std::vector<std::string> services);

}  // namespace outrigger::control
