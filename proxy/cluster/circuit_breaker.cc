#include "proxy/cluster/circuit_breaker.h"

#include <algorithm>

namespace outrigger::proxy {
namespace {

// How often TakeElsewhere() looks again because permits were on their way. Each way is three
// instructions long, so this bounds the wait for a worker that the kernel stopped inside of them.
constexpr int kLooks = 200;

}  // namespace

CircuitBreaker::CircuitBreaker(PermitCells& cells, int worker, int workers)
    : cells_(cells), stock_(cells.stocks.Of(worker)) {
  for (size_t i = 0; i < kResources; ++i) {
    const int64_t limit = cells.limit(static_cast<Resource>(i));
    // A quarter of the limit at most lies in all workers' first batches.
    batch_[i] = static_cast<uint32_t>(std::clamp<int64_t>(limit / (4 * workers), 1, kBatch));
  }
  // Few, and held for long: a stock would only hide them.
  batch_[static_cast<size_t>(Resource::kConnections)] = 1;
}

void CircuitBreaker::Take(Resource resource) {
  if (!TryTake(resource)) cells_.free[static_cast<size_t>(resource)].fetch_sub(1);
}

void CircuitBreaker::GiveBack(Resource resource) {
  const auto i = static_cast<size_t>(resource);
  // relaxed: a hint, which SetLimits() gives before it looks for idle ones.
  const bool in_debt = stock_.in_debt[i].load(std::memory_order_relaxed);
  if (in_debt || batch_[i] == 1) {
    const bool paid = cells_.free[i].fetch_add(1) >= 0;
    if (in_debt && paid) stock_.in_debt[i].store(false, std::memory_order_relaxed);
    return;
  }
  if (stock_.idle[i].fetch_add(1) + 1 >= 2 * batch_[i]) ReturnSurplus(i);
}

void CircuitBreaker::ReturnSurplus(size_t i) {
  uint32_t idle = stock_.idle[i].load();
  cells_.BeginMove();
  while (idle > 0) {
    const uint32_t surplus = std::min(idle, batch_[i]);
    if (!stock_.idle[i].compare_exchange_weak(idle, idle - surplus)) continue;
    cells_.free[i].fetch_add(surplus);
    break;
  }
  cells_.EndMove();
}

bool CircuitBreaker::TakeBatch(size_t i) {
  int64_t free = cells_.free[i].load();
  if (free <= 0) return false;
  cells_.BeginMove();
  bool taken = false;
  while (!taken && free > 0) {
    const int64_t batch = std::min<int64_t>(free, batch_[i]);
    taken = cells_.free[i].compare_exchange_weak(free, free - batch);
    // One of them is in use right away.
    if (taken && batch > 1) stock_.idle[i].fetch_add(static_cast<uint32_t>(batch) - 1);
  }
  cells_.EndMove();
  return taken;
}

bool CircuitBreaker::TakeElsewhere(size_t i) {
  if (TakeBatch(i)) return true;
  for (int look = 0; look < kLooks; ++look) {
    // 1. Whatever lay still from here to step 3 is seen in step 2.
    const uint64_t before = cells_.moves.load();
    // 2. Free, or in somebody's stock. All of these are seq_cst: no look may pass the next one.
    if (cells_.TakeFree(i)) return true;
    bool taken = false;
    cells_.stocks.ForEach([&](PermitCells::Stock& stock) {
      taken = taken || (stock.idle[i].load() > 0 && PermitCells::TakeIdle(stock, i));
    });
    if (taken) return true;
    // 3. No transfer came in between, so nothing was hidden in one: all are in use.
    if (!PermitCells::UnderWay(before) && cells_.moves.load() == before) return false;
  }
  return false;
}

}  // namespace outrigger::proxy
