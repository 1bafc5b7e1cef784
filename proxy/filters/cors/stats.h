// stats.h: "http.<stat_prefix>.cors.", by Envoy's names.
#pragma once

#include <string>

#include "proxy/stats/stat_list.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy::cors {

#define OUTRIGGER_CORS_STATS(X)                                       \
  X(origin_valid, Counter, "Requests from an origin that is allowed") \
  X(origin_invalid, Counter, "Requests from an origin that is not allowed")

OUTRIGGER_STAT_STRUCT(Stats, OUTRIGGER_CORS_STATS);

inline Stats MakeStats(StatRegistry& registry, std::string_view stat_prefix) {
  return Stats::Make(registry, scheduler::Concat("http.", stat_prefix, ".cors."),
                     "envoy_http_cors_",
                     {{"envoy_http_conn_manager_prefix", std::string(stat_prefix)}});
}

}  // namespace outrigger::proxy::cors
