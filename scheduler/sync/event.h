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
  // kReady, kTimeout, kCancelled.
  GateWait<NoDeadline, Event> Wait() { return {*this, NoDeadline()}; }
  GateWait<Deadline, Event> Wait(Nanos deadline) { return {*this, Deadline{deadline}}; }

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
  template <typename Limit, typename Gate>
  friend class GateWait;
  static constexpr const char* kReason = "event";
  bool IsOpen() const { return set_; }

  SyncLock lock_;
  bool set_ = false;
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
