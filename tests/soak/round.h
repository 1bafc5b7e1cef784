// round.h: one round of the soak: pools, a sysmon and threads from outside, made, used and stopped
// as a seed says, and then checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/soak/watch.h"

namespace outrigger::scheduler {

struct RoundResult {
  std::vector<std::string> faults;
  uint64_t gs = 0, panics = 0;
  uint64_t handoffs = 0, undone = 0, refused = 0, reliefs = 0, set_backs = 0;
};

// The same seed makes the same pools and the same Gs; how they run is the machine's.
RoundResult RunRound(uint64_t seed, Watch& watch);

}  // namespace outrigger::scheduler
