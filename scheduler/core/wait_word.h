// wait_word.h: the word of a G that its wakers race on: phase, why the wait ended, cancel, done.
// Flow: core/g.h calls it for each step of a wait; it knows no queues and no frames. A template, so
// that tests/model explores its orders.
#pragma once

#include <atomic>
#include <cstdint>

namespace outrigger::scheduler {

// Why a wait ended. kClosed: what it waited on will give nothing more (channels).
enum class Wake : uint8_t { kReady, kTimeout, kCancelled, kClosed };

// `confined`: the G is touched by one thread alone: plain loads and stores, no locked instruction
// on the data path. Others use seq_cst compare-and-swap: parking pairs with TryClaim and with
// Cancel. The steps and who may take them: g.h.
//
// Runs on: any. Owner: G. Thread-safety: any, where not confined.
template <template <typename> class Atomic = std::atomic>
class WaitWordT {
 public:
  static constexpr uint32_t kRunning = 0, kPreparing = 1, kParked = 2, kWoken = 3;
  static constexpr uint32_t kPhaseMask = 3;
  static constexpr uint32_t kReasonShift = 2;
  static constexpr uint32_t kReasonMask = 3 << kReasonShift;
  static constexpr uint32_t kCancel = 1 << 4;
  static constexpr uint32_t kDone = 1 << 5;
  static constexpr uint32_t kHeld = 1 << 6;

  enum class Claim : uint8_t { kLost, kPreparing, kParked };

  // False: cancelled.
  bool Begin(bool confined) { return Start(kPreparing, confined); }
  // Begin() and Commit() in one. False: cancelled.
  bool Park(bool confined) { return Start(kParked, confined); }
  // Park() of a G that waits on though it is cancelled. True.
  bool ParkShielded(bool confined) { return Start(kParked, confined, /*refused_by=*/0); }
  // False: already woken.
  bool Commit(bool confined) {
    // acquire: where we go on at once, we see what our waker wrote.
    uint32_t seen = word_.load(confined ? std::memory_order_relaxed : std::memory_order_acquire);
    while (true) {
      if ((seen & kPhaseMask) != kPreparing) return false;
      const uint32_t want = (seen & ~kPhaseMask) | kParked;
      if (confined) {
        word_.store(want, std::memory_order_relaxed);
        return true;
      }
      if (word_.compare_exchange_weak(seen, want)) return true;
    }
  }
  Claim TryClaim(Wake reason, bool confined) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    while (true) {
      const uint32_t phase = seen & kPhaseMask;
      if (phase != kPreparing && phase != kParked) return Claim::kLost;
      const uint32_t want = (seen & ~(kPhaseMask | kReasonMask)) | kWoken |
                            (static_cast<uint32_t>(reason) << kReasonShift);
      if (confined) {
        word_.store(want, std::memory_order_relaxed);
      } else if (!word_.compare_exchange_weak(seen, want)) {
        continue;
      }
      return phase == kParked ? Claim::kParked : Claim::kPreparing;
    }
  }
  // No other writer is left but a Cancel(), which keeps the reason; what the waker wrote came with
  // the queue, or with Commit()'s look.
  Wake reason() const {
    return static_cast<Wake>((word_.load(std::memory_order_relaxed) & kReasonMask) >> kReasonShift);
  }

  // Before the TryClaim() that ends the wait it may be in.
  void Cancel(bool confined) {
    if (confined) {
      word_.store(word_.load(std::memory_order_relaxed) | kCancel, std::memory_order_relaxed);
    } else {
      word_.fetch_or(kCancel);
    }
  }
  bool cancelled() const { return word_.load(std::memory_order_relaxed) & kCancel; }

  // release pairs with the acquire of done(): who sees it sees what the G wrote.
  void MarkDone(bool confined) {
    if (confined) {
      word_.store(word_.load(std::memory_order_relaxed) | kDone, std::memory_order_release);
    } else {
      word_.fetch_or(kDone, std::memory_order_release);
    }
  }
  bool done() const { return word_.load(std::memory_order_acquire) & kDone; }

  // Keeps a parked G from running while its frames are looked at (trace/hold.h). acquire pairs with
  // the parking: we see what the G wrote. Whoever wakes it does so after this, by a change of the
  // same word, and who runs it sees that. False: it was not parked.
  bool TryHold() {
    const uint32_t seen = word_.fetch_or(kHeld, std::memory_order_acquire);
    if ((seen & kPhaseMask) == kParked) return true;
    LetGo();
    return false;
  }
  // release pairs with held(): what was read is read before anything of it is freed.
  void LetGo() { word_.fetch_and(~kHeld, std::memory_order_release); }
  bool held() const { return word_.load(std::memory_order_acquire) & kHeld; }

  // A figure; and the first value of a G that nobody else knows yet.
  uint32_t load(std::memory_order order) const { return word_.load(order); }
  void store(uint32_t value, std::memory_order order) { word_.store(value, order); }

 private:
  bool Start(uint32_t phase, bool confined, uint32_t refused_by = kCancel) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    while (true) {
      if (seen & refused_by) return false;
      const uint32_t want = (seen & ~(kPhaseMask | kReasonMask)) | phase;
      if (confined) {
        word_.store(want, std::memory_order_relaxed);
        return true;
      }
      if (word_.compare_exchange_weak(seen, want)) return true;
    }
  }

  Atomic<uint32_t> word_{kRunning};
};

using WaitWord = WaitWordT<>;

}  // namespace outrigger::scheduler
