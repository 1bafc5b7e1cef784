#include "proxy/snapshot/shared_cells.h"

#include <algorithm>

namespace outrigger::proxy {

void PermitCells::SetLimits(const ResourceLimits& wanted) {
  for (size_t i = 0; i < kResources; ++i) {
    const int64_t change = int64_t{wanted[i]} - limits[i].exchange(wanted[i]);
    free[i].fetch_add(change);
    if (change >= 0) continue;
    // What lies idle pays for it first, or it would be given out over the new limit.
    stocks.ForEach([&](Stock& stock) {
      stock.in_debt[i].store(true);
      BeginMove();
      free[i].fetch_add(stock.idle[i].exchange(0));
      EndMove();
    });
  }
}

uint64_t PermitCells::InUse(Resource resource) const {
  const auto i = static_cast<size_t>(resource);
  int64_t in_use = int64_t{limits[i].load()} - free[i].load();
  stocks.ForEach([&](const Stock& stock) { in_use -= stock.idle[i].load(); });
  return static_cast<uint64_t>(std::max<int64_t>(in_use, 0));
}

}  // namespace outrigger::proxy
