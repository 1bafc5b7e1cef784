// child_process.h: ChildProcess, another program that a G starts, waits for and ends. A pidfd names
// it, so a number that the kernel gives to another process is never signalled.
// Does not move its bytes: give it the end of a pipe, and put a PollFd on the other.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/netpoll/netpoll.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

struct ChildProcessOptions {
  std::vector<std::string> argv;  // the first is the path; PATH is not searched
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; none: ours
  // The child's 0, 1 and 2; -1: ours. Above 2; the caller keeps and closes them.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// Starts with no signal blocked or ignored, on the CPUs of the thread that starts it (a pinned
// pool's: one), with our descriptors that are not close-on-exec.
//
// Runs on: the pool (pinned: the P) of the G that started it. Owner: usually that G's frame; gone
// before the pool is. Thread-safety: one waits at a time, nothing else meanwhile but Kill().
class ChildProcess {
 public:
  struct Exit {
    Wake wake = Wake::kReady;  // kReady: it has ended. kTimeout, kCancelled: it runs on
    int code = 0;              // of its exit; 0 if a signal ended it; -1: another reaped it
    int signal = 0;            // that ended it; 0: none
  };

  // On a G. Blocks the thread until the child has executed the program: about a millisecond.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildProcessOptions& options);
  // Kills the child if it still runs, and blocks the thread until the kernel has taken it down. To
  // let it end by itself: Kill(SIGTERM), and Exited() with a deadline.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // May be awaited again, also after the end.
  Task<Exit> Exited(Nanos deadline = kNever);
  // FailedPrecondition: Exited() has told its end.
  absl::Status Kill(int signal);

 private:
  ChildProcess(std::string path, pid_t pid, int pidfd);
  // True: it has ended, and is no zombie.
  bool Reap(int flags);

  const std::string path_;
  const pid_t pid_;
  const int pidfd_;
  std::optional<PollFd> poll_;
  std::optional<Exit> exit_;
};

}  // namespace outrigger::scheduler
