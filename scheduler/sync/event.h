// event.h: Event, a flag that any number of Gs wait for. It stays set until Reset(): who comes
// later does not wait. For one waiter on its own P there is Signal (scheduler.h).
#pragma once

#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Owner: whoever outlives all its users; a waiter that has its result may free it.
// Thread-safety: any G of stealing pools; in a pinned pool, Gs of one P. Set, Reset, is_set: also
// threads that are no Gs.
class Event {
 public:
  template <typename Limit>
  class [[nodiscard]] EventWait : ListWait<Limit> {
   public:
    EventWait(Event& event, Limit limit) : ListWait<Limit>(limit), event_(event) {}
    // Leaves the lock held if we have to wait. Not a look without it: who set the event may be on
    // its way out still.
    bool await_ready() {
      event_.lock_.Lock();
      if (!event_.set_) return false;
      event_.lock_.Unlock();
      waits_ = false;
      return true;
    }
    bool await_suspend(std::coroutine_handle<> self) {
      return this->Suspend(event_.lock_, event_.waiters_, self, "event");
    }
    Wake await_resume() {
      return waits_ ? this->Settle(event_.lock_, event_.waiters_) : Wake::kReady;
    }

   private:
    Event& event_;
    bool waits_ = true;
  };

  // kReady, kTimeout, kCancelled.
  EventWait<NoDeadline> Wait() { return {*this, NoDeadline()}; }
  EventWait<Deadline> Wait(Nanos deadline) { return {*this, Deadline{deadline}}; }

  void Set() {
    GQueue woken;
    lock_.Lock();
    set_ = true;
    waiters_.TakeAll(Wake::kReady, woken);
    lock_.Unlock();
    ReadyAll(woken);
  }
  void Reset() {
    SyncGuard guard(lock_);
    set_ = false;
  }
  bool is_set() {
    SyncGuard guard(lock_);
    return set_;
  }

 private:
  SyncLock lock_;
  bool set_ = false;
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
