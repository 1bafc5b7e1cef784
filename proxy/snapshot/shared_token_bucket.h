// shared_token_bucket.h: the tokens of a rate limit that holds over all workers.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy {

// So many tokens, and so many more each interval, which come one by one: what a rate limit takes
// from. Envoy's AtomicTokenBucketImpl: one word, the moment since which tokens have been gathering.
// Thread-safety: any.
class alignas(64) SharedTokenBucket {
 public:
  // Full. `interval` > 0.
  SharedTokenBucket(uint32_t most, uint32_t tokens_per_interval, scheduler::Nanos interval)
      : most_(most), each_(static_cast<double>(interval) / tokens_per_interval) {}

  // False, and nothing taken: there is no whole one.
  bool TryTake(scheduler::Nanos now) {
    double since = since_.load(std::memory_order_relaxed);
    while (true) {
      const double start = std::max(since, Full(now));
      if (Tokens(now, start) < 1) return false;
      // relaxed: a number and nothing it guards.
      if (since_.compare_exchange_weak(since, start + each_, std::memory_order_relaxed)) {
        return true;
      }
    }
  }
  uint32_t Left(scheduler::Nanos now) const {
    return static_cast<uint32_t>(Tokens(now, Start(now)));
  }
  // How long until there is one; 0 if there is.
  scheduler::Nanos UntilNext(scheduler::Nanos now) const {
    if (Left(now) > 0) return 0;
    return static_cast<scheduler::Nanos>(Start(now) + each_) - now;
  }
  uint32_t most() const { return most_; }

 private:
  // Since when a full bucket has been gathering.
  double Full(scheduler::Nanos now) const { return static_cast<double>(now) - most_ * each_; }
  double Start(scheduler::Nanos now) const {
    return std::max(since_.load(std::memory_order_relaxed), Full(now));
  }
  // A thousandth on top, or rounding would keep the last one back. It is not given away: what is
  // taken moves `since_` by a whole token.
  double Tokens(scheduler::Nanos now, double since) const {
    return (static_cast<double>(now) - since) / each_ + 1e-3;
  }

  const uint32_t most_;
  const double each_;  // ns a token
  // ns on the monotonic clock, to 256 ns after 28 years of it.
  std::atomic<double> since_{-std::numeric_limits<double>::infinity()};
};

}  // namespace outrigger::proxy
