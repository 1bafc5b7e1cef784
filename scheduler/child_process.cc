#include "scheduler/child_process.h"

#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/core/processor.h"

namespace outrigger::scheduler {
namespace {

int PidfdOpen(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

int PidfdSendSignal(int pidfd, int signal) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

absl::Status CallError(int error, const char* call, const std::string& path) {
  return absl::ErrnoToStatus(error, absl::StrCat(call, " ", path));
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn() is to change between fork and exec.
//
// Owner: the stack of Spawn(). Thread-safety: confined.
class SpawnSetup {
 public:
  SpawnSetup() {
    OUTRIGGER_CHECK(posix_spawnattr_init(&attributes_) == 0);
    OUTRIGGER_CHECK(posix_spawn_file_actions_init(&actions_) == 0);
    // We block signals for SignalFd, and ignore PIPE; the child knows nothing of that.
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  absl::Status Place(int fd, int as, const std::string& path) {
    if (fd < 0) return absl::OkStatus();
    // One that is moved away before it is copied would be another's.
    if (fd <= STDERR_FILENO) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": descriptor ", fd, " cannot become its ", as, ": duplicate it"));
    }
    const int error = posix_spawn_file_actions_adddup2(&actions_, fd, as);
    if (error == 0) return absl::OkStatus();
    return CallError(error, "posix_spawn_file_actions_adddup2", path);
  }

  absl::StatusOr<pid_t> Spawn(const ChildProcessOptions& options) {
    const std::vector<char*> argv = Pointers(options.argv);
    std::vector<char*> environment;
    if (options.environment) environment = Pointers(*options.environment);
    pid_t pid;
    const int error = posix_spawn(&pid, argv[0], &actions_, &attributes_, argv.data(),
                                  options.environment ? environment.data() : environ);
    if (error != 0) return CallError(error, "posix_spawn", options.argv[0]);
    return pid;
  }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const ChildProcessOptions& options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("posix_spawn: argv is empty");
  const std::string& path = options.argv[0];
  SpawnSetup setup;
  OUTRIGGER_RETURN_IF_ERROR(setup.Place(options.stdin_fd, STDIN_FILENO, path));
  OUTRIGGER_RETURN_IF_ERROR(setup.Place(options.stdout_fd, STDOUT_FILENO, path));
  OUTRIGGER_RETURN_IF_ERROR(setup.Place(options.stderr_fd, STDERR_FILENO, path));
  OUTRIGGER_ASSIGN_OR_RETURN(const pid_t pid, setup.Spawn(options));
  // Ours until we reap it, whether it runs still or not.
  const int pidfd = PidfdOpen(pid);
  if (pidfd < 0) {
    const absl::Status status = CallError(errno, "pidfd_open", path);
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(path, pid, pidfd));
}

ChildProcess::ChildProcess(std::string path, pid_t pid, int pidfd)
    : path_(std::move(path)),
      pid_(pid),
      pidfd_(pidfd),
      poll_(std::in_place, CurrentNetpoll(), pidfd) {}

ChildProcess::~ChildProcess() {
  poll_.reset();
  if (!exit_) {
    PidfdSendSignal(pidfd_, SIGKILL);
    Reap(0);
  }
  close(pidfd_);
}

bool ChildProcess::Reap(int flags) {
  siginfo_t told{};
  int result;
  do {
    result = waitid(P_PIDFD, static_cast<id_t>(pidfd_), &told, WEXITED | flags);
  } while (result < 0 && errno == EINTR);
  if (result < 0) {
    // Somebody else reaped it: the process ignores CHLD, or waits for any child.
    OUTRIGGER_CHECK(errno == ECHILD);
    exit_ = Exit{.code = -1};
    return true;
  }
  if (told.si_pid == 0) return false;
  exit_ = Exit{};
  (told.si_code == CLD_EXITED ? exit_->code : exit_->signal) = told.si_status;
  return true;
}

Task<ChildProcess::Exit> ChildProcess::Exited(Nanos deadline) {
  while (!exit_ && !Reap(WNOHANG)) {
    const Wake wake = co_await poll_->Readable(deadline);
    if (wake != Wake::kReady) co_return Exit{.wake = wake};
  }
  co_return *exit_;
}

absl::Status ChildProcess::Kill(int signal) {
  if (exit_) return absl::FailedPreconditionError(absl::StrCat(path_, " has ended"));
  if (PidfdSendSignal(pidfd_, signal) == 0) return absl::OkStatus();
  return CallError(errno, "pidfd_send_signal", path_);
}

}  // namespace outrigger::scheduler
