#include "scheduler/sync/task_scope.h"

#include <new>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/core/processor.h"
#include "scheduler/frame_pool.h"

namespace outrigger::scheduler {

// Goes down a tree of Gs from level to level, with the lock of one G's scopes at a time. So it
// needs no order among them, and no stack: the list of those whose scopes are still to be looked at
// runs through them. A child is in one scope, which is cancelled once: so it is in one such list.
//
// Owner: the stack of who cancels. Thread-safety: confined.
class TaskScope::Walk {
 public:
  // Under the lock that keeps `g`, a child, alive.
  void Mark(G& g) {
    g.MarkCancelled();
    WakeLater(g, Wake::kCancelled);
    // seq_cst: see G::Cancel().
    OpenScopes* open = g.scopes.load();
    if (!open) return;
    g.Ref();  // it may end as soon as the lock is free
    open->to_visit_ = std::exchange(to_visit_, &g);
  }
  void WakeLater(G& g, Wake why) {
    if (g.TryClaim(why) == G::Claim::kParked) woken_.Push(&g);
  }
  void Visit(G& g) {
    OpenScopes& open = *g.scopes.load();
    SyncGuard guard(open.lock_);
    for (TaskScope* scope = open.head_; scope; scope = scope->next_) {
      scope->CancelLocked(Wake::kCancelled, *this);
    }
  }
  // Without a lock.
  void Finish() {
    ReadyAll(woken_);
    while (G* g = to_visit_) {
      to_visit_ = std::exchange(g->scopes.load()->to_visit_, nullptr);
      Visit(*g);
      ReadyAll(woken_);
      g->Unref();
    }
  }

 private:
  GQueue woken_;
  G* to_visit_ = nullptr;  // linked by OpenScopes::to_visit_; each with a reference
};

OpenScopes& OpenScopes::Of(G& g) {
  OUTRIGGER_CHECK(CurrentG() == &g);
  OpenScopes* open = g.scopes.load(std::memory_order_relaxed);  // only its G writes it
  if (!open) {
    open = new (FrameAlloc(sizeof(OpenScopes))) OpenScopes;
    g.scopes.store(open);  // seq_cst: the look at the mark comes after it, see G::Cancel()
  }
  return *open;
}

void OpenScopes::Free(OpenScopes* open) {
  open->~OpenScopes();
  FrameFree(open, sizeof(OpenScopes));
}

void OpenScopes::CancelAll(G& g) {
  TaskScope::Walk walk;
  walk.Visit(g);
  walk.Finish();
}

TaskScope::TaskScope() : owner_(*CurrentG()), open_(OpenScopes::Of(owner_)) {
  SyncGuard guard(open_.lock_);
  next_ = std::exchange(open_.head_, this);
  if (next_) next_->prev_ = this;
  // After it can be found: either the canceller's walk does, or we see the mark.
  if (owner_.state.load(std::memory_order_seq_cst) & G::kCancel) cancelled_ = Wake::kCancelled;
}

TaskScope::~TaskScope() {
  CancelAt(kNever);
  SyncGuard guard(open_.lock_);
  OUTRIGGER_CHECK(live_ == 0);
  (prev_ ? prev_->next_ : open_.head_) = next_;
  if (next_) next_->prev_ = prev_;
}

JoinHandle TaskScope::Go(const char* name, Task<> task) {
  {
    SyncGuard guard(open_.lock_);
    ++live_;
    if (cancelled_ != Wake::kReady) told_ = true;
  }
  return owner_.pool->Go(name, RunChild(*this, std::move(task)));
}

// On the child's G.
Task<> TaskScope::RunChild(TaskScope& scope, Task<> task) {
  Waiter child;
  scope.Enter(child);
  try {
    Task<> body = std::move(task);  // its frame goes before we tell
    co_await std::move(body);
  } catch (...) {
    scope.Leave(child, /*panicked=*/true);
    throw;  // house: it was thrown already; FinishG() counts and logs it
  }
  scope.Leave(child, /*panicked=*/false);
}

void TaskScope::Enter(Waiter& child) {
  child.g = CurrentG();
  open_.lock_.Lock();
  children_.PushBack(child);
  const bool cancelled = cancelled_ != Wake::kReady;
  open_.lock_.Unlock();
  if (cancelled) child.g->Cancel();
}

// The owner may free the scope, and itself, as soon as the last child has unlocked.
void TaskScope::Leave(Waiter& child, bool panicked) {
  Walk walk;
  open_.lock_.Lock();
  children_.Remove(child);
  if (panicked) {
    if (!panicked_) panicked_ = child.g->name;
    CancelLocked(Wake::kCancelled, walk);
  }
  if (--live_ == 0 && joining_) walk.WakeLater(owner_, Wake::kReady);
  open_.lock_.Unlock();
  walk.Finish();
}

void TaskScope::CancelFor(Wake why) {
  Walk walk;
  open_.lock_.Lock();
  CancelLocked(why, walk);
  open_.lock_.Unlock();
  walk.Finish();
}

void TaskScope::CancelLocked(Wake why, Walk& walk) {
  if (cancelled_ != Wake::kReady) return;  // all have been told, or will see it in Enter()
  cancelled_ = why;
  told_ = live_ > 0;
  for (Waiter* child = children_.head(); child; child = child->next) walk.Mark(*child->g);
}

void TaskScope::CancelAt(Nanos deadline) {
  // Fired or not: its call is over after this.
  if (netpoll_) netpoll_->RemoveTimer(timer_);
  netpoll_ = nullptr;
  if (deadline == kNever) return;
  OUTRIGGER_CHECK(CurrentG() == &owner_);
  netpoll_ = &CurrentNetpoll();
  netpoll_->AddTimer(timer_, deadline);
}

TaskScope::End TaskScope::EndLocked() const {
  const Wake why = owner_.cancelled() ? Wake::kCancelled : cancelled_;
  return {told_ ? why : Wake::kReady, panicked_};
}

bool TaskScope::JoinWait::LookLocked() {
  OUTRIGGER_CHECK(CurrentG() == &scope_.owner_);
  scope_.open_.lock_.Lock();
  scope_.joining_ = false;
  if (scope_.live_ > 0) return false;
  end_ = scope_.EndLocked();
  scope_.open_.lock_.Unlock();
  return true;
}

void TaskScope::JoinWait::Park() {
  G& g = scope_.owner_;
  SyncLock& lock = scope_.open_.lock_;
  scope_.joining_ = true;
  g.resume = hook_.handle();
  g.ParkLocked("scope", /*shielded=*/true);
  lock.Unlock();
}

void TaskScope::JoinWait::OnResume(void* self) {
  JoinWait& wait = *static_cast<JoinWait*>(self);
  if (wait.LookLocked()) {
    machine.next = wait.hook_.waiting();
  } else {
    wait.Park();
  }
}

}  // namespace outrigger::scheduler
