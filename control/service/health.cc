#include "control/service/health.h"

#include <algorithm>
#include <utility>

#include "grpc/health/v1/health.pb.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

namespace api = ::grpc::health::v1;
using Kind = GrpcMethod::Kind;

// What both methods know. Thread-safety: immutable.
struct Health {
  std::function<bool()> serving;
  std::vector<std::string> services;

  api::HealthCheckResponse::ServingStatus Of(const std::string& service) const {
    const bool known =
        service.empty() || std::find(services.begin(), services.end(), service) != services.end();
    if (!known) return api::HealthCheckResponse::SERVICE_UNKNOWN;
    return serving() ? api::HealthCheckResponse::SERVING : api::HealthCheckResponse::NOT_SERVING;
  }
};

absl::StatusOr<api::HealthCheckResponse> Watch(const Health& health,
                                               const api::HealthCheckRequest& request) {
  api::HealthCheckResponse reply;
  reply.set_status(health.Of(request.service()));
  return reply;
}

// The protocol's difference between the two: an unknown service is an error here, a value there.
absl::StatusOr<api::HealthCheckResponse> Check(const Health& health,
                                               const api::HealthCheckRequest& request) {
  auto reply = Watch(health, request);
  if (reply->status() == api::HealthCheckResponse::SERVICE_UNKNOWN) {
    return absl::NotFoundError(
        scheduler::Concat("no service ", std::string_view(request.service()).substr(0, 256)));
  }
  return reply;
}

}  // namespace

std::vector<GrpcMethod> HealthMethods(std::function<bool()> serving,
                                      std::vector<std::string> services) {
  const Health health{std::move(serving), std::move(services)};
  return {TypedMethod<api::HealthCheckRequest, api::HealthCheckResponse>(
              "/grpc.health.v1.Health/Check", Kind::kUnary, std::bind_front(&Check, health)),
          TypedMethod<api::HealthCheckRequest, api::HealthCheckResponse>(
              "/grpc.health.v1.Health/Watch", Kind::kObserve, std::bind_front(&Watch, health))};
}

}  // namespace outrigger::control
