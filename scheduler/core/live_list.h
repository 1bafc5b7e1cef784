// live_list.h: the Gs that live, so that Stop() can cancel each and knows when the last has ended.
// A pinned P has a list; a stealing pool has one for each P, so that Ps which spawn do not meet,
// and one count of those lists that hold any.
#pragma once

#include <atomic>
#include <cstdint>

#include "scheduler/core/g.h"
#include "scheduler/sync/sync_lock.h"

namespace outrigger::scheduler {

// Thread-safety: confined to its P (pinned), or guarded by `lock`; size() any.
class LiveList {
 public:
  void Add(G* g) {
    g->live_prev = nullptr;
    g->live_next = head_;
    if (head_) head_->live_prev = g;
    head_ = g;
    Count(1);
  }
  void Remove(G* g) {
    (g->live_prev ? g->live_prev->live_next : head_) = g->live_next;
    if (g->live_next) g->live_next->live_prev = g->live_prev;
    Count(-1);
  }
  G* head() const { return head_; }
  // A figure.
  int64_t size() const { return size_.load(std::memory_order_relaxed); }

  SyncLock lock;  // stealing: of the list, and of the joiners of its Gs

 private:
  // One writer at a time: no locked instruction.
  void Count(int64_t change) { size_.store(size() + change, std::memory_order_relaxed); }

  G* head_ = nullptr;
  std::atomic<int64_t> size_{0};
};

// How many lists of a pool hold Gs, and whether it stops: one word, so that a pool which has
// finished stays so. All is seq_cst: who sees it finished sees what its Gs left, and who was told
// to stop is woken after. `Atomic` is a parameter for tests/model.
//
// Thread-safety: any.
template <template <typename> class Atomic = std::atomic>
class LiveCountOf {
 public:
  // A list is about to get its first G. False: the pool has finished, nobody would run it.
  bool Enter() {
    uint32_t seen = word_.load();
    do {
      if (seen == kStopping) return false;
    } while (!word_.compare_exchange_weak(seen, seen + kOne));
    return true;
  }
  // A list has lost its last. True: by this the pool has finished.
  bool Leave() { return word_.fetch_sub(kOne) == (kOne | kStopping); }

  void Stop() { word_.fetch_or(kStopping); }
  bool stopping() const { return (word_.load() & kStopping) != 0; }
  bool finished() const { return word_.load() == kStopping; }

 private:
  static constexpr uint32_t kStopping = 1, kOne = 2;

  Atomic<uint32_t> word_{0};
};

using LiveCount = LiveCountOf<>;

}  // namespace outrigger::scheduler
