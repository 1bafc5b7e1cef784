// sysmon.h: the monitor thread. Looks at every P while the process is busy: each 20 us where it has
// just found something to do, up to each 10 ms where it has not; sleeps for good while all is idle
// (an idle process does not wake). What it does for a pool: pool_watch.h. Prints schedtrace lines
// to stderr, which keep it awake. Needs no P; runs no coroutine.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "scheduler/core/pool_watch.h"
#include "scheduler/cpu/cpu_set.h"
#include "scheduler/trace/debug_options.h"

namespace outrigger::scheduler {

class Pool;

// What a sleeping monitor waits on, and a P that wakes up rings. Shared with the pools, since their
// Ps may look at it after the monitor has gone. Thread-safety: any.
class SysmonBell {
 public:
  // From a P, after it has made known that it is awake: one load unless the monitor is asleep.
  void NoteActivity() {
    if (asleep_.load()) Ring();
  }
  void Ring() {
    asleep_.store(false);
    asleep_.notify_all();
  }

 private:
  friend class Sysmon;
  std::atomic<bool> asleep_{false};
};

// Owner: the process; made after the pools it watches, destroyed before them; they may run or have
// stopped. Thread-safety: confined to its owner and its own thread.
class Sysmon {
 public:
  Sysmon(std::vector<Pool*> pools, CpuSet affinity, DebugOptions debug = {});
  ~Sysmon();

  // A figure, for tests: whether it sleeps until somebody wakes.
  bool asleep() const { return bell_->asleep_.load(); }

 private:
  void Loop(CpuSet affinity);
  void SleepUntilActivity();
  void Trace();

  const std::vector<Pool*> pools_;
  std::vector<PoolWatch> watches_;
  const std::shared_ptr<SysmonBell> bell_ = std::make_shared<SysmonBell>();
  const DebugOptions debug_;
  const bool membarrier_;
  const Nanos started_ = MonotonicNow();
  Nanos traced_ = 0;  // when the last lines were printed
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace outrigger::scheduler
