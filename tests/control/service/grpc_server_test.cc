#include "control/service/grpc_server.h"

#include <sys/stat.h>

#include <atomic>
#include <string>

#include "grpc/health/v1/health.pb.h"
#include "gtest/gtest.h"
#include "tests/control/service/fake_control.h"
#include "tests/control/service/grpc_peer.h"

namespace outrigger::control {
namespace {

using Kind = GrpcMethod::Kind;
using scheduler::kMillisecond;
using scheduler::Task;

Task<absl::StatusOr<std::string>> Echo(std::string request) { co_return "<" + request + ">"; }

Task<absl::StatusOr<std::string>> Refuse(std::string request) {
  co_return absl::FailedPreconditionError("100% of " + request + "\n");
}

Task<absl::StatusOr<std::string>> Slow(std::string) {
  co_await scheduler::Sleep(30 * kMillisecond);
  co_return "late";
}

class GrpcServerTest : public testing::Test {
 protected:
  GrpcServerTest() {
    options_.socket_path = folder_.socket();
    options_.observe_interval = kMillisecond;
    options_.max_message = 100'000;
  }

  GrpcPeer Connect() {
    if (!server_) server_ = std::make_unique<TestGrpcServer>(options_, Methods());
    return GrpcPeer(folder_.socket());
  }
  std::vector<GrpcMethod> Methods() {
    return {{"/t.T/Echo", Kind::kUnary, &Echo},
            {"/t.T/Refuse", Kind::kUnary, &Refuse},
            {"/t.T/Slow", Kind::kUnary, &Slow},
            {"/t.T/Chat", Kind::kChat, &Echo},
            {"/t.T/Observe", Kind::kObserve, [this](std::string) { return Look(value_, looks_); }},
            TypedMethod<::grpc::health::v1::HealthCheckRequest,
                        ::grpc::health::v1::HealthCheckResponse>(
                "/t.T/Typed", Kind::kUnary,
                [](const auto&) { return ::grpc::health::v1::HealthCheckResponse(); })};
  }
  static Task<absl::StatusOr<std::string>> Look(const std::atomic<int>& value,
                                                std::atomic<int>& looks) {
    const int seen = value.load();
    looks.fetch_add(1);
    looks.notify_all();
    co_return std::to_string(seen);
  }
  void WaitForLooks(int n) {
    for (int seen = looks_.load(); seen < n; seen = looks_.load()) looks_.wait(seen);
  }

