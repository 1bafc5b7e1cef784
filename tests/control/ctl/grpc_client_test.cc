#include "control/ctl/grpc_client.h"

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "tests/control/service/fake_control.h"
#include "tests/control/service/peer.h"

namespace outrigger::control {
namespace {

using scheduler::kMillisecond;
using scheduler::kSecond;
using scheduler::Task;

Task<absl::StatusOr<std::string>> Echo(std::string request) { co_return request; }

Task<absl::StatusOr<std::string>> Fail(std::string) { co_return absl::NotFoundError("tür"); }

class GrpcClientTest : public testing::Test {
 protected:
  absl::StatusOr<std::string> Call(std::string_view method, std::string_view request) {
    auto connection = ConnectControl(folder_.socket());
    if (!connection.ok()) return connection.status();
    return CallUnary(*std::move(connection), method, request, 10 * kSecond);
  }

  SocketFolder folder_;
  TestGrpcServer server_{{.socket_path = folder_.socket()},
                         {{"/t.T/Echo", GrpcMethod::Kind::kUnary, &Echo},
                          {"/t.T/Fail", GrpcMethod::Kind::kUnary, &Fail},
                          {"/t.T/Chat", GrpcMethod::Kind::kChat, &Echo}}};
};

TEST_F(GrpcClientTest, RepliesComeBackWhole) {
  EXPECT_EQ(Call("/t.T/Echo", "hello").value(), "hello");
  EXPECT_EQ(Call("/t.T/Echo", "").value(), "");
  const std::string large(3'000'000, 'x');  // many windows, both ways
  EXPECT_EQ(Call("/t.T/Echo", large).value(), large);
}

TEST_F(GrpcClientTest, StatusesComeBackAsTheyWere) {
  EXPECT_EQ(Call("/t.T/Fail", "").status(), absl::NotFoundError("tür"));
  EXPECT_EQ(Call("/t.T/Other", "").status().code(), absl::StatusCode::kUnimplemented);
}

// A peer that is no gRPC server: what it says, and what the client makes of it.
absl::Status Hear(std::string_view bytes, bool close) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
  Peer peer(fds[1]);
  peer.Send(bytes);
  if (close) peer.Close();
  return CallUnary(proxy::Fd(fds[0]), "/t.T/Echo", "", 20 * kMillisecond).status();
}

TEST(GrpcClientPeerTest, BrokenPeersAreErrors) {
  EXPECT_EQ(Hear("", true).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Hear("HTTP/1.1 200 OK\r\n\r\n", false).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Hear(std::string(100'000, '\xff'), true).code(), absl::StatusCode::kUnavailable);
}

TEST(GrpcClientPeerTest, ASilentPeerIsNotWaitedForForEver) {
  EXPECT_EQ(Hear("", false).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(GrpcClientPeerTest, ASocketThatNobodyListensOnIsExplained) {
  SocketFolder folder;
  const auto address = proxy::Address::Pipe(folder.socket());
  {
    const proxy::Fd dead(socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(bind(dead.get(), address->get(), address->length), 0);
  }
  const absl::Status status = ConnectControl(folder.socket()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("has ended, start it again"), std::string::npos) << status;
  EXPECT_EQ(ConnectControl(std::string(200, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace outrigger::control
