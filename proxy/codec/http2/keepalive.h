// keepalive.h: when a peer is to be asked for a sign of life, and when it is to be given up
// (Envoy's connection_keepalive). No timer here: the owner of the connection asks when next() has
// come.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/snapshot/http_options.h"

namespace outrigger::proxy::http2 {

// Owner: the connection. Thread-safety: confined.
class Keepalive {
 public:
  enum class Act : uint8_t { kNone, kPing, kGiveUp };

  // `salt`: any number; it spreads the pings of connections that were opened together.
  Keepalive(const Http2Options& options, Nanos now, uint64_t salt)
      : interval_(options.keepalive_interval),
        timeout_(options.keepalive_timeout),
        idle_interval_(options.keepalive_idle_interval),
        jitter_(options.keepalive_jitter),
        salt_(salt) {
    if (interval_ > 0) next_ = now + Interval();
  }

  // kPing: one is to be sent now; kGiveUp: the last one was not answered. `received`: when
  // anything last came; a peer that sends lives, though its answer may be held up (as Envoy has
  // it).
  Act Check(Nanos now, bool answered, Nanos received) {
    if (now < next_) return Act::kNone;
    if (waiting_ && !answered) {
      next_ = std::max(sent_, received) + timeout_;
      return now < next_ ? Act::kNone : Act::kGiveUp;
    }
    if (waiting_) {
      waiting_ = false;
      next_ = interval_ > 0 ? std::max(sent_ + Interval(), now) : kNever;
      if (now < next_) return Act::kNone;
    }
    Sent(now);
    return Act::kPing;
  }
  // Whether a new stream wants a ping before it: the connection has been idle for long.
  bool WantsPing(Nanos now, Nanos last_activity) const {
    return idle_interval_ > 0 && !waiting_ && now - last_activity >= idle_interval_;
  }
  void Sent(Nanos now) {
    waiting_ = true;
    sent_ = now;
    next_ = now + timeout_;
  }
  // When to Check().
  Nanos next() const { return next_; }

 private:
  static constexpr Nanos kNever = scheduler::kNever;

  Nanos Interval() {
    salt_ = salt_ * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX
    const double share = static_cast<double>(salt_ >> 40) / static_cast<double>(1 << 24);
    return interval_ + static_cast<Nanos>(static_cast<double>(interval_) * jitter_ * share);
  }

  const Nanos interval_, timeout_, idle_interval_;
  const double jitter_;
  uint64_t salt_;
  Nanos next_ = kNever;
  Nanos sent_ = 0;
  bool waiting_ = false;
};

}  // namespace outrigger::proxy::http2