  SocketFolder folder_;
  GrpcServerOptions options_;
  std::atomic<int> value_{1}, looks_{0};
  std::unique_ptr<TestGrpcServer> server_;
};

TEST_F(GrpcServerTest, AUnaryCallHasOneReply) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Echo");
  call->Send("hello");
  call->End();
  EXPECT_EQ(call->Next(), "<hello>");
  EXPECT_EQ(call->Next(), std::nullopt);
  EXPECT_TRUE(call->Outcome().ok());
  EXPECT_EQ(call->http_status(), "200");
}

TEST_F(GrpcServerTest, MessagesLargerThanAWindowPass) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Echo");
  const std::string large(99'000, 'x');
  call->Send(large);
  call->End();
  EXPECT_EQ(call->Next(), "<" + large + ">");
}

TEST_F(GrpcServerTest, TheMethodsStatusEndsTheCall) {
  GrpcPeer peer = Connect();
  EXPECT_EQ(peer.Start("/t.T/Refuse")->Ask("it"), absl::FailedPreconditionError("100% of it\n"));
}

TEST_F(GrpcServerTest, WhatIsNoMethodIsUnimplemented) {
  GrpcPeer peer = Connect();
  EXPECT_EQ(peer.Start("/t.T/Other")->Ask(""), absl::UnimplementedError("no method /t.T/Other"));
  EXPECT_EQ(peer.Start("/")->Ask("").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(peer.Start("/t.T/Echo/")->Ask("").code(), absl::StatusCode::kUnimplemented);
}

TEST_F(GrpcServerTest, WhatIsNoGrpcIsRefusedByHttp) {
  GrpcPeer peer = Connect();
  for (const GrpcPeer::ExtraHeaders& other :
       {GrpcPeer::ExtraHeaders{{"content-type", "application/json"}},
        GrpcPeer::ExtraHeaders{{"content-type", "application/grpc-web"}},
        GrpcPeer::ExtraHeaders{{":method", "PUT"}}}) {
    auto call = peer.Start("/t.T/Echo", other);
    call->Ask("hello").IgnoreError();
    EXPECT_EQ(call->http_status(), "415");
  }
  Peer http1(*proxy::Address::Pipe(folder_.socket()));
  http1.Send("GET /t.T/Echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(http1.ReceiveAll().substr(0, 12), "HTTP/1.1 415");
}

TEST_F(GrpcServerTest, AProtobufThatCannotBeReadIsInternal) {
  GrpcPeer peer = Connect();
  EXPECT_TRUE(peer.Start("/t.T/Typed")->Ask("\x0a\x01x").ok());
  EXPECT_EQ(peer.Start("/t.T/Typed")->Ask("\x0a\xff"),
            absl::InternalError("the request is no grpc.health.v1.HealthCheckRequest"));
}

TEST_F(GrpcServerTest, AChatIsAnsweredMessageByMessage) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Chat");
  for (const char* message : {"a", "b", "c"}) {
    call->Send(message);
    EXPECT_EQ(call->Next(), std::string("<") + message + ">");
  }
  call->End();
  EXPECT_TRUE(call->Outcome().ok());
}

TEST_F(GrpcServerTest, AnOpenCallDoesNotHoldOthersUp) {
  GrpcPeer peer = Connect();
  auto chat = peer.Start("/t.T/Chat");
  chat->Send("first");
  auto half = peer.Start("/t.T/Echo");
  half->SendBytes(std::string("\0\0\0", 3));
  EXPECT_TRUE(peer.Start("/t.T/Echo")->Ask("unary").ok());
  EXPECT_EQ(chat->Next(), "<first>");
  half->SendBytes(std::string("\0\1x", 3));
  half->End();
  EXPECT_EQ(half->Next(), "<x>");
}

TEST_F(GrpcServerTest, AnObserverHearsOfChangesOnly) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Observe");
  call->Send("");
  call->End();
  EXPECT_EQ(call->Next(), "1");
  WaitForLooks(looks_.load() + 3);
  value_ = 2;
  EXPECT_EQ(call->Next(), "2");
}

TEST_F(GrpcServerTest, AnObserverHearsUntilItsDeadline) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Observe", {{"grpc-timeout", "20m"}});
  EXPECT_EQ(call->Ask("").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(call->Next(), "1");
}

TEST_F(GrpcServerTest, DeadlinesEndWaitsAndLateAnswers) {
  GrpcPeer peer = Connect();
  for (const char* path : {"/t.T/Echo", "/t.T/Chat"}) {
    auto silent = peer.Start(path, {{"grpc-timeout", "5m"}});
    EXPECT_EQ(silent->Outcome().code(), absl::StatusCode::kDeadlineExceeded);
  }
  auto late = peer.Start("/t.T/Slow", {{"grpc-timeout", "5m"}});
  EXPECT_EQ(late->Ask("").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(late->Next(), std::nullopt);
  EXPECT_EQ(peer.Start("/t.T/Echo", {{"grpc-timeout", "0n"}})->Ask("").code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(peer.Start("/t.T/Echo", {{"grpc-timeout", "99999999H"}})->Ask("").ok());
  EXPECT_EQ(peer.Start("/t.T/Echo", {{"grpc-timeout", "soon"}})->Ask(""),
            absl::InternalError("malformed grpc-timeout"));
}

TEST_F(GrpcServerTest, MessagesHaveALimit) {
  GrpcPeer peer = Connect();
  auto call = peer.Start("/t.T/Echo");
  call->SendBytes(std::string("\0\0\1\x86\xa1", 5));  // 100,001
  EXPECT_EQ(call->Outcome(),
            absl::ResourceExhaustedError("message of 100001 bytes, the limit is 100000"));
}

TEST_F(GrpcServerTest, CompressionIsRefused) {
  GrpcPeer peer = Connect();
  EXPECT_EQ(peer.Start("/t.T/Echo", {{"grpc-encoding", "gzip"}})->Ask("").code(),
            absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(peer.Start("/t.T/Echo", {{"grpc-encoding", "identity"}})->Ask("").ok());
  auto call = peer.Start("/t.T/Echo");
  call->SendBytes(std::string("\1\0\0\0\0", 5));
  EXPECT_EQ(call->Outcome().code(), absl::StatusCode::kInternal);
}

TEST_F(GrpcServerTest, AUnaryCallHasExactlyOneRequest) {
  GrpcPeer peer = Connect();
  auto none = peer.Start("/t.T/Echo");
  none->End();
  EXPECT_EQ(none->Outcome().code(), absl::StatusCode::kUnimplemented);
  auto two = peer.Start("/t.T/Echo");
  two->Send("one");
  EXPECT_EQ(two->Ask("two").code(), absl::StatusCode::kUnimplemented);
  auto part = peer.Start("/t.T/Echo");
  part->SendBytes(std::string("\0\0\0\0\2x", 6));
  part->End();
  EXPECT_EQ(part->Outcome(), absl::InternalError("the call ended inside a message"));
}

TEST_F(GrpcServerTest, SilentCallsAndConnectionsEnd) {
  options_.idle_timeout = 10 * kMillisecond;
  GrpcPeer peer = Connect();
  auto chat = peer.Start("/t.T/Chat");
  EXPECT_EQ(chat->Outcome().code(), absl::StatusCode::kUnavailable);
  while (peer.Pump()) {
  }
}

TEST_F(GrpcServerTest, ConnectionsAreBounded) {
  options_.max_connections = 1;
  GrpcPeer first = Connect(), second = Connect();
  EXPECT_TRUE(first.Start("/t.T/Echo")->Ask("").ok());
  EXPECT_EQ(second.Start("/t.T/Echo")->Ask("").code(), absl::StatusCode::kDataLoss);
}

TEST_F(GrpcServerTest, TheSocketIsForOwnerAndGroupAndGoesWithTheServer) {
  Connect();
  struct stat found;
  ASSERT_EQ(stat(folder_.socket().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660u);
  server_.reset();
  EXPECT_NE(stat(folder_.socket().c_str(), &found), 0);
}

TEST_F(GrpcServerTest, AMissingFolderIsMade) {
  const std::string folder = folder_.path() + "/run";
  options_.socket_path = folder + "/control.sock";
  server_ = std::make_unique<TestGrpcServer>(options_, Methods());
  EXPECT_TRUE(GrpcPeer(options_.socket_path).Start("/t.T/Echo")->Ask("").ok());
  server_.reset();
  EXPECT_EQ(rmdir(folder.c_str()), 0);
}

TEST_F(GrpcServerTest, ASocketThatCannotBeHadIsNamed) {
  options_.socket_path = folder_.path() + "/no/such/control.sock";
  const absl::Status missing = ListenGrpc(options_, {}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(missing.message().find(options_.socket_path), std::string::npos);

  options_.socket_path = folder_.path() + "/" + std::string(200, 'x');
  EXPECT_EQ(ListenGrpc(options_, {}).status().code(), absl::StatusCode::kInvalidArgument);

  options_.socket_path = folder_.socket();
  TestGrpcServer living(options_, Methods());
  EXPECT_EQ(ListenGrpc(options_, {}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(GrpcPeer(folder_.socket()).Start("/t.T/Echo")->Ask("").ok());
}

}  // namespace
}  // namespace outrigger::control
