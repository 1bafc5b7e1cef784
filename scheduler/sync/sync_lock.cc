#include "scheduler/sync/sync_lock.h"

#include <sched.h>

#include <algorithm>

#include "scheduler/base/contention.h"

namespace outrigger::scheduler {
namespace {

// Pauses between two looks at the word: twice as many each time, so that who has the line may use
// it for several turns and does not lose it after each.
constexpr int kFirstPauses = 4, kMostPauses = 64;
// All in all, before the thread gives way: who holds the lock for so long has lost its CPU, and
// wants ours perhaps.
constexpr int kPauses = 256;

}  // namespace

void SyncLock::LockContended() {
  int paused = 0;
  int pauses = kFirstPauses;
  do {
    if (paused >= kPauses) {
      const LockWaitScope waiting;
      sched_yield();
    } else {
      for (int i = 0; i < pauses; ++i) SpinPause();
      paused += pauses;
      pauses = std::min(2 * pauses, kMostPauses);
    }
  } while (word_.load(std::memory_order_relaxed) != 0 ||
           word_.exchange(1, std::memory_order_acquire) != 0);
}

}  // namespace outrigger::scheduler
