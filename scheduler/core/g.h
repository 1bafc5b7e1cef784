// g.h: a G is one running chain of coroutines, and the word that its wakers race on.
// Flow: Go() makes it -> run queue -> machine resumes it -> it parks here -> a source wakes it.
// Does not know queues: whoever wins a wake hands the G to Ready() (core/processor.h).
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>

#include "scheduler/core/wait_word.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

class LiveList;
class Netpoll;
class OpenScopes;
class Pool;
class Processor;

// Wait protocol. A G that waits goes kRunning or kWoken -> kPreparing (it registers itself with its
// sources) -> kParked (from here on the frame may run on another thread, so the parking side
// touches nothing more). A source wakes by moving kPreparing or kParked -> kWoken; exactly one
// wins. kWoken is a running state like kRunning: it keeps the reason until the next wait. Sources
// touch a G only under their own lock, or on its P, and the woken G takes itself off every source
// before it goes on: so no source ever sees a G that is gone, and no sequence numbers are needed.
// The cancel request is a bit of the same word, so no order of cancel and park can lose it.
//
// A G whose sources are all locked by itself parks in one step, ParkLocked(): none can wake it
// before it is kParked. The source then changes what it changes in the waiting frame and unlocks
// before it queues the G, which so needs no lock when it goes on after a wake by that source.
//
// Runs on: its pool. Owner: counted; JoinHandles and the running chain hold it.
// Thread-safety: `state` and `refs` any; the rest belongs to whoever runs or queues the G.
struct G {
  static constexpr uint32_t kRunning = WaitWord::kRunning, kPreparing = WaitWord::kPreparing,
                            kParked = WaitWord::kParked, kWoken = WaitWord::kWoken;
  static constexpr uint32_t kPhaseMask = WaitWord::kPhaseMask;
  static constexpr uint32_t kCancel = WaitWord::kCancel;
  static constexpr uint32_t kDone = WaitWord::kDone;

  WaitWord state;
  std::atomic<uint32_t> refs{2};   // its JoinHandle's and its running chain's
  G* next = nullptr;               // link of the queue that holds it
  std::coroutine_handle<> resume;  // innermost suspended frame
  Pool* pool = nullptr;
  Netpoll* netpoll = nullptr;                // its P's (pinned) or its pool's
  Processor* home = nullptr;                 // the P it is pinned to; null in a stealing pool
  LiveList* live = nullptr;                  // the list that it is in, of a stealing pool
  const char* name = "";                     // static text
  std::atomic<const char*> wait_reason{""};  // static text; of the wait it is in; a figure
  G* joiner = nullptr;                       // under its list's lock (stealing)
  G* live_prev = nullptr;                    // list of live Gs
  G* live_next = nullptr;
  // Its scopes (sync/task_scope.h), for who cancels it. Made with its first, freed with it.
  std::atomic<OpenScopes*> scopes{nullptr};
  Nanos ready_at = 0;  // when it was queued; 0: not measured (trace/latency_histogram.h)

  bool confined() const { return home != nullptr; }

  // Starts a wait. False: cancelled, do not wait.
  bool BeginWait(const char* reason);
  // Parks. False: already woken, go on at once. After true the caller must not touch the frame.
  bool CommitWait();
  // BeginWait() and CommitWait() in one, under the locks of all its sources. False: cancelled.
  // `shielded`: never false, but a Cancel() ends the wait still: look, and park again.
  bool ParkLocked(const char* reason, bool shielded = false);
  // On the woken side: why the wait ended.
  Wake FinishWait() const;
  // From a source: true if this call ended the wait. Queues the G if it was parked.
  bool TryWake(Wake reason);
  // TryWake() for a source that has more to do before the G may go on. kParked: Ready() it then.
  using Claim = WaitWord::Claim;
  Claim TryClaim(Wake reason);
  // Asks the G to stop: the wait it is in, and every later one, ends with kCancelled. So do those
  // of the children in its scopes, and theirs. A confined G is cancelled only from its own P.
  void Cancel();
  // Sets the mark alone.
  void MarkCancelled() { state.Cancel(confined()); }
  bool cancelled() const { return state.cancelled(); }

  // At its end. Pairs with done(): who sees it sees what the G wrote.
  void MarkDone();
  bool done() const { return state.done(); }

  void Ref() { refs.fetch_add(1, std::memory_order_relaxed); }
  void Unref();
};

inline bool G::ParkLocked(const char* reason, bool shielded) {
  wait_reason.store(reason, std::memory_order_relaxed);
  return shielded ? state.ParkShielded(confined()) : state.Park(confined());
}

inline Wake G::FinishWait() const { return state.reason(); }

inline G::Claim G::TryClaim(Wake reason) { return state.TryClaim(reason, confined()); }

// The G that runs on this thread, or null.
G* CurrentG();

}  // namespace outrigger::scheduler
