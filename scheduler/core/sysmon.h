// sysmon.h: the monitor thread. Looks at every P each 10 ms while the process is busy, sleeps for
// good while it is idle (an idle process does not wake). Counts slices that overrun and names them.
// Needs no P; runs no coroutine.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "scheduler/cpu/cpu_set.h"

namespace outrigger::scheduler {

class Pool;

// Owner: the process; made after the pools it watches, destroyed before them.
// Thread-safety: NoteActivity() any; the rest its own thread.
class Sysmon {
 public:
  Sysmon(std::vector<Pool*> pools, CpuSet affinity);
  ~Sysmon();

  // From a P that wakes from its netpoll: one relaxed load unless the monitor is asleep.
  void NoteActivity() {
    if (asleep_.load(std::memory_order_relaxed)) Wake();
  }

 private:
  struct Seen {
    uint64_t ticks = 0;
    bool counted = false;  // this overrun is already counted
  };
  void Loop(CpuSet affinity);
  bool Round();
  void Wake();

  const std::vector<Pool*> pools_;
  std::vector<std::vector<Seen>> seen_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> asleep_{false};
  std::thread thread_;
};

}  // namespace outrigger::scheduler
