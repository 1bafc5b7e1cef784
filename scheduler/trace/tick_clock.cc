#include "scheduler/trace/tick_clock.h"

#include <limits>

namespace outrigger::scheduler {
namespace {

constexpr int kTries = 5;

double Rate(const TickPair& first, const TickPair& last) {
  if (last.ticks <= first.ticks || last.at <= first.at) return 1;  // nothing lies between them
  return static_cast<double>(last.at - first.at) / static_cast<double>(last.ticks - first.ticks);
}

}  // namespace

TickPair ReadTickPair() {
  TickPair best;
  uint64_t narrowest = std::numeric_limits<uint64_t>::max();
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = ReadTicks();
    const Nanos at = MonotonicNow();
    const uint64_t width = ReadTicks() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best = {before + width / 2, at};
  }
  return best;
}

const TickPair& FirstTickPair() {
  static const TickPair first = ReadTickPair();
  return first;
}

TickScale::TickScale(const TickPair& first, const TickPair& last)
    : last_(last), nanos_per_tick_(Rate(first, last)) {}

// From the last pair backwards: what is asked for lies near it, where the rate's error counts least
// and a double holds every nanosecond.
Nanos TickScale::At(uint64_t ticks) const {
  const double away = static_cast<double>(static_cast<int64_t>(ticks - last_.ticks));
  return last_.at + static_cast<Nanos>(away * nanos_per_tick_);
}

}  // namespace outrigger::scheduler
