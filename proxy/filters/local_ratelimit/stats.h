// stats.h: "<stat_prefix>.http_local_rate_limit.", by Envoy's names.
#pragma once

#include <string>

#include "proxy/stats/stat_list.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy::local_ratelimit {

#define OUTRIGGER_LOCAL_RATELIMIT_STATS(X)                          \
  X(enabled, Counter, "Requests that the rate limit looked at")     \
  X(enforced, Counter, "Requests over the limit that were refused") \
  X(ok, Counter, "Requests under the limit")                        \
  X(rate_limited, Counter, "Requests over the limit, whether refused or let pass")

OUTRIGGER_STAT_STRUCT(Stats, OUTRIGGER_LOCAL_RATELIMIT_STATS);

// `stat_prefix`: the filter's own, or that of a route's settings.
inline Stats MakeStats(StatRegistry& registry, std::string_view stat_prefix) {
  return Stats::Make(registry, scheduler::Concat(stat_prefix, ".http_local_rate_limit."),
                     "envoy_http_local_rate_limit_",
                     {{"envoy_local_http_ratelimit_prefix", std::string(stat_prefix)}});
}

}  // namespace outrigger::proxy::local_ratelimit
