#include "scheduler/core/g.h"

#include "scheduler/core/machine.h"
#include "scheduler/core/processor.h"
#include "scheduler/frame_pool.h"
#include "scheduler/sync/task_scope.h"

namespace outrigger::scheduler {

// Confined Gs are touched by one thread alone: plain loads and stores, no locked instruction on the
// data path. Others use seq_cst compare-and-swap: parking pairs with TryWake and with Cancel.

bool G::BeginWait(const char* reason) {
  uint32_t seen = state.load(std::memory_order_relaxed);
  wait_reason.store(reason, std::memory_order_relaxed);
  if (confined()) {
    if (seen & kCancel) return false;
    state.store((seen & ~(kPhaseMask | kReasonMask)) | kPreparing, std::memory_order_relaxed);
    return true;
  }
  while (true) {
    if (seen & kCancel) return false;
    if (state.compare_exchange_weak(seen, (seen & ~(kPhaseMask | kReasonMask)) | kPreparing)) {
      return true;
    }
  }
}

bool G::CommitWait() {
  if (confined()) {
    const uint32_t seen = state.load(std::memory_order_relaxed);
    if ((seen & kPhaseMask) != kPreparing) return false;
    state.store((seen & ~kPhaseMask) | kParked, std::memory_order_relaxed);
    return true;
  }
  // acquire: where we go on at once, we see what our waker wrote.
  uint32_t seen = state.load(std::memory_order_acquire);
  while (true) {
    if ((seen & kPhaseMask) != kPreparing) return false;
    if (state.compare_exchange_weak(seen, (seen & ~kPhaseMask) | kParked)) return true;
  }
}

bool G::TryWake(Wake reason) {
  const Claim claim = TryClaim(reason);
  if (claim == Claim::kParked) Ready(this);
  return claim != Claim::kLost;
}

void G::MarkCancelled() {
  if (confined()) {
    state.store(state.load(std::memory_order_relaxed) | kCancel, std::memory_order_relaxed);
  } else {
    state.fetch_or(kCancel);
  }
}

void G::Cancel() {
  MarkCancelled();
  TryWake(Wake::kCancelled);
  // seq_cst pair with OpenScopes::Of(): if we see none, whoever opens one sees the mark.
  if (scopes.load() != nullptr) OpenScopes::CancelAll(*this);
}

void G::MarkDone() {
  if (confined()) {
    state.store(state.load(std::memory_order_relaxed) | kDone, std::memory_order_release);
  } else {
    state.fetch_or(kDone, std::memory_order_release);
  }
}

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
