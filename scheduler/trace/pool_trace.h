// pool_trace.h: the flight records of whole pools as one picture (chrome_trace.h): each P, the
// relief, and what was noted without a P.
#pragma once

#include <string>
#include <vector>

namespace outrigger::scheduler {

class Pool;

// Pinned pools record nothing and are left out. Runs on: any.
std::string TracePools(const std::vector<Pool*>& pools);

}  // namespace outrigger::scheduler
