#include "scheduler/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/core/processor.h"

namespace outrigger::scheduler {
namespace {

absl::StatusOr<sigset_t> SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    if (sigaddset(&set, signal) != 0) {
      return absl::InvalidArgumentError(absl::StrCat(signal, " is no signal"));
    }
  }
  return set;
}

}  // namespace

absl::Status BlockSignals(std::initializer_list<int> signals) {
  OUTRIGGER_ASSIGN_OR_RETURN(const sigset_t set, SetOf(signals));
  const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "pthread_sigmask");
}

absl::StatusOr<std::unique_ptr<SignalFd>> SignalFd::Open(std::initializer_list<int> signals) {
  OUTRIGGER_ASSIGN_OR_RETURN(const sigset_t set, SetOf(signals));
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  for (const int signal : signals) {
    if (sigismember(&blocked, signal) == 1) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "signal ", signal, " is not blocked: call BlockSignals() before threads are started"));
  }
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "signalfd");
  return std::unique_ptr<SignalFd>(new SignalFd(fd));
}

SignalFd::SignalFd(int fd) : fd_(fd), poll_(std::in_place, CurrentNetpoll(), fd) {}

SignalFd::~SignalFd() {
  poll_.reset();
  close(fd_);
}

Task<SignalFd::Taken> SignalFd::Next(Nanos deadline) {
  while (true) {
    signalfd_siginfo info;
    const ssize_t n = read(fd_, &info, sizeof(info));
    if (n == sizeof(info)) {
      co_return Taken{.wake = Wake::kReady, .signal = static_cast<int>(info.ssi_signo)};
    }
    OUTRIGGER_CHECK(n < 0 && (errno == EAGAIN || errno == EINTR));
    const Wake wake = co_await poll_->Readable(deadline);
    if (wake != Wake::kReady) co_return Taken{.wake = wake};
  }
}

}  // namespace outrigger::scheduler
