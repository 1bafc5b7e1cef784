// filter.h: refuses requests beyond a rate, counted in this process over all its workers.
#pragma once

#include <memory>
#include <utility>

#include "proxy/filters/local_ratelimit/config.h"

namespace outrigger::proxy::local_ratelimit {

// Runs on: workers. Owner: the listener in the snapshot. Thread-safety: as Settings.
class LocalRateLimitFilter final : public Filter {
 public:
  explicit LocalRateLimitFilter(std::shared_ptr<const Settings> settings)
      : settings_(std::move(settings)) {}

  FilterVerdict OnRequest(FilterStream& stream) const override;
  void OnResponse(FilterStream& stream) const override;

 private:
  const std::shared_ptr<const Settings> settings_;
};

}  // namespace outrigger::proxy::local_ratelimit
