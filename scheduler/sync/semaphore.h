// semaphore.h: Semaphore, a number of permits. First come, first served: permits go from who gives
// them back to who waits longest, and one who wants many is not passed by those who want few.
#pragma once

#include <cstdint>

#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Owner: whoever outlives all its users. Thread-safety: any G of stealing pools; in a pinned pool,
// Gs of one P. TryAcquire and Release: also threads that are no Gs.
class Semaphore {
  struct Node : Waiter {
    int64_t wants = 0;
  };

 public:
  explicit Semaphore(int64_t permits) : permits_(permits) {}

  template <typename Limit>
  class [[nodiscard]] AcquireWait : ListWait<Limit, Node> {
   public:
    AcquireWait(Semaphore& semaphore, int64_t n, Limit limit)
        : ListWait<Limit, Node>(limit), semaphore_(semaphore) {
      this->wants = n;
    }
    // Leaves the lock held if we have to wait.
    bool await_ready() {
      semaphore_.lock_.Lock();
      if (!semaphore_.Fits(this->wants)) return false;
      semaphore_.permits_ -= this->wants;
      semaphore_.lock_.Unlock();
      waits_ = false;
      return true;
    }
    bool await_suspend(std::coroutine_handle<> self) {
      return this->Suspend(semaphore_.lock_, semaphore_.waiters_, self, "semaphore");
    }
    Wake await_resume() {
      if (!waits_) return Wake::kReady;
      const Wake wake = this->Settle(semaphore_.lock_, semaphore_.waiters_);
      // We may have been all that those behind us waited for.
      if (wake != Wake::kReady) semaphore_.Release(0);
      return wake;
    }

   private:
    Semaphore& semaphore_;
    bool waits_ = true;
  };

  // kReady: has `n` permits. kTimeout, kCancelled: has none.
  AcquireWait<NoDeadline> Acquire(int64_t n = 1) { return {*this, n, NoDeadline()}; }
  AcquireWait<Deadline> Acquire(int64_t n, Nanos deadline) {
    return {*this, n, Deadline{deadline}};
  }
  bool TryAcquire(int64_t n = 1) {
    SyncGuard guard(lock_);
    if (!Fits(n)) return false;
    permits_ -= n;
    return true;
  }

  // Gives back, or adds.
  void Release(int64_t n = 1) {
    GQueue woken;
    lock_.Lock();
    permits_ += n;
    while (Waiter* first = waiters_.head()) {
      const int64_t wants = static_cast<Node*>(first)->wants;
      if (wants > permits_) break;
      G* g = nullptr;
      if (!waiters_.TakeHead(Wake::kReady, g)) continue;
      permits_ -= wants;
      if (g) woken.Push(g);
    }
    lock_.Unlock();
    ReadyAll(woken);
  }

  int64_t permits() {
    SyncGuard guard(lock_);
    return permits_;
  }

 private:
  bool Fits(int64_t n) const { return waiters_.empty() && n <= permits_; }

  SyncLock lock_;
  int64_t permits_;
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
