// maglev.h: MAGLEV: one look-up in a table that the hosts filled in turn, each in its own order
// (Eisenbud et al., "Maglev", NSDI 2016, section 3.4).
#pragma once

#include "proxy/cluster/lb/load_balancer.h"

namespace outrigger::proxy {

// The table of `set`'s preferred hosts; empty if there is none. Control side, once for all workers.
std::vector<uint32_t> MakeMaglevTable(const HostSet& set, const LbOptions& options);

class Maglev final : public LoadBalancer {
 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) override;
};

}  // namespace outrigger::proxy
