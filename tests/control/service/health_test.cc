#include "control/service/health.h"

#include "grpc/health/v1/health.pb.h"
#include "gtest/gtest.h"
#include "tests/control/service/fake_control.h"
#include "tests/control/service/grpc_peer.h"

namespace outrigger::control {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

class HealthTest : public testing::Test {
 protected:
  HealthTest()
      : server_({.socket_path = folder_.socket(), .observe_interval = scheduler::kMillisecond},
                HealthMethods([this] { return serving_.load(); }, {"t.T"})) {}

  static std::string Asking(const std::string& service) {
    HealthCheckRequest request;
    request.set_service(service);
    return request.SerializeAsString();
  }
  static int StatusIn(const std::optional<std::string>& reply) {
    HealthCheckResponse parsed;
    return reply && parsed.ParseFromString(*reply) ? parsed.status() : -1;
  }
  int Check(const std::string& service) {
    auto call = peer_.Start("/grpc.health.v1.Health/Check");
    EXPECT_TRUE(call->Ask(Asking(service)).ok());
    return StatusIn(call->Next());
  }

  SocketFolder folder_;
  std::atomic<bool> serving_{true};
  TestGrpcServer server_;
  GrpcPeer peer_{folder_.socket()};
};

TEST_F(HealthTest, TheProcessAndItsServicesHaveOneHealth) {
  EXPECT_EQ(Check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(Check("t.T"), HealthCheckResponse::SERVING);
  serving_ = false;
  EXPECT_EQ(Check(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Check("t.T"), HealthCheckResponse::NOT_SERVING);
}

TEST_F(HealthTest, CheckingAnUnknownServiceFails) {
  EXPECT_EQ(peer_.Start("/grpc.health.v1.Health/Check")->Ask(Asking("t.U")),
            absl::NotFoundError("no service t.U"));
}

TEST_F(HealthTest, AWatcherHearsOfEachChange) {
  auto call = peer_.Start("/grpc.health.v1.Health/Watch");
  call->Send(Asking(""));
  call->End();
  EXPECT_EQ(StatusIn(call->Next()), HealthCheckResponse::SERVING);
  serving_ = false;
  EXPECT_EQ(StatusIn(call->Next()), HealthCheckResponse::NOT_SERVING);
  serving_ = true;
  EXPECT_EQ(StatusIn(call->Next()), HealthCheckResponse::SERVING);
}

TEST_F(HealthTest, WatchingAnUnknownServiceIsNoError) {
  auto call = peer_.Start("/grpc.health.v1.Health/Watch");
  call->Send(Asking("t.U"));
  call->End();
  EXPECT_EQ(StatusIn(call->Next()), HealthCheckResponse::SERVICE_UNKNOWN);
}

}  // namespace
}  // namespace outrigger::control
