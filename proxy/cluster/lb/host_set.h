// host_set.h: hosts become a HostSet: who of them gets requests, and the tables to choose by.
// Control side: built once and shared by all workers.
#pragma once

#include <memory>
#include <vector>

#include "proxy/snapshot/cluster.h"

namespace outrigger::proxy {

std::shared_ptr<const HostSet> MakeHostSet(std::vector<std::shared_ptr<const Host>> hosts,
                                           const LbOptions& options);

}  // namespace outrigger::proxy
