// stats.h: "http.<stat_prefix>.fault.", by Envoy's names.
#pragma once

#include <string>

#include "proxy/stats/stat_list.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy::fault {

#define OUTRIGGER_FAULT_STATS(X)                                                  \
  X(delays_injected, Counter, "Requests delayed on purpose")                      \
  X(aborts_injected, Counter, "Requests aborted on purpose")                      \
  X(response_rl_injected, Counter, "Responses slowed down on purpose")            \
  X(faults_overflow, Counter, "Faults not injected because too many were active") \
  X(active_faults, Gauge, "Requests with a fault now")

OUTRIGGER_STAT_STRUCT(Stats, OUTRIGGER_FAULT_STATS);

inline Stats MakeStats(StatRegistry& registry, std::string_view stat_prefix) {
  return Stats::Make(registry, scheduler::Concat("http.", stat_prefix, ".fault."),
                     "envoy_http_fault_",
                     {{"envoy_http_conn_manager_prefix", std::string(stat_prefix)}});
}

}  // namespace outrigger::proxy::fault
