#include "scheduler/core/sysmon.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "scheduler/core/membarrier.h"
#include "scheduler/pool.h"
#include "scheduler/trace/schedtrace.h"
#include "scheduler/trace/tick_clock.h"

namespace outrigger::scheduler {
namespace {

// As Go's: short after it has acted, then longer and longer. A slice counts from the round in which
// its G was first seen, so it is found to be overrun up to two periods late.
constexpr Nanos kPeriodFirst = 20'000, kPeriodAwake = 200'000, kPeriodLast = 10 * kMillisecond;
constexpr int kRoundsBeforeLonger = 50;
constexpr Nanos kIdleBeforeSleep = 500 * kMillisecond;

}  // namespace

Sysmon::Sysmon(std::vector<Pool*> pools, CpuSet affinity, DebugOptions debug)
    : pools_(std::move(pools)), debug_(debug), membarrier_(RegisterBarrierOnAll()) {
  for (Pool* pool : pools_) {
    watches_.emplace_back(*pool, membarrier_);
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
  prctl(PR_SET_TIMERSLACK, 1);  // the kernel's 50 us are two periods and more
  Nanos slice = kPeriodLast;
  for (const Pool* pool : pools_) slice = std::min(slice, pool->slice());
  const Nanos longest = std::max(slice / 2, kPeriodFirst);
  Nanos period = kPeriodAwake, last_active = MonotonicNow();
  int quiet_rounds = kRoundsBeforeLonger;
  while (!stop_.load()) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(period));
    if (debug_.schedtrace > 0) Trace();
    RefreshCoarseTicks();
    const Nanos now = MonotonicNow();
    bool acted = false;
    for (PoolWatch& watch : watches_) {
      const PoolWatch::Found found = watch.Round(now);
      acted |= found.acted;
      if (found.active) last_active = now;
    }
    if (acted) {
      period = kPeriodFirst;
      quiet_rounds = 0;
    } else if (++quiet_rounds > kRoundsBeforeLonger) {
      period = std::min(2 * period, longest);
    }
    if (now - last_active < kIdleBeforeSleep || debug_.schedtrace > 0 || !membarrier_) continue;
    SleepUntilActivity();
    period = kPeriodAwake;
    last_active = MonotonicNow();
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
  BarrierOnAll();
  const bool quiet =
      std::all_of(pools_.begin(), pools_.end(), [](Pool* pool) { return pool->Asleep(); });
  // stop_ last: the destructor sets it, then rings.
  if (quiet && !stop_.load()) bell_->asleep_.wait(true);
  bell_->asleep_.store(false);
}

}  // namespace outrigger::scheduler
