// wait_group.h: WaitGroup, a count of what is under way, and the wait until it is 0, as Go's.
#pragma once

#include <cstdint>

#include "scheduler/base/check.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Add() what you start before you Wait(); each calls Done() once. May be used again once it is 0.
//
// Owner: whoever outlives all its users: usually the waiter's frame, which may go once it has its
// kReady. Thread-safety: any G of stealing pools; in a pinned pool, Gs of one P. Add and Done: also
// threads that are no Gs.
class WaitGroup {
 public:
  // kReady, kTimeout, kCancelled.
  GateWait<NoDeadline, WaitGroup> Wait() { return {*this, NoDeadline()}; }
  GateWait<Deadline, WaitGroup> Wait(Nanos deadline) { return {*this, Deadline{deadline}}; }

  void Done() { Add(-1); }
  void Add(int64_t n) {
    GQueue woken;
    lock_.Lock();
    count_ += n;
    OUTRIGGER_CHECK(count_ >= 0);
    if (count_ == 0) waiters_.TakeAll(Wake::kReady, woken);
    lock_.Unlock();
    ReadyAll(woken);
  }

 private:
  template <typename Limit, typename Gate>
  friend class GateWait;
  static constexpr const char* kReason = "wait group";
  bool IsOpen() const { return count_ == 0; }

  SyncLock lock_;
  int64_t count_ = 0;
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
