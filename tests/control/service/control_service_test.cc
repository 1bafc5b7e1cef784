#include "control/service/control_service.h"

#include <google/protobuf/descriptor.h>

#include <set>

#include "gtest/gtest.h"
#include "tests/control/service/fake_control.h"
#include "tests/control/service/grpc_peer.h"

namespace outrigger::control {
namespace {

class ControlServiceTest : public testing::Test {
 protected:
  template <typename Reply, typename Request>
  absl::StatusOr<Reply> Ask(const std::string& method, const Request& request) {
    auto call = peer_.Start("/outrigger.control.v1.Control/" + method);
    if (absl::Status status = call->Ask(request.SerializeAsString()); !status.ok()) return status;
    Reply reply;
    EXPECT_TRUE(reply.ParseFromString(call->Next().value_or("\xff")));
    return reply;
  }

  SocketFolder folder_;
  FakeControl fake_;
  TestGrpcServer server_{{.socket_path = folder_.socket()}, ControlApiMethods(fake_.Sources())};
  GrpcPeer peer_{folder_.socket()};
};

TEST_F(ControlServiceTest, StatusAndPlanAreTheSources) {
  const auto status = Ask<v1::StatusResponse>("Status", v1::StatusRequest());
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->state(), v1::LIVE);
  EXPECT_EQ(status->total_requests(), 12'345'678'901u);
  const auto plan = Ask<v1::GetCpuPlanResponse>("GetCpuPlan", v1::GetCpuPlanRequest());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->data_cpus(), "1-3");
}

TEST_F(ControlServiceTest, ADrainIsPassedOn) {
  v1::DrainRequest request;
  EXPECT_TRUE(Ask<v1::DrainResponse>("Drain", request)->accepted());
  request.set_mode(v1::DrainRequest::IMMEDIATE);
  request.mutable_drain_time()->set_seconds(7);
  request.mutable_drain_time()->set_nanos(5);
  EXPECT_TRUE(Ask<v1::DrainResponse>("Drain", request)->accepted());
  ASSERT_EQ(fake_.drains().size(), 2u);
  EXPECT_FALSE(fake_.drains()[0].immediate);
  EXPECT_EQ(fake_.drains()[0].drain_time, std::nullopt);
  EXPECT_TRUE(fake_.drains()[1].immediate);
  EXPECT_EQ(fake_.drains()[1].drain_time, 7 * scheduler::kSecond + 5);
}

TEST_F(ControlServiceTest, ADrainThatMakesNoSenseIsInvalid) {
  for (const auto& [seconds, nanos] : {std::pair<int64_t, int32_t>{-1, 0},
                                       {0, -1},
                                       {0, 1'000'000'000},
                                       {86'401, 0},
                                       {INT64_MAX, 0}}) {
    v1::DrainRequest request;
    request.mutable_drain_time()->set_seconds(seconds);
    request.mutable_drain_time()->set_nanos(nanos);
    EXPECT_EQ(Ask<v1::DrainResponse>("Drain", request).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  v1::DrainRequest request;
  request.set_mode(static_cast<v1::DrainRequest::Mode>(9));
  EXPECT_EQ(Ask<v1::DrainResponse>("Drain", request).status(),
            absl::InvalidArgumentError("mode: no such mode: 9"));
  EXPECT_TRUE(fake_.drains().empty());
}

TEST_F(ControlServiceTest, ARefusedDrainSaysWhy) {
  fake_.RefuseDrains();
  const auto reply = Ask<v1::DrainResponse>("Drain", v1::DrainRequest());
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply->accepted());
  EXPECT_EQ(reply->reason(), "not started yet");
}

// No method is forgotten, none is misspelled, and each streams as its descriptor says.
TEST_F(ControlServiceTest, MethodsAreThoseOfTheDescriptors) {
  using google::protobuf::DescriptorPool;
  std::set<std::string> wanted, found;
  for (const char* name :
       {"outrigger.control.v1.Control", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}) {
    const auto* service = DescriptorPool::generated_pool()->FindServiceByName(name);
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      wanted.insert(absl::StrCat("/", name, "/", method.name(), " ",
                                 method.client_streaming() + 2 * method.server_streaming()));
    }
  }
  for (const GrpcMethod& method : ControlApiMethods(fake_.Sources())) {
    const int streams = method.kind == GrpcMethod::Kind::kUnary  ? 0
                        : method.kind == GrpcMethod::Kind::kChat ? 3
                                                                 : 2;
    found.insert(absl::StrCat(method.path, " ", streams));
  }
  EXPECT_EQ(found, wanted);
}

}  // namespace
}  // namespace outrigger::control
