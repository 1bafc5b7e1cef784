#include "control/process/signals.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace outrigger::control {
namespace {

sigset_t Handled() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGQUIT);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = Handled();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

std::optional<ProcessSignal> WaitForSignal(scheduler::Nanos timeout) {
  const sigset_t set = Handled();
  const timespec wait = {timeout / scheduler::kSecond, timeout % scheduler::kSecond};
  while (true) {
    const int signal = timeout == scheduler::kNever ? sigwaitinfo(&set, nullptr)
                                                    : sigtimedwait(&set, nullptr, &wait);
    if (signal < 0 && errno == EAGAIN) return std::nullopt;
    if (signal < 0) continue;  // EINTR
    if (signal == SIGTERM) return ProcessSignal::kTerminate;
    if (signal == SIGINT) return ProcessSignal::kInterrupt;
    return signal == SIGQUIT ? ProcessSignal::kDump : ProcessSignal::kReload;
  }
}

void Raise(ProcessSignal signal) {
  switch (signal) {
    case ProcessSignal::kTerminate:
      kill(getpid(), SIGTERM);
      break;
    case ProcessSignal::kInterrupt:
      kill(getpid(), SIGINT);
      break;
    case ProcessSignal::kReload:
      kill(getpid(), SIGHUP);
      break;
    case ProcessSignal::kDump:
      kill(getpid(), SIGQUIT);
      break;
  }
}

}  // namespace outrigger::control
