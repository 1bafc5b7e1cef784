// async_mutex.h: AsyncMutex, a lock that a G may hold over its waits. Blocks the G, never the
// thread (base/mutex.h does that). As Go's sync.Mutex: who runs may pass those who were woken,
// which keeps it fast, until one has waited for 1 ms: then the lock goes from hand to hand in
// order.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <utility>

#include "scheduler/scheduler.h"
#include "scheduler/sync/resume_hook.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Owner: whoever outlives all its users; who holds it last may free it. Thread-safety: any G of
// stealing pools; in a pinned pool, Gs of one P. Another G than the one that locked it may unlock.
class AsyncMutex {
  // What the unlocker sees of a waiter. Guarded by lock_.
  struct Node : Waiter {
    Nanos since = 0;       // when it began to wait
    bool granted = false;  // the lock was handed to it
  };

 public:
  static constexpr Nanos kStarvingAfter = kMillisecond;

  template <typename Limit>
  class LockWait;

  // kReady: holds the lock. kTimeout, kCancelled: does not.
  LockWait<NoDeadline> Lock();
  LockWait<Deadline> Lock(Nanos deadline);
  bool TryLock() {
    uint32_t seen = 0;
    // acquire pairs with the release of Unlock().
    return state_.compare_exchange_strong(seen, kLocked, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void Unlock() {
    uint32_t seen = kLocked;
    // release pairs with the acquire of who locks next.
    if (!state_.compare_exchange_strong(seen, 0, std::memory_order_release,
                                        std::memory_order_relaxed)) {
      UnlockContended();
    }
  }

 private:
  // Of the word. All but kLocked change under lock_.
  static constexpr uint32_t kLocked = 1;
  static constexpr uint32_t kWaiting = 2;   // the list is not empty
  static constexpr uint32_t kWoken = 4;     // one was taken off the list and has not tried yet
  static constexpr uint32_t kStarving = 8;  // handed on in order; nobody takes it by himself

  bool SpinForLock();
  bool TakeOrAnnounce(bool woken, bool starving);
  void LeaveList();
  void UnlockContended();

  std::atomic<uint32_t> state_{0};
  SyncLock lock_;
  WaitList waiters_;
};

// Unlocks at the end of a scope. Takes over a lock that is held.
//
// Owner: a frame. Thread-safety: confined to its G.
class AsyncMutexHold {
 public:
  explicit AsyncMutexHold(AsyncMutex& mutex) : mutex_(mutex) {}
  ~AsyncMutexHold() {
    if (held_) mutex_.Unlock();
  }
  AsyncMutexHold(const AsyncMutexHold&) = delete;
  AsyncMutexHold& operator=(const AsyncMutexHold&) = delete;

  // False after a wait for a Condition that was cancelled.
  bool held() const { return held_; }

 private:
  friend class Condition;
  AsyncMutex& mutex_;
  bool held_ = true;
};

template <typename Limit>
class [[nodiscard]] AsyncMutex::LockWait : ListWait<Limit, Node> {
 public:
  LockWait(AsyncMutex& mutex, Limit limit)
      : ListWait<Limit, Node>(limit), mutex_(mutex), hook_(&OnResume, this) {}
  bool await_ready() {
    // One that locks and unlocks in a loop passes no other wait.
    gives_way_ = MustGiveWay();
    return !gives_way_ && (mutex_.TryLock() || mutex_.SpinForLock());
  }
  bool await_suspend(std::coroutine_handle<> self) {
    hook_.SetWaiting(self);
    if (gives_way_) return Yield().await_suspend(hook_.handle());
    mutex_.lock_.Lock();
    return Wait(/*woken=*/false);
  }
  Wake await_resume() const { return result_; }

 private:
  // With lock_ held, which this frees. True: suspended.
  bool Wait(bool woken) {
    const Nanos now = MonotonicNow();
    if (!woken) this->since = now;
    while (true) {
      const bool starving = woken && now - this->since > kStarvingAfter;
      if (mutex_.TakeOrAnnounce(woken, starving)) {
        mutex_.lock_.Unlock();
        return false;
      }
      // Who was woken and came too late keeps its place.
      const bool waits = this->Suspend(mutex_.lock_, mutex_.waiters_, hook_.handle(), "mutex",
                                       /*front=*/woken);
      if (waits) return true;
      if (Ended()) return false;
      woken = true;
      mutex_.lock_.Lock();
    }
  }
  // The wait is over: for good, or to try again.
  bool Ended() {
    result_ = this->Settle(mutex_.lock_, mutex_.waiters_);
    if (result_ != Wake::kReady) {
      mutex_.LeaveList();
      return true;
    }
    return this->granted;
  }
  // In place of the waiting frame, which goes on only with the lock or for want of it.
  static void OnResume(void* self) {
    LockWait& wait = *static_cast<LockWait*>(self);
    const bool first = std::exchange(wait.gives_way_, false);
    if (first || !wait.Ended()) {
      wait.mutex_.lock_.Lock();
      if (wait.Wait(/*woken=*/!first)) return;
    }
    machine.next = wait.hook_.waiting();
  }

  AsyncMutex& mutex_;
  Wake result_ = Wake::kReady;
  bool gives_way_ = false;
  ResumeHook hook_;
};

inline AsyncMutex::LockWait<NoDeadline> AsyncMutex::Lock() { return {*this, NoDeadline()}; }
inline AsyncMutex::LockWait<Deadline> AsyncMutex::Lock(Nanos deadline) {
  return {*this, Deadline{deadline}};
}

}  // namespace outrigger::scheduler
