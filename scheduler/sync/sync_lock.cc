#include "scheduler/sync/sync_lock.h"

#include <sched.h>

#include "scheduler/base/contention.h"

namespace outrigger::scheduler {
namespace {

// About as long as a critical section lasts. Whoever holds the lock for longer has lost its CPU,
// and wants ours perhaps.
constexpr int kSpins = 100;

}  // namespace

void SyncLock::LockContended() {
  while (true) {
    for (int spins = 0; word_.load(std::memory_order_relaxed) != 0; ++spins) {
      if (spins < kSpins) {
        SpinPause();
      } else {
        const LockWaitScope waiting;
        sched_yield();
      }
    }
    if (word_.exchange(1, std::memory_order_acquire) == 0) return;
  }
}

}  // namespace outrigger::scheduler
