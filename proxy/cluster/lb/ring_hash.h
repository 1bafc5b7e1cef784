// ring_hash.h: RING_HASH: each host stands at many points of a ring of hashes (ketama); a request
// goes to the first host at or after its own. A host that comes or goes moves only its share.
#pragma once

#include "proxy/cluster/lb/load_balancer.h"

namespace outrigger::proxy {

// The ring of `set`'s preferred hosts. Control side, once for all workers.
std::vector<RingPoint> MakeRing(const HostSet& set, const LbOptions& options);

class RingHash final : public LoadBalancer {
 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t attempt) override;
};

}  // namespace outrigger::proxy
