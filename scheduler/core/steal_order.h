// steal_order.h: whom a thief asks, in which order: first those that share its last-level cache,
// then the others; within each, everybody once, from a random start by steps that have no factor in
// common with their number, as Go's randomOrder: thieves neither crowd at one victim nor follow
// each other around. Knows no queue.
#pragma once

#include <cstdint>
#include <vector>

namespace outrigger::scheduler {

// Thread-safety: constant after its making.
class StealOrder {
 public:
  // `cache_of`: of each P, by id (cpu/cache_topology.h). Those of kSeveralCaches are one group.
  explicit StealOrder(const std::vector<int>& cache_of);

  // Calls visit(id) for all but `thief` until it says true; whether it did.
  template <typename Visit>
  bool Each(uint32_t thief, uint32_t random, Visit visit) const {
    const Group group = group_of_[thief];
    const uint32_t near = group.end - group.begin;
    return Round(near, random,
                 [&](uint32_t i) {
                   const uint32_t id = order_[group.begin + i];
                   return id != thief && visit(id);
                 }) ||
           Round(static_cast<uint32_t>(order_.size()) - near, random,
                 [&](uint32_t i) { return visit(order_[i < group.begin ? i : i + near]); });
  }

 private:
  struct Group {
    uint32_t begin, end;  // in order_
  };

  template <typename Visit>
  bool Round(uint32_t n, uint32_t random, Visit visit) const {
    if (n == 0) return false;
    const std::vector<uint32_t>& steps = steps_[n];
    const uint32_t step = steps[random / n % steps.size()];
    uint32_t at = random % n;
    for (uint32_t left = n; left > 0; --left, at = (at + step) % n) {
      if (visit(at)) return true;
    }
    return false;
  }

  std::vector<uint32_t> order_;               // ids, by their groups
  std::vector<Group> group_of_;               // by id
  std::vector<std::vector<uint32_t>> steps_;  // by the number of those asked; where there are such
};

}  // namespace outrigger::scheduler
