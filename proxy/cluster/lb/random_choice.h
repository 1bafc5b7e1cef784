// random_choice.h: RANDOM: any host. Weights do not count, as in Envoy.
#pragma once

#include "proxy/cluster/lb/load_balancer.h"

namespace outrigger::proxy {

class RandomChoice final : public LoadBalancer {
 private:
  std::optional<uint32_t> PickOnce(const PickCriteria& context, uint32_t) override {
    return PickAny(Group(ForDegraded(context.random)), context.random);
  }
};

}  // namespace outrigger::proxy
