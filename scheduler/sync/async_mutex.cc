#include "scheduler/sync/async_mutex.h"

#include "scheduler/base/check.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {
namespace {

// Go's figures: a lock is held briefly, or one waits.
constexpr int kSpinRounds = 4;
constexpr int kPausesInRound = 30;

}  // namespace

bool AsyncMutex::SpinForLock() {
  // The holder cannot run beside us.
  if (machine.g->confined() || machine.g->pool->procs() == 1) return false;
  for (int round = 0; round < kSpinRounds; ++round) {
    uint32_t seen = state_.load(std::memory_order_relaxed);
    if (seen & kStarving) return false;
    // acquire pairs with the release of an unlock. Passes those who wait.
    if (!(seen & kLocked) &&
        state_.compare_exchange_weak(seen, seen | kLocked, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      return true;
    }
    for (int i = 0; i < kPausesInRound; ++i) SpinPause();
  }
  return false;
}

// Under lock_. True: has the lock. False: it is held, and its holder will look at the list.
bool AsyncMutex::TakeOrAnnounce(bool woken, bool starving) {
  uint32_t seen = state_.load(std::memory_order_relaxed);
  while (true) {
    const bool take = !(seen & kLocked);
    uint32_t want = seen | kLocked;
    if (!take) want |= kWaiting | (starving ? kStarving : 0);
    if (woken) want &= ~kWoken;
    // acquire pairs with the release of an unlock.
    if (state_.compare_exchange_weak(seen, want, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
      return take;
    }
  }
}

// One that gave up its wait was the last, perhaps.
void AsyncMutex::LeaveList() {
  SyncGuard guard(lock_);
  if (waiters_.empty()) state_.fetch_and(~(kWaiting | kStarving), std::memory_order_relaxed);
}

// The last touch is what frees the lock, in every branch: who locks it next may free the mutex.
void AsyncMutex::UnlockContended() {
  while (true) {
    uint32_t seen = state_.load(std::memory_order_relaxed);
    OUTRIGGER_CHECK(seen & kLocked);
    if (!(seen & kWaiting) || (seen & (kWoken | kStarving)) == kWoken) {
      // Nobody waits, or one is on its way.
      if (state_.compare_exchange_weak(seen, seen & ~kLocked, std::memory_order_release,
                                       std::memory_order_relaxed)) {
        return;
      }
      continue;
    }
    lock_.Lock();
    seen = state_.load(std::memory_order_relaxed);
    G* woken = nullptr;
    Waiter* first = nullptr;
    if (seen & (kWaiting | kStarving)) first = waiters_.Take(Wake::kReady, woken);
    const uint32_t emptied = waiters_.empty() ? kWaiting | kStarving : 0;
    if (!first) {
      state_.fetch_and(~emptied, std::memory_order_relaxed);
      lock_.Unlock();
      continue;
    }
    if (seen & kStarving) {
      // Ours becomes its: it sees what we wrote through its queue, or through lock_.
      Node& node = *static_cast<Node*>(first);
      node.granted = true;
      const bool in_time = MonotonicNow() - node.since < kStarvingAfter;
      state_.fetch_and(~(emptied | (in_time ? kStarving : 0)), std::memory_order_relaxed);
      lock_.Unlock();
    } else {
      state_.fetch_or(kWoken, std::memory_order_relaxed);
      state_.fetch_and(~emptied, std::memory_order_relaxed);
      lock_.Unlock();
      // It may have tried before this, in vain, and be on the list again: then it is woken again.
      seen = state_.load(std::memory_order_relaxed);
      bool freed = false;
      while (!freed && (seen & kWoken)) {
        freed = state_.compare_exchange_weak(seen, seen & ~kLocked, std::memory_order_release,
                                             std::memory_order_relaxed);
      }
      if (!freed) continue;
    }
    if (woken) Ready(woken);
    return;
  }
}

}  // namespace outrigger::scheduler
