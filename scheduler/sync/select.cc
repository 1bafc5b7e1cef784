#include "scheduler/sync/select.h"

#include <algorithm>
#include <functional>

namespace outrigger::scheduler {
namespace {

// One sequence a thread: it need not be good, only not the same for each select.
uint32_t NextRandom() {
  thread_local uint32_t random =
      static_cast<uint32_t>(reinterpret_cast<uintptr_t>(&random) >> 4) | 1;
  random ^= random << 13;
  random ^= random >> 17;
  random ^= random << 5;
  return random;
}

}  // namespace

SelectWait::SelectWait(std::span<SelectCase*> cases, std::span<SelectCase*> by_lock, Nanos deadline)
    : cases_(cases), by_lock_(by_lock), deadline_(deadline) {
  std::sort(by_lock_.begin(), by_lock_.end(), [](const SelectCase* a, const SelectCase* b) {
    return std::less<>()(&a->lock_, &b->lock_);
  });
}

// Cases of one channel share its lock, and stand beside each other.
void SelectWait::LockAll() {
  const SyncLock* last = nullptr;
  for (SelectCase* each : by_lock_) {
    if (&each->lock_ != last) each->lock_.Lock();
    last = &each->lock_;
  }
}

void SelectWait::UnlockAll() {
  for (size_t i = by_lock_.size(); i-- > 0;) {
    SyncLock& lock = by_lock_[i]->lock_;
    if (i == 0 || &by_lock_[i - 1]->lock_ != &lock) lock.Unlock();
  }
}

void SelectWait::UnlinkAll() {
  for (SelectCase* each : cases_) {
    if (each->node_.linked) each->list_.Remove(each->node_);
  }
}

bool SelectWait::Ready() {
  // All are looked at from a random one on, in a random direction: neither of two neighbours that
  // are always ready is preferred.
  const uint32_t random = NextRandom();
  const size_t n = cases_.size();
  const size_t step = (random & 1) ? 1 : n - 1;
  size_t at = n ? (random >> 1) % n : 0;
  for (SelectCase* each : cases_) each->Prepare();
  G* woken = nullptr;
  LockAll();
  for (size_t left = n; left > 0; --left, at = (at + step) % n) {
    const std::optional<Wake> end = cases_[at]->TryLocked(woken);
    if (!end) continue;
    UnlockAll();
    result_ = {static_cast<int>(at), *end};
    if (woken) scheduler::Ready(woken);
    return true;
  }
  return false;
}

bool SelectWait::Suspend(std::coroutine_handle<> self) {
  G* g = machine.g;
  g->resume = self;
  if (!g->BeginWait("select")) {
    UnlockAll();
    result_ = {-1, Wake::kCancelled};
    return false;
  }
  waits_ = true;
  for (SelectCase* each : cases_) {
    each->node_.g = g;
    each->list_.PushBack(each->node_);
  }
  // From here on one of the channels may end the wait; but it queues us only once we have committed
  // to it, so the frame is ours until then.
  UnlockAll();
  timer_.g = g;
  if (deadline_ != kNever) g->netpoll->AddTimer(timer_, deadline_);
  return g->CommitWait();
}

Selected SelectWait::Result() {
  if (!waits_) return result_;
  if (deadline_ != kNever) machine.g->netpoll->RemoveTimer(timer_);
  // All locks: a waker that found us on our way into the wait has let go of our frame then.
  LockAll();
  UnlinkAll();
  UnlockAll();
  result_ = {-1, machine.g->FinishWait()};
  for (size_t i = 0; i < cases_.size(); ++i) {
    if (cases_[i]->EndedHere()) result_.index = static_cast<int>(i);
  }
  return result_;
}

Selected SelectWait::Try() {
  if (Ready()) return result_;
  UnlockAll();
  return {-1, Wake::kTimeout};
}

}  // namespace outrigger::scheduler
