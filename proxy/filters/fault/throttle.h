// throttle.h: lets a body pass at so many bytes a second and no faster. Envoy's StreamRateLimiter:
// a look every 50 ms, after a pause no more than a second's worth at once.
#pragma once

#include <cstdint>

#include "proxy/filters/filter.h"

namespace outrigger::proxy::fault {

// Runs on: worker. Owner: a FilterState. Thread-safety: confined.
class Throttle {
 public:
  Throttle(FilterStream& stream, uint64_t kib_per_second);

  // From OnResponseBody(): moves what is due, and comes again for the rest.
  void Pass(BodyFlow& flow, scheduler::Nanos now);

 private:
  void Fill(scheduler::Nanos now);

  const double rate_;  // bytes a second, and the most that gathers
  double bytes_;       // that may pass now
  scheduler::Nanos filled_;
  scheduler::Nanos next_ = 0;  // nothing passes before that
  EventTimer timer_;
};

}  // namespace outrigger::proxy::fault
