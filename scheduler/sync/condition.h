// condition.h: Condition, a wait for a change of what an AsyncMutex guards. Usage:
//   AsyncMutexHold hold(mutex);              // after co_await mutex.Lock()
//   while (queue.empty()) {
//     const Wake wake = co_await not_empty.Wait(hold);
//     if (wake == Wake::kCancelled) co_return;
//   }
#pragma once

#include <coroutine>
#include <utility>

#include "scheduler/sync/async_mutex.h"
#include "scheduler/sync/resume_hook.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Owner: whoever outlives all its users. Thread-safety: any G of stealing pools; in a pinned pool,
// Gs of one P. NotifyOne and NotifyAll: also threads that are no Gs, with the mutex or without.
class Condition {
 public:
  template <typename Limit>
  class [[nodiscard]] ConditionWait : ListWait<Limit> {
   public:
    ConditionWait(Condition& condition, AsyncMutexHold& hold, Limit limit)
        : ListWait<Limit>(limit),
          condition_(condition),
          hold_(hold),
          relock_(hold.mutex_, NoDeadline()),
          hook_(&OnResume, this) {}
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> self) {
      hook_.SetWaiting(self);
      condition_.lock_.Lock();
      // Whoever changes something now, and notifies, waits for us to be on the list.
      hold_.held_ = false;
      hold_.mutex_.Unlock();
      if (this->Suspend(condition_.lock_, condition_.waiters_, hook_.handle(), "condition")) {
        return true;
      }
      return Relock();
    }
    Wake await_resume() {
      if (wake_ == Wake::kCancelled) return wake_;
      // A cancel ends the wait for the mutex too.
      if (relock_.await_resume() != Wake::kReady) return Wake::kCancelled;
      hold_.held_ = true;
      return wake_;
    }

   private:
    // True: suspended.
    bool Relock() {
      wake_ = this->Settle(condition_.lock_, condition_.waiters_);
      if (wake_ == Wake::kCancelled || relock_.await_ready()) return false;
      return relock_.await_suspend(hook_.waiting());
    }
    static void OnResume(void* self) {
      ConditionWait& wait = *static_cast<ConditionWait*>(self);
      const std::coroutine_handle<> waiter = wait.hook_.waiting();
      if (!wait.Relock()) machine.next = waiter;
    }

    Condition& condition_;
    AsyncMutexHold& hold_;
    AsyncMutex::LockWait<NoDeadline> relock_;
    Wake wake_ = Wake::kReady;
    ResumeHook hook_;
  };

  // kReady, kTimeout: holds the mutex again, however long that takes. kCancelled: does not hold it.
  ConditionWait<NoDeadline> Wait(AsyncMutexHold& hold) { return {*this, hold, NoDeadline()}; }
  ConditionWait<Deadline> Wait(AsyncMutexHold& hold, Nanos deadline) {
    return {*this, hold, Deadline{deadline}};
  }

  void NotifyOne() {
    G* woken = nullptr;
    lock_.Lock();
    waiters_.Take(Wake::kReady, woken);
    lock_.Unlock();
    if (woken) Ready(woken);
  }
  void NotifyAll() {
    GQueue woken;
    lock_.Lock();
    waiters_.TakeAll(Wake::kReady, woken);
    lock_.Unlock();
    ReadyAll(woken);
  }

 private:
  SyncLock lock_;
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
