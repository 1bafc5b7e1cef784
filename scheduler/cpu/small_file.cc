#include "scheduler/cpu/small_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace outrigger::scheduler {
namespace {

absl::Status ReadError(int error, const std::string& path) {
  // A thread that ends between open and read gives ESRCH; to the caller the file is gone.
  if (error == ESRCH || error == ENOTDIR) error = ENOENT;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot read ", path));
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t limit) {
  // O_NONBLOCK: a FIFO in the place of the file must not hang us.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return ReadError(errno, path);
  std::string text;
  int error = 0;
  char chunk[4096];
  while (text.size() <= limit) {
    const ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got <= 0) break;
    text.append(chunk, static_cast<size_t>(got));
  }
  close(fd);
  if (error != 0) return ReadError(error, path);
  if (text.size() > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot read ", path, ": it is longer than ", limit, " bytes"));
  }
  return text;
}

}  // namespace outrigger::scheduler
