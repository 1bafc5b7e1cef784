// circuit_breaker.h: a worker's end of a circuit breaker: hands out permits, never more than the
// limit over all workers together (docs/decisions/0010). In the flow: cluster -> pool -> [here].
// It counts and refuses nothing itself; stats and answers are the pool's and the router's.
#pragma once

#include <array>
#include <cstdint>

#include "proxy/snapshot/shared_cells.h"

namespace outrigger::proxy {

// The fast ways touch this worker's own line only: permits come from the shared cells in batches
// and stay in the worker's stock when they are given back. A worker that finds neither a free
// permit nor one of its own takes one out of another's stock, so none is refused while one lies
// idle.
//
// Runs on: its worker. Owner: ClusterView. Thread-safety: confined; the cells are shared.
class CircuitBreaker {
 public:
  // `workers`: how many there are in the process.
  CircuitBreaker(PermitCells& cells, int worker, int workers);

  // False: as many as the limit are in use.
  bool TryTake(Resource resource) {
    const auto i = static_cast<size_t>(resource);
    return PermitCells::TakeIdle(stock_, i) || TakeElsewhere(i);
  }
  // Whatever the limit says.
  void Take(Resource resource);
  void GiveBack(Resource resource);

 private:
  bool TakeElsewhere(size_t i);
  bool TakeBatch(size_t i);
  void ReturnSurplus(size_t i);

  // Most permits that one batch brings; a larger one would save little and strand more.
  static constexpr int64_t kBatch = 16;

  PermitCells& cells_;
  PermitCells::Stock& stock_;
  std::array<uint32_t, kResources> batch_;  // 1: none is kept in stock
};

}  // namespace outrigger::proxy
