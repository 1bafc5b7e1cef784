#include "scheduler/core/g.h"

#include "scheduler/core/machine.h"
#include "scheduler/core/processor.h"
#include "scheduler/frame_pool.h"
#include "scheduler/sync/task_scope.h"

namespace outrigger::scheduler {

bool G::BeginWait(const char* reason) {
  wait_reason.store(reason, std::memory_order_relaxed);
  return state.Begin(confined());
}

bool G::CommitWait() { return state.Commit(confined()); }

bool G::TryWake(Wake reason) {
  const Claim claim = TryClaim(reason);
  if (claim == Claim::kParked) Ready(this);
  return claim != Claim::kLost;
}

void G::Cancel() {
  MarkCancelled();
  TryWake(Wake::kCancelled);
  // seq_cst pair with OpenScopes::Of(): if we see none, whoever opens one sees the mark.
  if (scopes.load() != nullptr) OpenScopes::CancelAll(*this);
}

void G::MarkDone() { state.MarkDone(confined()); }

void G::Unref() {
  // Release pairs with the acquire of the last owner, who frees. With one reference left, nobody
  // else can add or drop one: no locked instruction.
  if (refs.load(std::memory_order_acquire) == 1 ||
      refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    // No order: whoever wrote it has let go of its reference.
    if (OpenScopes* open = scopes.load(std::memory_order_relaxed)) OpenScopes::Free(open);
    this->~G();
    FrameFree(this, sizeof(G));
  }
}

G* CurrentG() { return machine.g; }

}  // namespace outrigger::scheduler
