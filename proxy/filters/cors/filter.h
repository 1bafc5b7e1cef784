// filter.h: tells browsers which other origins may use a service, and answers their preflights
// (Fetch standard, 3.2 "CORS protocol"). It protects nothing: requests pass whatever it says.
#pragma once

#include "proxy/filters/cors/config.h"
#include "proxy/filters/cors/stats.h"

namespace outrigger::proxy::cors {

// Runs on: workers. Owner: the listener in the snapshot. Thread-safety: immutable.
class CorsFilter final : public Filter {
 public:
  explicit CorsFilter(const Stats& stats) : stats_(stats) {}

  FilterVerdict OnRequest(FilterStream& stream) const override;
  void OnResponse(FilterStream& stream) const override;

 private:
  const Stats stats_;
};

}  // namespace outrigger::proxy::cors
