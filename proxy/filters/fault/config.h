// config.h: what the fault filter is told, from extensions.filters.http.fault.v3.HTTPFault, by its
// chain or by a route.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/filters/filter_kind.h"
#include "proxy/snapshot/matcher.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy::fault {

extern const FilterKind kKind;

struct Delay {
  Fraction share;
  scheduler::Nanos fixed = 0;  // 0: x-envoy-fault-delay-request says how long
};

struct Abort {
  enum class By : uint8_t { kHttpStatus, kGrpcStatus, kHeader };
  Fraction share;
  By by = By::kHttpStatus;
  uint32_t status = 0;  // kHeader: x-envoy-fault-abort-request or -abort-grpc-request says which
};

// Of a response's body.
struct RateLimit {
  Fraction share;
  uint64_t kib_per_second = 0;  // 0: x-envoy-fault-throughput-response says how much
};

// Thread-safety: immutable.
struct Settings final : FilterSettings {
  Settings() : FilterSettings(kKind) {}

  std::optional<Delay> delay;
  std::optional<Abort> abort;
  std::optional<RateLimit> response_rate_limit;
  std::string upstream_cluster;               // empty: any
  std::vector<std::string> downstream_nodes;  // x-envoy-downstream-service-node; empty: any
  std::vector<HeaderMatcher> headers;         // all of them match
  std::optional<uint32_t> max_active_faults;
};

}  // namespace outrigger::proxy::fault
