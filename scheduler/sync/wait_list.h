// wait_list.h: Gs that wait for one thing, in the order in which they came, as nodes in their own
// frames; and ListWait, the awaitable that all of sync/ is made of. Flow: the waiter finds no luck
// under the lock -> Suspend() links it and parks it -> a waker takes it off under the lock ->
// unlocks -> queues it.
#pragma once

#include <coroutine>
#include <optional>
#include <type_traits>

#include "scheduler/core/g.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/processor.h"
#include "scheduler/core/run_queue.h"
#include "scheduler/netpoll/netpoll.h"
#include "scheduler/sync/sync_lock.h"

namespace outrigger::scheduler {

// Owner: the waiter's frame. Thread-safety: guarded by the lock of its list.
struct Waiter {
  G* g = nullptr;
  Waiter* prev = nullptr;
  Waiter* next = nullptr;
  bool linked = false;
};

// Thread-safety: guarded by a SyncLock of its owner's.
class WaitList {
 public:
  bool empty() const { return head_ == nullptr; }
  Waiter* head() const { return head_; }

  void PushBack(Waiter& w) {
    w.prev = tail_;
    w.next = nullptr;
    (tail_ ? tail_->next : head_) = &w;
    tail_ = &w;
    w.linked = true;
  }
  void PushFront(Waiter& w) {
    w.prev = nullptr;
    w.next = head_;
    (head_ ? head_->prev : tail_) = &w;
    head_ = &w;
    w.linked = true;
  }
  void Remove(Waiter& w) {
    (w.prev ? w.prev->next : head_) = w.next;
    (w.next ? w.next->prev : tail_) = w.prev;
    w.linked = false;
  }

  // Takes off the first waiter whose wait this ends; those whose wait has ended otherwise are
  // passed over. Null: there is none. `woken` is the G to queue once the lock is free, if it needs
  // that; until then the waiter's frame stays as it is.
  Waiter* Take(Wake reason, G*& woken) {
    while (Waiter* w = head_) {
      if (TakeHead(reason, woken)) return w;
    }
    return nullptr;
  }

  // Takes off the first waiter; not empty. False: its wait has ended otherwise. `woken` as above.
  bool TakeHead(Wake reason, G*& woken) {
    G* g = head_->g;
    Remove(*head_);
    const G::Claim claim = g->TryClaim(reason);
    if (claim == G::Claim::kParked) woken = g;
    return claim != G::Claim::kLost;
  }

  // Takes all; `woken` as above.
  void TakeAll(Wake reason, GQueue& woken) {
    while (!empty()) {
      G* g = nullptr;
      Take(reason, g);
      if (g) woken.Push(g);
    }
  }

 private:
  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
};

// Without the lock.
inline void ReadyAll(GQueue& woken) {
  while (G* g = woken.Pop()) Ready(g);
}

// A wait with a deadline carries a timer, one without does not pay for it.
struct NoDeadline {
  struct NoTimer {};
  using TimerType = NoTimer;
};
struct Deadline {
  using TimerType = WakeTimer;
  Nanos at;  // of Now(); kNever: none
};

// A wait of the running G in one list. `Node` is what wakers see of it: a Waiter, or made of one.
//
// Runs on: the waiting G. Owner: its frame. Thread-safety: by the list's lock.
template <typename Limit, typename Node = Waiter>
class ListWait : public Node {
 public:
  static constexpr bool kTimed = std::is_same_v<Limit, Deadline>;

  explicit ListWait(Limit limit) : limit_(limit) {}

  // With the lock held, which this frees. True: the G is parked, or may be so already on another
  // thread: the frame is not touched any more. False: Settle() tells why.
  bool Suspend(SyncLock& lock, WaitList& list, std::coroutine_handle<> self, const char* reason,
               bool front = false) {
    G* const g = machine.g;
    this->g = g;
    g->resume = self;
    if constexpr (kTimed) {
      if (!g->BeginWait(reason)) return Refuse(lock);
      Link(list, front);
      lock.Unlock();
      timer_.g = g;
      if (limit_.at != kNever) g->netpoll->AddTimer(timer_, limit_.at);
      return g->CommitWait();
    } else {
      Link(list, front);
      if (!g->ParkLocked(reason)) {
        list.Remove(*this);
        return Refuse(lock);
      }
      // A canceller may have us run elsewhere by now, but Settle() waits for this lock then.
      lock.Unlock();
      return true;
    }
  }

  // After Suspend(): off the list, the timer disarmed; why it ended.
  Wake Settle(SyncLock& lock, WaitList& list) {
    if (refused_) return Wake::kCancelled;
    G* const g = machine.g;
    if constexpr (kTimed) {
      const Wake wake = g->FinishWait();
      g->netpoll->EndTimer(timer_, wake);
      // Also waits for a waker that found us on our way into the wait to let go of our frame.
      SyncGuard guard(lock);
      if (this->linked) list.Remove(*this);
      return wake;
    } else {
      const Wake wake = g->FinishWait();
      if (wake == Wake::kCancelled) {
        SyncGuard guard(lock);
        if (this->linked) list.Remove(*this);
      }
      return wake;
    }
  }

 protected:
  const Limit& limit() const { return limit_; }

 private:
  void Link(WaitList& list, bool front) {
    if (front) {
      list.PushFront(*this);
    } else {
      list.PushBack(*this);
    }
  }
  bool Refuse(SyncLock& lock) {
    refused_ = true;
    lock.Unlock();
    return false;
  }

  bool refused_ = false;
  [[no_unique_address]] Limit limit_;
  [[no_unique_address]] typename Limit::TimerType timer_;
};

// A wait until something is open: an Event, a WaitGroup. `Gate` is its friend, with lock_,
// waiters_, IsOpen() (under the lock) and kReason.
template <typename Limit, typename Gate>
class [[nodiscard]] GateWait : ListWait<Limit> {
 public:
  GateWait(Gate& gate, Limit limit) : ListWait<Limit>(limit), gate_(gate) {}
  // Leaves the lock held if we have to wait. Not a look without it: who opened the gate may be on
  // its way out still.
  bool await_ready() {
    gate_.lock_.Lock();
    if (!gate_.IsOpen()) return false;
    gate_.lock_.Unlock();
    waits_ = false;
    return true;
  }
  bool await_suspend(std::coroutine_handle<> self) {
    return this->Suspend(gate_.lock_, gate_.waiters_, self, Gate::kReason);
  }
  Wake await_resume() { return waits_ ? this->Settle(gate_.lock_, gate_.waiters_) : Wake::kReady; }

 private:
  Gate& gate_;
  bool waits_ = true;
};

}  // namespace outrigger::scheduler
