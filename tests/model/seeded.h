// seeded.h: for models of production templates: atomics with a fault, put in place of
// model::Atomic. Each shows that a model notices what an order or an indivisible step is for.
#pragma once

#include <atomic>

#include "tests/model/explorer.h"

namespace outrigger::model {

// seq_cst stores are releases: no barrier between a store and the reads after it.
template <typename T>
class NoStoreBarrier : public Atomic<T> {
 public:
  using Atomic<T>::Atomic;
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    Atomic<T>::store(value, order == std::memory_order_seq_cst ? std::memory_order_release : order);
  }
};

// No store releases.
template <typename T>
class RelaxedStores : public Atomic<T> {
 public:
  using Atomic<T>::Atomic;
  void store(T value, std::memory_order = std::memory_order_seq_cst) {
    Atomic<T>::store(value, std::memory_order_relaxed);
  }
};

// No load acquires.
template <typename T>
class RelaxedLoads : public Atomic<T> {
 public:
  using Atomic<T>::Atomic;
  T load(std::memory_order = std::memory_order_seq_cst) const {
    return Atomic<T>::load(std::memory_order_relaxed);
  }
};

// Read-modify-writes order nothing.
template <typename T>
class RelaxedRmw : public Atomic<T> {
  static constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

 public:
  using Atomic<T>::Atomic;
  T exchange(T value, std::memory_order = kRelaxed) { return Atomic<T>::exchange(value, kRelaxed); }
  bool compare_exchange_strong(T& seen, T want, std::memory_order = kRelaxed) {
    return Atomic<T>::compare_exchange_strong(seen, want, kRelaxed);
  }
  bool compare_exchange_weak(T& seen, T want, std::memory_order = kRelaxed) {
    return Atomic<T>::compare_exchange_weak(seen, want, kRelaxed);
  }
  T fetch_or(T by, std::memory_order = kRelaxed) { return Atomic<T>::fetch_or(by, kRelaxed); }
};

// An exchange is a load and a store.
template <typename T>
class TornExchange : public Atomic<T> {
 public:
  using Atomic<T>::Atomic;
  T exchange(T value, std::memory_order = std::memory_order_seq_cst) {
    const T old = this->load();
    this->store(value);
    return old;
  }
};

// A compare-and-swap is a load and a store.
template <typename T>
class TornSwap : public Atomic<T> {
 public:
  using Atomic<T>::Atomic;
  bool compare_exchange_strong(T& seen, T want, std::memory_order = std::memory_order_seq_cst) {
    const T old = this->load();
    if (old != seen) {
      seen = old;
      return false;
    }
    this->store(want);
    return true;
  }
  bool compare_exchange_weak(T& seen, T want, std::memory_order order = std::memory_order_seq_cst) {
    return compare_exchange_strong(seen, want, order);
  }
};

}  // namespace outrigger::model
