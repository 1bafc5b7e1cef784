// run_queue.h: the local queue of a stealing P: a ring of 256 and a run-next slot, as Go's runq.
// One owner pushes and pops; any thread steals half. Does not decide when: core/stealing_loop.cc.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "scheduler/core/g.h"

namespace outrigger::scheduler {

// Parameters so that tests reach its edges with 4, and tests/model explores its orders.
template <uint32_t kCapacity = 256, template <typename> class Atomic = std::atomic>
class RunQueue {
 public:
  static constexpr uint32_t kHalf = kCapacity / 2;

  // Before the owner runs: no other P will ever steal, so that the owner needs no locked
  // instruction.
  void SetUnshared() { unshared_ = true; }

  // Owner. `front`: into the run-next slot; who was there moves to the ring.
  // Returns null, or a chain (by G::next) of half the ring and `g` that the caller hands to the
  // global queue because the ring is full.
  G* Push(G* g, bool front) {
    if (front) {
      // Pairs with the thief's exchange of the same slot; seq_cst: the barrier of a submission,
      // that Empty() of a parking P pairs with.
      g = unshared_ ? Swap(g) : run_next_.exchange(g);
      if (g == nullptr) return nullptr;
    }
    while (true) {
      // acquire pairs with a thief's release of head: its reads of the slots are done.
      const uint32_t head = head_.load(std::memory_order_acquire);
      const uint32_t tail = tail_.load(std::memory_order_relaxed);  // only we write it
      if (tail - head < kCapacity) {
        slots_[tail % kCapacity].store(g, std::memory_order_relaxed);
        // release: a thief that sees the new tail sees the slot and the G; seq_cst: the barrier of
        // a submission, as above, for a G that was kicked out of run-next, too.
        tail_.store(tail + 1, unshared_ ? std::memory_order_release : std::memory_order_seq_cst);
        return nullptr;
      }
      if (G* chain = Overflow(g, head)) return chain;
    }
  }

  // Owner.
  G* Pop() {
    if (run_next_.load(std::memory_order_relaxed) != nullptr) {
      if (unshared_) return Swap(nullptr);
      if (G* g = run_next_.exchange(nullptr, std::memory_order_acq_rel)) return g;
    }
    return PopOldest();
  }

  // Owner: passes run-next by.
  G* PopOldest() {
    uint32_t head = head_.load(std::memory_order_acquire);
    while (true) {
      if (head == tail_.load(std::memory_order_relaxed)) return nullptr;
      G* g = slots_[head % kCapacity].load(std::memory_order_relaxed);
      if (unshared_) {
        head_.store(head + 1, std::memory_order_relaxed);
        return g;
      }
      // release: consumes the slot for the next Push; acquire pairs with other thieves.
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel)) return g;
    }
  }

  // A thief, whose own ring is empty: moves half of this ring to `to` and returns one of them to
  // run. Takes run-next only if `take_next` and the ring is empty.
  G* StealInto(RunQueue& to, bool take_next) {
    const uint32_t to_tail = to.tail_.load(std::memory_order_relaxed);
    uint32_t head = head_.load(std::memory_order_acquire);
    uint32_t count;
    while (true) {
      const uint32_t tail = tail_.load(std::memory_order_acquire);
      count = tail - head;
      count -= count / 2;
      if (count == 0) {
        return take_next ? run_next_.exchange(nullptr, std::memory_order_acq_rel) : nullptr;
      }
      if (count > kHalf) {  // head and tail were read apart
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      for (uint32_t i = 0; i < count; ++i) {
        G* g = slots_[(head + i) % kCapacity].load(std::memory_order_relaxed);
        to.slots_[(to_tail + i) % kCapacity].store(g, std::memory_order_relaxed);
      }
      if (head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel)) break;
    }
    // The last one is run at once; the others become visible to further thieves.
    G* g = to.slots_[(to_tail + count - 1) % kCapacity].load(std::memory_order_relaxed);
    if (count > 1) to.tail_.store(to_tail + count - 1, std::memory_order_release);
    return g;
  }

  // Any thread; seq_cst: part of the park protocol. True only if the queue was empty at some moment
  // of the call.
  bool Empty() const {
    while (true) {
      const uint32_t head = head_.load();
      const uint32_t tail = tail_.load();
      G* const run_next = run_next_.load();
      // The owner may kick run-next into the ring between our looks at the two.
      if (tail == tail_.load()) return head == tail && run_next == nullptr;
    }
  }
  // Any thread: only run-next is left to take. A figure.
  bool OnlyNext() const { return size() == 0 && run_next_.load() != nullptr; }
  // Any thread: a figure. Head first: it never passes a tail that is read later.
  uint32_t size() const {
    const uint32_t head = head_.load();
    return std::min(tail_.load() - head, kCapacity);
  }

 private:
  // Owner, unshared.
  G* Swap(G* g) {
    G* const old = run_next_.load(std::memory_order_relaxed);
    run_next_.store(g, std::memory_order_relaxed);
    return old;
  }

  G* Overflow(G* g, uint32_t head) {
    G* first = slots_[head % kCapacity].load(std::memory_order_relaxed);
    std::array<G*, kHalf> batch;
    for (uint32_t i = 0; i < kHalf; ++i) {
      batch[i] = slots_[(head + i) % kCapacity].load(std::memory_order_relaxed);
    }
    if (!head_.compare_exchange_strong(head, head + kHalf, std::memory_order_acq_rel)) {
      return nullptr;  // a thief made room
    }
    for (uint32_t i = 0; i + 1 < kHalf; ++i) batch[i]->next = batch[i + 1];
    batch[kHalf - 1]->next = g;
    g->next = nullptr;
    return first;
  }

  Atomic<uint32_t> head_{0};  // owner and thieves advance it
  Atomic<uint32_t> tail_{0};  // owner alone
  Atomic<G*> run_next_{nullptr};
  bool unshared_ = false;
  std::array<Atomic<G*>, kCapacity> slots_{};
};

// First in, first out by G::next. Thread-safety: confined, or guarded by its owner's lock.
class GQueue {
 public:
  bool empty() const { return head_ == nullptr; }
  uint32_t size() const { return size_; }
  void Push(G* g) {
    g->next = nullptr;
    if (tail_) {
      tail_->next = g;
    } else {
      head_ = g;
    }
    tail_ = g;
    ++size_;
  }
  G* Pop() {
    G* g = head_;
    if (g) {
      head_ = g->next;
      if (!head_) tail_ = nullptr;
      g->next = nullptr;
      --size_;
    }
    return g;
  }

 private:
  G* head_ = nullptr;
  G* tail_ = nullptr;
  uint32_t size_ = 0;
};

}  // namespace outrigger::scheduler
