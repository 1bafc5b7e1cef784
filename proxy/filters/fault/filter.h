// filter.h: delays and aborts a share of the requests, and slows responses down, on purpose.
#pragma once

#include <memory>

#include "proxy/filters/fault/config.h"
#include "proxy/filters/fault/stats.h"
#include "proxy/snapshot/shared_cells.h"

namespace outrigger::proxy::fault {

// Runs on: workers. Owner: the listener in the snapshot; outlives its requests.
// Thread-safety: immutable but for the count of active faults, which all workers share.
class FaultFilter final : public Filter {
 public:
  FaultFilter(std::shared_ptr<const Settings> settings, const Stats& stats)
      : settings_(std::move(settings)), stats_(stats) {}

  FilterVerdict OnRequest(FilterStream& stream) const override;
  scheduler::Task<FilterVerdict> Wait(FilterStream& stream) const override;
  void OnResponseBody(FilterStream& stream, BodyFlow& flow) const override;

 private:
  class Active;

  // What holds for this request.
  const Settings& For(const FilterStream& stream) const;
  bool TryStart(FilterStream& stream) const;
  void MaybeThrottle(FilterStream& stream) const;
  FilterVerdict MaybeAbort(FilterStream& stream) const;

  const std::shared_ptr<const Settings> settings_;
  const Stats stats_;
  mutable SharedCount active_;
};

}  // namespace outrigger::proxy::fault
