#include "scheduler/core/sysmon.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "scheduler/base/log.h"
#include "scheduler/pool.h"
#include "scheduler/trace/schedtrace.h"

namespace outrigger::scheduler {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(10);
// A slice is overrun when a whole period passes inside one G: 10 to 20 ms.
constexpr int kIdleRoundsBeforeSleep = 50;

bool Membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0) == 0; }

}  // namespace

Sysmon::Sysmon(std::vector<Pool*> pools, CpuSet affinity, DebugOptions debug)
    : pools_(std::move(pools)),
      debug_(debug),
      can_sleep_(debug.schedtrace == 0 && Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)) {
  for (Pool* pool : pools_) {
    seen_.emplace_back(static_cast<size_t>(pool->procs()));
    pool->SetBell(bell_);
  }
  thread_ = std::thread([this, affinity] { Loop(affinity); });
}

Sysmon::~Sysmon() {
  stop_.store(true);
  bell_->Ring();
  thread_.join();
}

void Sysmon::Loop(CpuSet affinity) {
  pthread_setname_np(pthread_self(), "sysmon");
  if (!affinity.Empty()) (void)BindThisThread(affinity);  // unbound, it only runs elsewhere
  int idle_rounds = 0;
  while (!stop_.load()) {
    std::this_thread::sleep_for(kPeriod);
    if (debug_.schedtrace > 0) Trace();
    idle_rounds = Round() ? 0 : idle_rounds + 1;
    if (idle_rounds < kIdleRoundsBeforeSleep || !can_sleep_) continue;
    SleepUntilActivity();
    idle_rounds = 0;
  }
}

void Sysmon::Trace() {
  const Nanos now = MonotonicNow();
  if (now - traced_ < debug_.schedtrace) return;
  traced_ = now;
  std::string lines;
  for (Pool* pool : pools_) lines += SchedTrace(*pool, now - started_, debug_.scheddetail);
  // In one piece, past the log: a reader of Go's lines finds nothing else in them.
  (void)!write(STDERR_FILENO, lines.data(), lines.size());
}

// A P that wakes:  says that it is awake;  reads asleep_               (Pool::NotifySysmon)
// the monitor:     sets asleep_;  barrier;  asks whether all sleep
// One of the two sees the other. The barrier is asymmetric: ours makes every thread execute one, so
// that a pinned P needs none on its way from the netpoll.
void Sysmon::SleepUntilActivity() {
  bell_->asleep_.store(true);
  Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  const bool quiet =
      std::all_of(pools_.begin(), pools_.end(), [](Pool* pool) { return pool->Asleep(); });
  // stop_ last: the destructor sets it, then rings.
  if (quiet && !stop_.load()) bell_->asleep_.wait(true);
  bell_->asleep_.store(false);
}

bool Sysmon::Round() {
  bool active = false;
  for (size_t i = 0; i < pools_.size(); ++i) {
    Pool& pool = *pools_[i];
    for (int id = 0; id < pool.procs(); ++id) {
      Seen& seen = seen_[i][static_cast<size_t>(id)];
      ProcessorStats& stats = pool.processor(id).stats();
      // acquire pairs with RunG: the name of a G comes with a tick no older than its own, so that a
      // G which starts right now is not taken for the one of the last round.
      const char* running = stats.running.load(std::memory_order_acquire);
      const uint64_t ticks = stats.ticks.load(std::memory_order_relaxed);
      if (ticks != seen.ticks) {
        seen = {ticks, false};
        active = true;
      } else if (running != nullptr) {
        active = true;
        if (!seen.counted) {
          seen.counted = true;
          stats.stalls.fetch_add(1, std::memory_order_relaxed);
          OUTRIGGER_LOG(kDebug, "scheduler", "%s:%d: task \"%s\" ran longer than 10 ms",
                        pool.name(), id, running);
        }
      }
    }
  }
  return active;
}

}  // namespace outrigger::scheduler
