// reflection.h: gRPC server reflection, v1 and v1alpha, as methods of the gRPC server: so that
// stock clients (grpcurl) can call the control API without its .proto files. Answers come from the
// descriptors that are compiled in.
#pragma once

#include <string>
#include <vector>

#include "control/service/grpc_server.h"

namespace outrigger::control {

// `services` are the names that list_services gives.
std::vector<GrpcMethod> ReflectionMethods(std::vector<std::string> services);

}  // namespace outrigger::control
