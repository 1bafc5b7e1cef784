// sink.h: where access log lines go. A worker's lines wait in its own buffer, and go over to the
// control side by the batch; a task there writes them to the file and may block.
// Flow: AccessLogBuffers::Write() (worker) -> AccessLogSink::Take() (one lock a batch) -> write(2).
// Not here: what a line says (format.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/access_log/config.h"
#include "proxy/access_log/record.h"
#include "scheduler/base/mutex.h"
#include "scheduler/scheduler.h"

namespace outrigger::proxy {

// Figures of all sinks. Any thread, relaxed.
struct AccessLogFigures {
  std::atomic<uint64_t> written_bytes{0};
  std::atomic<uint64_t> dropped_lines{0};  // the file was too slow, or could not be written
  std::atomic<uint64_t> failed_writes{0};
};

struct AccessLogOptions {
  scheduler::Nanos flush_interval = scheduler::kSecond;  // a line waits no longer in its worker
  size_t flush_size = 64 * 1024;                         // nor behind so many bytes
  size_t max_queued = 8 * 1024 * 1024;                   // bytes a file may lag behind its workers
};

// One open file.
//
// Runs on: any. Owner: the snapshots that log to it, and buffers that hold lines for it.
// Thread-safety: queue guarded by mutex_; one writes at a time.
class AccessLogSink : public std::enable_shared_from_this<AccessLogSink> {
 public:
  // Takes over `fd`. `control` is a stealing pool; it is used until the last Take().
  AccessLogSink(int fd, scheduler::Pool& control, AccessLogOptions options,
                std::shared_ptr<AccessLogFigures> figures);
  ~AccessLogSink();
  AccessLogSink(const AccessLogSink&) = delete;
  AccessLogSink& operator=(const AccessLogSink&) = delete;

  // Takes a batch of whole lines; drops it if the file lags too far behind.
  void Take(std::string batch, uint64_t lines);
  // Writes all that was taken, in this thread; returns when it is written. May block.
  void Sync();

  const AccessLogOptions& options() const { return options_; }

 private:
  struct Batch {
    std::string text;
    uint64_t lines;
  };
  static scheduler::Task<> Drain(std::shared_ptr<AccessLogSink> self);
  void WriteAll(const Batch& batch);

  const int fd_;
  scheduler::Pool& control_;
  const AccessLogOptions options_;
  const std::shared_ptr<AccessLogFigures> figures_;

  scheduler::Mutex write_mutex_;  // before mutex_; keeps batches in order
  scheduler::Mutex mutex_;
  std::deque<Batch> queue_ OUTRIGGER_GUARDED_BY(mutex_);
  size_t queued_ OUTRIGGER_GUARDED_BY(mutex_) = 0;
  bool draining_ OUTRIGGER_GUARDED_BY(mutex_) = false;  // a task will look at the queue
};

// The files by path, so that a new configuration goes on with an open one.
//
// Runs on: any; cold. Owner: the process. Thread-safety: guarded by mutex_.
class AccessLogFiles {
 public:
  AccessLogFiles(scheduler::Pool& control, AccessLogOptions options)
      : control_(control), options_(options) {}

  // Appends to the file, and makes it if there is none. "/dev/stdout" and "/dev/stderr" are this
  // process's, whatever they are.
  absl::StatusOr<std::shared_ptr<AccessLogSink>> Open(const std::string& path);
  // Sync() of each open file. At the process's end, after the workers' buffers are gone.
  void Sync();
  const AccessLogFigures& figures() const { return *figures_; }

 private:
  scheduler::Pool& control_;
  const AccessLogOptions options_;
  const std::shared_ptr<AccessLogFigures> figures_ = std::make_shared<AccessLogFigures>();
  scheduler::Mutex mutex_;
  std::map<std::string, std::weak_ptr<AccessLogSink>> files_ OUTRIGGER_GUARDED_BY(mutex_);
};

// A worker's lines on their way to their files.
//
// Runs on: the worker of `netpoll` (destroyed there too, or after its thread has ended).
// Owner: the worker. Thread-safety: confined.
class AccessLogBuffers {
 public:
  explicit AccessLogBuffers(scheduler::Netpoll& netpoll);
  ~AccessLogBuffers();
  AccessLogBuffers(const AccessLogBuffers&) = delete;
  AccessLogBuffers& operator=(const AccessLogBuffers&) = delete;

  void Write(const AccessLogConfig& log, const AccessRecord& record);
  // Hands all lines over.
  void Flush();

 private:
  struct Buffer {
    std::shared_ptr<AccessLogSink> sink;
    std::string text;
    uint64_t lines = 0;
  };
  struct FlushTimer : scheduler::Timer {
    explicit FlushTimer(AccessLogBuffers& buffers) : Timer(&OnFire), owner(buffers) {}
    static void OnFire(Timer& timer) { static_cast<FlushTimer&>(timer).owner.OnTimer(); }
    AccessLogBuffers& owner;
  };

  Buffer& For(const std::shared_ptr<AccessLogSink>& sink);
  static void HandOver(Buffer& buffer);
  void OnTimer();

  scheduler::Netpoll& netpoll_;
  std::vector<Buffer> buffers_;  // one a file that was lately written to: a few
  FlushTimer timer_;
};

}  // namespace outrigger::proxy
