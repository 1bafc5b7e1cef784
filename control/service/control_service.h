// control_service.h: outrigger.control.v1.Control, and the whole control API as one list of
// methods: Control, grpc.health.v1.Health and server reflection. It asks and orders through
// functions that the process wires, and holds no state.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/service/grpc_server.h"
#include "outrigger/control/v1/control.pb.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::control {

struct DrainOrder {
  bool immediate = false;
  std::optional<scheduler::Nanos> drain_time;  // not set: the process's own
};

// Each is called on the control pool, several at once: thread-safe, and quick.
struct ControlSources {
  std::function<outrigger::control::v1::StatusResponse()> status;
  std::function<outrigger::control::v1::GetCpuPlanResponse()> cpu_plan;
  // Not OK: refused; its message says why.
  std::function<absl::Status(const DrainOrder&)> drain;
  std::function<std::string()> coroutines;  // as text
  std::function<std::string()> trace;       // as Chrome's JSON
};

// For ListenGrpc(). Health is SERVING while `status` says LIVE.
std::vector<GrpcMethod> ControlApiMethods(ControlSources sources);

}  // namespace outrigger::control
