#include "control/service/control_service.h"

#include <iterator>
#include <string>
#include <utility>

#include "control/service/health.h"
#include "control/service/reflection.h"

namespace outrigger::control {
namespace {

namespace api = ::outrigger::control::v1;
using Kind = GrpcMethod::Kind;
using scheduler::Nanos;

// As long as a drain may be asked to take.
constexpr int64_t kMaxDrainSeconds = 24 * 3600;

absl::StatusOr<api::DrainResponse> Drain(const ControlSources& sources,
                                         const api::DrainRequest& request) {
  DrainOrder order;
  if (!api::DrainRequest::Mode_IsValid(request.mode())) {
    return absl::InvalidArgumentError(
        absl::StrCat("mode: no such mode: ", static_cast<int>(request.mode())));
  }
  order.immediate = request.mode() == api::DrainRequest::IMMEDIATE;
  if (request.has_drain_time()) {
    const auto& time = request.drain_time();
    if (time.seconds() < 0 || time.seconds() > kMaxDrainSeconds || time.nanos() < 0 ||
        time.nanos() >= scheduler::kSecond) {
      return absl::InvalidArgumentError(
          absl::StrCat("drain_time: must lie between 0 s and ", kMaxDrainSeconds, " s"));
    }
    order.drain_time = time.seconds() * scheduler::kSecond + time.nanos();
  }
  const absl::Status accepted = sources.drain(order);
  api::DrainResponse reply;
  reply.set_accepted(accepted.ok());
  reply.set_reason(std::string(accepted.message()));
  return reply;
}

absl::StatusOr<api::StatusResponse> Status(const ControlSources& sources,
                                           const api::StatusRequest&) {
  return sources.status();
}

absl::StatusOr<api::GetCpuPlanResponse> GetCpuPlan(const ControlSources& sources,
                                                   const api::GetCpuPlanRequest&) {
  return sources.cpu_plan();
}

absl::StatusOr<api::DumpCoroutinesResponse> DumpCoroutines(const ControlSources& sources,
                                                           const api::DumpCoroutinesRequest&) {
  api::DumpCoroutinesResponse reply;
  reply.set_text(sources.coroutines());
  return reply;
}

absl::StatusOr<api::GetTraceResponse> GetTrace(const ControlSources& sources,
                                               const api::GetTraceRequest&) {
  api::GetTraceResponse reply;
  reply.set_chrome_json(sources.trace());
  return reply;
}

void Append(std::vector<GrpcMethod> more, std::vector<GrpcMethod>& methods) {
  methods.insert(methods.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
}

}  // namespace

std::vector<GrpcMethod> ControlApiMethods(ControlSources sources) {
  const std::string control = "outrigger.control.v1.Control";
  const std::string path = "/" + control + "/";
  std::vector<GrpcMethod> methods = {
      TypedMethod<api::StatusRequest, api::StatusResponse>(path + "Status", Kind::kUnary,
                                                           std::bind_front(&Status, sources)),
      TypedMethod<api::GetCpuPlanRequest, api::GetCpuPlanResponse>(
          path + "GetCpuPlan", Kind::kUnary, std::bind_front(&GetCpuPlan, sources)),
      TypedMethod<api::DrainRequest, api::DrainResponse>(path + "Drain", Kind::kUnary,
                                                         std::bind_front(&Drain, sources)),
      TypedMethod<api::DumpCoroutinesRequest, api::DumpCoroutinesResponse>(
          path + "DumpCoroutines", Kind::kUnary, std::bind_front(&DumpCoroutines, sources)),
      TypedMethod<api::GetTraceRequest, api::GetTraceResponse>(
          path + "GetTrace", Kind::kUnary, std::bind_front(&GetTrace, sources))};
  Append(
      HealthMethods([status = sources.status] { return status().state() == api::LIVE; }, {control}),
      methods);
  Append(ReflectionMethods({"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                            "grpc.reflection.v1alpha.ServerReflection", control}),
         methods);
  return methods;
}

}  // namespace outrigger::control
