// signals.h: signals of the process as something that a G waits for. Usage: in main, before any
// thread is started, BlockSignals({SIGHUP}); later, on a G:
//   absl::StatusOr<std::unique_ptr<SignalFd>> signals = SignalFd::Open({SIGHUP});
//   const SignalFd::Taken taken = co_await (*signals)->Next();
// A signal that one thread leaves unblocked is delivered there, and is not seen here. A blocked one
// stays pending until somebody takes it: two who wait for the same signal share it.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/netpoll/netpoll.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

// For this thread and those that it starts from now on. Child processes: child_process.h.
absl::Status BlockSignals(std::initializer_list<int> signals);

// Runs on: the pool (pinned: the P) of the G that opened it. Owner: usually that G's frame; gone
// before the pool is. Thread-safety: one waits at a time.
class SignalFd {
 public:
  struct Taken {
    Wake wake = Wake::kReady;  // kReady, kTimeout, kCancelled
    int signal = 0;            // if kReady
  };

  // On a G. The signals must have been blocked.
  static absl::StatusOr<std::unique_ptr<SignalFd>> Open(std::initializer_list<int> signals);
  ~SignalFd();
  SignalFd(const SignalFd&) = delete;
  SignalFd& operator=(const SignalFd&) = delete;

  // The next signal; of several that are pending, the kernel's choice. One that was sent again
  // before it was taken comes once.
  Task<Taken> Next(Nanos deadline = kNever);

 private:
  explicit SignalFd(int fd);

  const int fd_;
  std::optional<PollFd> poll_;
};

}  // namespace outrigger::scheduler
