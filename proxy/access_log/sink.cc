#include "proxy/access_log/sink.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "proxy/access_log/format.h"

namespace outrigger::proxy {
namespace {

using scheduler::MutexLock;

int OpenPath(const std::string& path) {
  // Opening these by name fails where they are sockets.
  if (path == "/dev/stdout") return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (path == "/dev/stderr") return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

// False: the file takes no more.
bool WriteFully(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      // Someone who shares our stdout made it non-blocking.
      pollfd wait{fd, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

AccessLogSink::AccessLogSink(int fd, scheduler::Pool& control, AccessLogOptions options,
                             std::shared_ptr<AccessLogFigures> figures)
    : fd_(fd), control_(control), options_(options), figures_(std::move(figures)) {}

AccessLogSink::~AccessLogSink() {
  Sync();
  close(fd_);
}

void AccessLogSink::Take(std::string batch, uint64_t lines) {
  bool spawn = false;
  {
    MutexLock lock(mutex_);
    if (queued_ + batch.size() > options_.max_queued) {
      figures_->dropped_lines.fetch_add(lines, std::memory_order_relaxed);
      return;
    }
    queued_ += batch.size();
    queue_.push_back({std::move(batch), lines});
    spawn = !std::exchange(draining_, true);
  }
  if (spawn) control_.Go("access log", Drain(shared_from_this()));
}

scheduler::Task<> AccessLogSink::Drain(std::shared_ptr<AccessLogSink> self) {
  self->Sync();
  co_return;
}

void AccessLogSink::Sync() {
  MutexLock writing(write_mutex_);
  while (true) {
    std::deque<Batch> batches;
    {
      MutexLock lock(mutex_);
      // Under the lock: a batch that comes after this look spawns a task of its own.
      if (queue_.empty()) {
        draining_ = false;
        return;
      }
      batches.swap(queue_);
    }
    for (const Batch& batch : batches) {
      WriteAll(batch);
      MutexLock lock(mutex_);
      queued_ -= batch.text.size();
    }
  }
}

void AccessLogSink::WriteAll(const Batch& batch) {
  // Whoever reads our stdout may have stopped.
  const bool written = scheduler::Blocking([&] { return WriteFully(fd_, batch.text); });
  if (written) {
    figures_->written_bytes.fetch_add(batch.text.size(), std::memory_order_relaxed);
  } else {
    figures_->failed_writes.fetch_add(1, std::memory_order_relaxed);
    figures_->dropped_lines.fetch_add(batch.lines, std::memory_order_relaxed);
  }
}

absl::StatusOr<std::shared_ptr<AccessLogSink>> AccessLogFiles::Open(const std::string& path) {
  MutexLock lock(mutex_);
  std::erase_if(files_, [](const auto& file) { return file.second.expired(); });
  if (auto found = files_.find(path); found != files_.end()) {
    if (std::shared_ptr<AccessLogSink> sink = found->second.lock()) return sink;
  }
  const int fd = OpenPath(path);
  if (fd < 0) {
    const int error = errno;
    return absl::ErrnoToStatus(
        error, absl::StrFormat("cannot open the access log '%s' for appending", path));
  }
  auto sink = std::make_shared<AccessLogSink>(fd, control_, options_, figures_);
  files_[path] = sink;
  return sink;
}

void AccessLogFiles::Sync() {
  std::vector<std::shared_ptr<AccessLogSink>> sinks;
  {
    MutexLock lock(mutex_);
    for (const auto& [path, file] : files_) {
      if (std::shared_ptr<AccessLogSink> sink = file.lock()) sinks.push_back(std::move(sink));
    }
  }
  for (const auto& sink : sinks) sink->Sync();
}

AccessLogBuffers::AccessLogBuffers(scheduler::Netpoll& netpoll)
    : netpoll_(netpoll), timer_(*this) {}

AccessLogBuffers::~AccessLogBuffers() {
  netpoll_.RemoveTimer(timer_);
  Flush();
}

AccessLogBuffers::Buffer& AccessLogBuffers::For(const std::shared_ptr<AccessLogSink>& sink) {
  for (Buffer& buffer : buffers_) {
    if (buffer.sink == sink) return buffer;
  }
  Buffer& buffer = buffers_.emplace_back();
  buffer.sink = sink;
  return buffer;
}

void AccessLogBuffers::Write(const AccessLogConfig& log, const AccessRecord& record) {
  Buffer& buffer = For(log.sink);
  const AccessLogOptions& options = buffer.sink->options();
  log.format->Append(record, buffer.text);
  ++buffer.lines;
  if (buffer.text.size() >= options.flush_size) {
    HandOver(buffer);
  } else if (!timer_.armed()) {
    netpoll_.AddTimer(timer_, netpoll_.Now() + options.flush_interval);
  }
}

void AccessLogBuffers::HandOver(Buffer& buffer) {
  if (buffer.text.empty()) return;
  std::string next;
  next.reserve(buffer.text.size());
  std::swap(next, buffer.text);
  buffer.sink->Take(std::move(next), std::exchange(buffer.lines, 0));
}

void AccessLogBuffers::Flush() {
  for (Buffer& buffer : buffers_) HandOver(buffer);
}

void AccessLogBuffers::OnTimer() {
  // A file that nothing was written to for an interval is let go, with its buffer's memory.
  std::erase_if(buffers_, [](const Buffer& buffer) { return buffer.text.empty(); });
  Flush();
  // Once more, so that the buffers go too when the worker falls idle.
  if (!buffers_.empty()) {
    netpoll_.AddTimer(timer_, netpoll_.Now() + buffers_[0].sink->options().flush_interval);
  }
}

}  // namespace outrigger::proxy
