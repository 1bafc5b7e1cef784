// watch.h: the thread that looks at the pools of a round from outside: whether a P sleeps beside a
// G that waits to run, and whether the round goes on at all.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/soak/world.h"

namespace outrigger::scheduler {

// A P that sleeps while no other looks for work and a G waits in a queue: a wake was lost. What the
// scheduler promises is some 50 us; that cannot be judged from outside, on a machine that others
// use too, where a thread that is about to wake somebody may be off its CPU for longer than that.
// (The flight recorder's times of each wake and run could judge it.) So what fails is one and the
// same P, asleep for kLongestIdle beside work in each look, a millisecond apart, where
//   - the looks came on time, and the time that this thread itself waited for a CPU is taken off;
//   - no thread of ours has been waiting for a CPU all the while, but for those that were set back
//     (they hold nobody up, or that is a fault as well).
//
// Owner: main. Thread-safety: Observe, Forget: one caller.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Until Forget(), which returns when nobody looks at `world` any more.
  void Observe(World& world);
  void Forget();
  // The longest that has been seen, in faults and between them. A figure.
  Nanos longest() const { return longest_.load(std::memory_order_relaxed); }

 private:
  // One pool's P that may have slept beside work since `since`.
  struct Suspect {
    bool asleep = false;
    uint64_t ticks = 0;
  };
  struct Spell {
    Nanos since = 0;  // 0: there is none
    Nanos own_delay = 0;
    std::vector<Suspect> suspects;
    std::map<int, uint64_t> cpu_ns;  // of the threads that waited for a CPU when it was young
  };

  void Loop();
  void Look(World& world, Pool& pool, Spell& spell, Nanos now);
  void WatchSteps(World& world, Nanos now);

  std::mutex mutex_;
  World* world_ = nullptr;
  std::vector<Spell> spells_;  // a pool's each
  uint64_t steps_ = 0;
  Nanos stepped_ = 0;  // when they moved last
  Nanos looked_ = 0;
  std::atomic<Nanos> longest_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace outrigger::scheduler
