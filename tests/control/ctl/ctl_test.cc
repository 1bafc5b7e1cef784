#include "control/ctl/ctl.h"

#include <stdlib.h>

#include "control/service/socket_path.h"
#include "gtest/gtest.h"
#include "tests/control/service/fake_control.h"

namespace outrigger::control {
namespace {

class CtlTest : public testing::Test {
 protected:
  void Serve() {
    server_ = std::make_unique<TestGrpcServer>(GrpcServerOptions{.socket_path = folder_.socket()},
                                               ControlApiMethods(fake_.Sources()));
  }
  CtlResult Ask(const std::string& command, bool json = false) {
    return AskControl({.command = command, .socket = folder_.socket(), .json = json});
  }

  SocketFolder folder_;
  FakeControl fake_;
  std::unique_ptr<TestGrpcServer> server_;
};

TEST_F(CtlTest, StatusIsATable) {
  Serve();
  const CtlResult result = Ask("status");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_NE(result.out.find("state                LIVE\n"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("ingress    127.0.0.1:10000\n"), std::string::npos) << result.out;
}

TEST_F(CtlTest, CpuIsATable) {
  Serve();
  const CtlResult result = Ask("cpu");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("data CPUs      1-3\n"), std::string::npos) << result.out;
}

TEST_F(CtlTest, CoroutinesAndTraceAreAsTheyCome) {
  Serve();
  EXPECT_EQ(Ask("coroutines").out, "coroutine resolver [read]:\n");
  EXPECT_EQ(Ask("trace").out, "{\"traceEvents\":[]}");
}

TEST_F(CtlTest, JsonHasEveryFieldUnderItsName) {
  Serve();
  const CtlResult status = Ask("status", /*json=*/true);
  EXPECT_EQ(status.exit_code, 0);
  EXPECT_NE(status.out.find("\"state\": \"LIVE\""), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("\"active_requests\": \"5\""), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("\"uptime\": \"3723s\""), std::string::npos) << status.out;
  EXPECT_EQ(Ask("drain", /*json=*/true).out, "{\n \"accepted\": true,\n \"reason\": \"\"\n}\n");
}

TEST_F(CtlTest, DrainAsksForTheProcesssOwnDrain) {
  Serve();
  const CtlResult result = Ask("drain");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "draining\n");
  ASSERT_EQ(fake_.drains().size(), 1u);
  EXPECT_FALSE(fake_.drains()[0].immediate);
  EXPECT_EQ(fake_.drains()[0].drain_time, std::nullopt);
  EXPECT_NE(Ask("status").out.find("DRAINING"), std::string::npos);
}

TEST_F(CtlTest, ARefusedDrainFails) {
  Serve();
  fake_.RefuseDrains();
  const CtlResult result = Ask("drain");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err, "outrigger ctl: the drain was refused: not started yet\n");
  EXPECT_EQ(Ask("drain", /*json=*/true).exit_code, 1);
}

TEST_F(CtlTest, WithoutASocketItSaysWhatToDo) {
  const CtlResult result = Ask("status");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.err.find(folder_.socket() + ": No such file or directory; is outrigger running"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("--socket or OUTRIGGER_CONTROL_SOCKET"), std::string::npos);
}

TEST_F(CtlTest, AnUnknownCommandIsBadUsage) {
  const CtlResult result = Ask("stop");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      "outrigger ctl: no command \"stop\": there are status, cpu, drain, coroutines and trace\n");
}

TEST(SocketPathTest, TheFlagWinsThenTheEnvironmentThenTheDefault) {
  unsetenv(kControlSocketVariable);
  EXPECT_EQ(ControlSocketPath(""), "/var/run/outrigger/control.sock");
  setenv(kControlSocketVariable, "", 1);
  EXPECT_EQ(ControlSocketPath(""), "/var/run/outrigger/control.sock");
  setenv(kControlSocketVariable, "/env", 1);
  EXPECT_EQ(ControlSocketPath(""), "/env");
  EXPECT_EQ(ControlSocketPath("/flag"), "/flag");
  unsetenv(kControlSocketVariable);
}

}  // namespace
}  // namespace outrigger::control
