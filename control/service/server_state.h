// server_state.h: where the process stands in its life, and since when. Read by the admin, the
// control API and the health answers.
#pragma once

#include <atomic>
#include <cstdint>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::control {

// The values are Envoy's `server.state`.
enum class Phase : uint8_t { kLive = 0, kDraining = 1, kPreInitializing = 2, kInitializing = 3 };

// Thread-safety: any; relaxed figures, ordered with nothing.
class ServerState {
 public:
  Phase phase() const { return phase_.load(std::memory_order_relaxed); }
  void Set(Phase phase) { phase_.store(phase, std::memory_order_relaxed); }
  // False: the process is not live, or somebody else has begun.
  bool BeginDrain() {
    Phase live = Phase::kLive;
    return phase_.compare_exchange_strong(live, Phase::kDraining, std::memory_order_relaxed);
  }
  // /healthcheck/fail: live, but asked to say that it is not.
  bool health_failed() const { return health_failed_.load(std::memory_order_relaxed); }
  void FailHealth(bool failed) { health_failed_.store(failed, std::memory_order_relaxed); }
  bool ready() const { return phase() == Phase::kLive && !health_failed(); }
  scheduler::Nanos uptime() const { return scheduler::MonotonicNow() - started_; }

 private:
  const scheduler::Nanos started_ = scheduler::MonotonicNow();
  std::atomic<Phase> phase_{Phase::kPreInitializing};
  std::atomic<bool> health_failed_{false};
};

}  // namespace outrigger::control
