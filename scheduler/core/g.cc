#include "scheduler/core/g.h"

#include "scheduler/core/machine.h"
#include "scheduler/core/processor.h"
#include "scheduler/frame_pool.h"

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

bool G::ParkLocked(const char* reason) {
  wait_reason = reason;
  uint32_t seen = state.load(std::memory_order_relaxed);
  while (true) {
    if (seen & kCancel) return false;
    const uint32_t want = (seen & ~(kPhaseMask | kReasonMask)) | kParked;
    if (confined()) {
      state.store(want, std::memory_order_relaxed);
      return true;
    }
    if (state.compare_exchange_weak(seen, want)) return true;
  }
}

// No other writer is left but Cancel(), which keeps the reason; what the waker wrote came with the
// queue, or with CommitWait()'s look.
Wake G::FinishWait() const {
  return static_cast<Wake>((state.load(std::memory_order_relaxed) & kReasonMask) >> kReasonShift);
}

bool G::TryWake(Wake reason) {
  const Claim claim = TryClaim(reason);
  if (claim == Claim::kParked) Ready(this);
  return claim != Claim::kLost;
}

G::Claim G::TryClaim(Wake reason) {
  uint32_t seen = state.load(std::memory_order_relaxed);
  while (true) {
    const uint32_t phase = seen & kPhaseMask;
    if (phase != kPreparing && phase != kParked) return Claim::kLost;
    const uint32_t want = (seen & ~(kPhaseMask | kReasonMask)) | kWoken |
                          (static_cast<uint32_t>(reason) << kReasonShift);
    if (confined()) {
      state.store(want, std::memory_order_relaxed);
    } else if (!state.compare_exchange_weak(seen, want)) {
      continue;
    }
    return phase == kParked ? Claim::kParked : Claim::kPreparing;
  }
}

void G::Cancel() {
  if (confined()) {
    state.store(state.load(std::memory_order_relaxed) | kCancel, std::memory_order_relaxed);
  } else {
    state.fetch_or(kCancel);
  }
  TryWake(Wake::kCancelled);
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
    this->~G();
    FrameFree(this, sizeof(G));
  }
}

G* CurrentG() { return machine.g; }

}  // namespace outrigger::scheduler
