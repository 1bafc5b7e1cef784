// task_scope.h: TaskScope, children that have ended before the scope that started them is left:
// structured concurrency, as a nursery, or Go's errgroup. Usage:
//   TaskScope scope;
//   scope.CancelAt(Now() + kSecond);  // if there is a deadline
//   scope.Go("left", Left());
//   scope.Go("right", Right());
//   const TaskScope::End end = co_await scope.Join();
//   if (end.wake != Wake::kReady) co_return;
// Flow: whoever cancels a G cancels the children in its open scopes, the children in theirs, and so
// on, at once, whatever the G does meanwhile. Carries no results: a child writes them where its
// parent can read them after Join().
#pragma once

#include <coroutine>
#include <cstdint>

#include "scheduler/pool.h"
#include "scheduler/sync/resume_hook.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

class TaskScope;

// The open scopes of one G, for whoever cancels it; and the one lock of them all.
//
// Runs on: any. Owner: its G, from its first scope until it is freed. Thread-safety: lock_.
class OpenScopes {
 public:
  // Of the running G; made if there are none.
  static OpenScopes& Of(G& g);
  static void Free(OpenScopes* open);
  // From one who has marked `g`.
  static void CancelAll(G& g);

 private:
  friend class TaskScope;

  SyncLock lock_;
  TaskScope* head_ = nullptr;
  G* to_visit_ = nullptr;  // link of the one who cancels the scope whose child the G is
};

// A child that panics cancels its siblings. A scope that is cancelled stays so: what is started in
// it later runs, cancelled, as in a pool that stops. A G that may panic itself between Go() and
// Join() does that work in a child: its own frame must not be left before they have ended.
//
// Runs on: the G that made it (Join, CancelAt); it and the children (Go). Owner: a frame of that G.
// Thread-safety: Cancel: any thread that knows the scope is there; pinned: its P. Go: above.
class TaskScope {
 public:
  struct End {
    // What cut children short first. kReady: nothing did (but a JoinHandle or the pool's Stop() may
    // have cancelled one by itself). kTimeout: the deadline. kCancelled: a Cancel() of the scope, a
    // panic, or, before all others, a cancel of the G itself.
    Wake wake = Wake::kReady;
    const char* panicked = nullptr;  // the first child that did: its name; then wake is not kReady
  };
  class JoinWait;

  TaskScope();
  // A child that lives still would use what is gone: the process dies.
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // Spawns on the G's pool (pinned: on its P). `name` is static text. The handle may be dropped.
  JoinHandle Go(const char* name, Task<> task);
  // co_await scope.Join(): until all children have ended. A cancel does not end this wait: it makes
  // the children end.
  JoinWait Join();
  // Cancels all children, and theirs.
  void Cancel() { CancelFor(Wake::kCancelled); }
  // Does that at `deadline`, of Now(), in place of an earlier call's. kNever: not at all.
  void CancelAt(Nanos deadline);

 private:
  friend class OpenScopes;
  // What a cancellation has still to do without the locks.
  class Walk;
  struct DeadlineTimer : Timer {
    explicit DeadlineTimer(TaskScope& owner) : Timer(&OnFire), scope(owner) {}
    static void OnFire(Timer& timer) {
      static_cast<DeadlineTimer&>(timer).scope.CancelFor(Wake::kTimeout);
    }
    TaskScope& scope;
  };

  static Task<> RunChild(TaskScope& scope, Task<> task);
  void Enter(Waiter& child);
  void Leave(Waiter& child, bool panicked);
  void CancelFor(Wake why);
  void CancelLocked(Wake why, Walk& walk);
  End EndLocked() const;

  G& owner_;
  OpenScopes& open_;
  DeadlineTimer timer_{*this};
  Netpoll* netpoll_ = nullptr;  // where timer_ is

  // Guarded by open_.lock_.
  TaskScope* prev_ = nullptr;
  TaskScope* next_ = nullptr;
  WaitList children_;              // those that have begun to run
  int64_t live_ = 0;               // and those that have not
  Wake cancelled_ = Wake::kReady;  // for what; kReady: it is not
  bool told_ = false;              // a child has heard of it
  bool joining_ = false;           // the owner is parked in Join()
  const char* panicked_ = nullptr;
};

class [[nodiscard]] TaskScope::JoinWait {
 public:
  explicit JoinWait(TaskScope& scope) : scope_(scope), hook_(&OnResume, this) {}
  // Leaves the lock held if we have to wait.
  bool await_ready() { return LookLocked(); }
  void await_suspend(std::coroutine_handle<> self) {
    hook_.SetWaiting(self);
    Park();
  }
  End await_resume() const { return end_; }

 private:
  // Takes the lock. True: the wait is over, and the lock free.
  bool LookLocked();
  // With the lock, which this frees. The frame is not touched after that.
  void Park();
  // In place of the waiting frame. A cancel got us here, perhaps, and the children too.
  static void OnResume(void* self);

  TaskScope& scope_;
  End end_;
  ResumeHook hook_;
};

inline TaskScope::JoinWait TaskScope::Join() { return JoinWait(*this); }

}  // namespace outrigger::scheduler
