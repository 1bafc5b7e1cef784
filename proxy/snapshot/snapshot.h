// snapshot.h: the whole configuration as the data plane reads it: plain, validated, immutable
// structs, built on the control pool and shared by all workers. No proto, no mutex, no thread here.
// Field comments name the xDS field when the name differs. Durations are nanoseconds; 0 disables.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/snapshot/cluster.h"
#include "proxy/snapshot/listener.h"

namespace outrigger::proxy {

// Owner: shared by the publisher and every worker that still uses it. Thread-safety: immutable.
struct Snapshot {
  uint64_t version = 0;
  std::vector<std::shared_ptr<const Listener>> listeners;
  std::map<std::string_view, std::shared_ptr<const Cluster>> clusters;  // by their own name
};

}  // namespace outrigger::proxy
