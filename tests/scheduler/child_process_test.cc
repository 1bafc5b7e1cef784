#include "scheduler/child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

class ChildProcessTest : public testing::TestWithParam<Policy> {
 protected:
  Pool pool_{Options(GetParam(), 2)};
};
INSTANTIATE_TEST_SUITE_P(Policies, ChildProcessTest, testing::ValuesIn(kPolicies));

std::unique_ptr<ChildProcess> Shell(const std::string& script) {
  auto child = ChildProcess::Start({.argv = {"/bin/sh", "-c", script}});
  EXPECT_TRUE(child.ok()) << child.status();
  return *std::move(child);
}

struct Pipe {
  Pipe() { OUTRIGGER_CHECK(pipe2(ends, O_CLOEXEC) == 0); }
  ~Pipe() {
    close(ends[0]);
    CloseWriter();
  }
  void CloseWriter() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

// Runs until `input` is closed, or a signal comes.
std::unique_ptr<ChildProcess> Cat(const Pipe& input) {
  auto child = ChildProcess::Start({.argv = {"/bin/cat"}, .stdin_fd = input.ends[0]});
  EXPECT_TRUE(child.ok()) << child.status();
  return *std::move(child);
}

bool IsOurChild(pid_t pid) {
  siginfo_t told;
  return waitid(P_PID, static_cast<id_t>(pid), &told, WEXITED | WNOHANG | WNOWAIT) == 0;
}

Task<> ExitCodes() {
  for (const int code : {0, 3}) {
    const std::unique_ptr<ChildProcess> child = Shell("exit " + std::to_string(code));
    for (int i = 0; i < 2; ++i) {  // it may be asked again
      const ChildProcess::Exit exit = co_await child->Exited();
      EXPECT_EQ(exit.wake, Wake::kReady);
      EXPECT_EQ(exit.code, code);
      EXPECT_EQ(exit.signal, 0);
    }
    EXPECT_FALSE(IsOurChild(child->pid()));
    EXPECT_EQ(child->Kill(SIGTERM).code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST_P(ChildProcessTest, TellsItsExitCode) { RunToEnd(pool_, ExitCodes()); }

Task<> KillIt() {
  Pipe input;
  const std::unique_ptr<ChildProcess> child = Cat(input);
  const ChildProcess::Exit late = co_await child->Exited(Now() + kMillisecond);
  EXPECT_EQ(late.wake, Wake::kTimeout);
  EXPECT_TRUE(child->Kill(SIGTERM).ok());
  const ChildProcess::Exit exit = co_await child->Exited();
  EXPECT_EQ(exit.wake, Wake::kReady);
  EXPECT_EQ(exit.signal, SIGTERM);
}

TEST_P(ChildProcessTest, IsKilledAndTellsBySignal) { RunToEnd(pool_, KillIt()); }

Task<> WaitInVain(std::atomic<pid_t>& pid, ChildProcess::Exit& exit) {
  Pipe input;
  const std::unique_ptr<ChildProcess> child = Cat(input);
  pid.store(child->pid());
  exit = co_await child->Exited();
}

TEST_P(ChildProcessTest, ACancelEndsTheWaitAndTheDestructorTheChild) {
  std::atomic<pid_t> pid{0};
  ChildProcess::Exit exit;
  Spawn(pool_, "wait", WaitInVain(pid, exit));
  Await([&] { return pid.load() != 0; });
  EXPECT_TRUE(IsOurChild(pid));
  pool_.Stop();
  EXPECT_EQ(exit.wake, Wake::kCancelled);
  EXPECT_FALSE(IsOurChild(pid));  // and no zombie
  EXPECT_EQ(kill(pid, 0), -1);
}

Task<> Descriptors() {
  Pipe input, output;
  auto child = ChildProcess::Start({.argv = {"/bin/sh", "-c", "cat; echo $NAME; echo err >&2"},
                                    .environment = std::vector<std::string>{"NAME=value"},
                                    .stdin_fd = input.ends[0],
                                    .stdout_fd = output.ends[1],
                                    .stderr_fd = output.ends[1]});
  OUTRIGGER_CHECK(child.ok());
  output.CloseWriter();
  OUTRIGGER_CHECK(write(input.ends[1], "in\n", 3) == 3);
  input.CloseWriter();
  const ChildProcess::Exit exit = co_await (*child)->Exited();
  EXPECT_EQ(exit.code, 0);
  char text[64];
  const ssize_t n = read(output.ends[0], text, sizeof(text));
  EXPECT_EQ(std::string(text, n > 0 ? static_cast<size_t>(n) : 0), "in\nvalue\nerr\n");
}

TEST_P(ChildProcessTest, HasTheDescriptorsAndEnvironmentItWasGiven) {
  RunToEnd(pool_, Descriptors());
}

Task<> SignalItself() {
  const std::unique_ptr<ChildProcess> child = Shell("kill -USR1 $$; kill -PIPE $$");
  const ChildProcess::Exit exit = co_await child->Exited();
  EXPECT_EQ(exit.signal, SIGUSR1);
  const std::unique_ptr<ChildProcess> other = Shell("kill -PIPE $$");
  const ChildProcess::Exit pipe = co_await other->Exited();
  EXPECT_EQ(pipe.signal, SIGPIPE);
}

TEST(ChildProcessSignalTest, InheritsNeitherBlockedNorIgnoredSignals) {
  sigset_t usr1, before;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, &before);
  signal(SIGPIPE, SIG_IGN);
  {
    Pool pool(Options(Policy::kStealing, 1));
    RunToEnd(pool, SignalItself());
  }
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Task<> StartWrongly() {
  const auto missing = ChildProcess::Start({.argv = {"/no/such/program"}});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(missing.status().message().find("posix_spawn /no/such/program"), std::string::npos)
      << missing.status();
  const auto empty = ChildProcess::Start({});
  EXPECT_EQ(empty.status().code(), absl::StatusCode::kInvalidArgument);
  const auto crossed = ChildProcess::Start({.argv = {"/bin/true"}, .stdout_fd = 2});
  EXPECT_EQ(crossed.status().code(), absl::StatusCode::kInvalidArgument);
  co_return;
}

TEST_P(ChildProcessTest, SaysWhichCallFailedForWhichPath) { RunToEnd(pool_, StartWrongly()); }

Task<> RunMany(int n) {
  for (int i = 0; i < n; ++i) {
    const std::unique_ptr<ChildProcess> child = Shell("exit 7");
    const ChildProcess::Exit exit = co_await child->Exited(Now() + 60 * kSecond);
    EXPECT_EQ(exit.code, 7);
  }
}

TEST(ChildProcessRaceTest, ManyRunBesideEachOther) {
  Pool pool(Options(Policy::kStealing, 4));
  std::vector<std::promise<void>> ended(8);
  for (auto& each : ended) Spawn(pool, "test", RunAndTell(RunMany(20), each));
  for (auto& each : ended) each.get_future().get();
}

}  // namespace
}  // namespace outrigger::scheduler
