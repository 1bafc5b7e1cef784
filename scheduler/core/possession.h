// possession.h: who has a P. One M at a time runs a P without locks; sysmon takes the P away from
// an M that is busy with a coroutine, while that M does not look: docs/decisions/0015. The M finds
// out at its next step into the runtime. Does not choose whom to ask, nor what the M does then.
#pragma once

#include <atomic>
#include <cstdint>

namespace outrigger::scheduler {

// The word of a P. `Atomic` is a parameter for tests/model.
//
// Thread-safety: any; see each.
template <template <class> class Atomic>
class PossessionOf {
 public:
  static constexpr uint32_t kNobody = 0;
  // The word's value while M `id` has the P.
  static constexpr uint32_t HeldBy(uint32_t id) { return (id + 1) << 1; }

  // Before the M runs, or while nobody has the P.
  void Give(uint32_t held) { word_.store(held, std::memory_order_release); }
  // The M that has the P, inside of the runtime, gives it up, to M `next` or nobody. An exchange:
  // sysmon asks, and takes the question back, whenever it likes.
  bool Quit(uint32_t held, uint32_t next = kNobody) {
    return (word_.exchange(next) & ~kAsked) == held;
  }

  // The M, once it is inside (RuntimeGateOf). relaxed: between its store of `inside` and this load
  // the compiler keeps the order, and for the CPU sysmon's membarrier does.
  bool StillHeldBy(uint32_t held) const { return word_.load(std::memory_order_relaxed) == held; }
  // The M, if not: takes the question back, or finds that sysmon has just done so. False: the P has
  // gone.
  bool Keep(uint32_t held) {
    uint32_t seen = held | kAsked;
    return word_.compare_exchange_strong(seen, held) || seen == held;
  }

  // Sysmon alone. Ask; then a membarrier, for all that were asked; then Take, or else Undo.
  bool Ask(uint32_t held) { return Swap(held, held | kAsked); }
  bool Take(uint32_t held, uint32_t next) { return Swap(held | kAsked, next); }
  void Undo(uint32_t held) { (void)Swap(held | kAsked, held); }

  uint32_t word() const { return word_.load(std::memory_order_acquire); }

 private:
  static constexpr uint32_t kAsked = 1;
  // seq_cst: what the last M did with the P comes before what the next one does.
  bool Swap(uint32_t from, uint32_t to) { return word_.compare_exchange_strong(from, to); }

  Atomic<uint32_t> word_{kNobody};
};

// Whether an M is inside of the runtime, where it may touch its P; nests. It begins inside.
//
// Thread-safety: Enter and Leave by the M alone, inside() by sysmon.
template <template <class> class Atomic>
class RuntimeGateOf {
 public:
  void Enter() {
    const uint32_t depth = depth_.load(std::memory_order_relaxed) + 1;
#ifdef OUTRIGGER_TSAN
    depth_.exchange(depth);  // TSan does not know membarrier
#else
    depth_.store(depth, std::memory_order_relaxed);
#endif
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  // release pairs with inside(): what the M did to its P comes before.
  void Leave() {
    depth_.store(depth_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }
  bool inside() const { return depth_.load() != 0; }

 private:
  Atomic<uint32_t> depth_{1};
};

using Possession = PossessionOf<std::atomic>;
using RuntimeGate = RuntimeGateOf<std::atomic>;

}  // namespace outrigger::scheduler
