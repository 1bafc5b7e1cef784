// token_bucket.h: so many at once, and from then on so many a second.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy::http2 {

// Owner: Session. Thread-safety: confined.
class TokenBucket {
 public:
  TokenBucket(uint32_t burst, uint32_t per_second)
      : burst_(burst), every_(scheduler::kSecond / per_second), left_(burst) {}

  // False: none is left.
  bool Take(scheduler::Nanos now) {
    Refill(now);
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  // How many are gone and not yet back.
  uint32_t taken(scheduler::Nanos now) {
    if (left_ < burst_) Refill(now);
    return burst_ - left_;
  }
  bool full() const { return left_ == burst_; }

 private:
  void Refill(scheduler::Nanos now) {
    if (left_ == burst_) filled_ = now;
    const int64_t back = (now - filled_) / every_;
    if (back <= 0) return;
    left_ = static_cast<uint32_t>(std::min<int64_t>(burst_, left_ + back));
    filled_ += back * every_;
  }

  const uint32_t burst_;
  const scheduler::Nanos every_;
  uint32_t left_;
  scheduler::Nanos filled_ = 0;
};

}  // namespace outrigger::proxy::http2
