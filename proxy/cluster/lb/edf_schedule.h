// edf_schedule.h: weighted turns by earliest deadline first: who is picked comes again after
// 1 / weight. Heavy members come often, evenly spread; a pick costs O(log n).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace outrigger::proxy {

// Owner: a load balancer. Thread-safety: confined.
class EdfSchedule {
 public:
  bool empty() const { return heap_.empty(); }
  void Clear() { heap_.clear(); }
  // Starts over with the members 0 .. weights.size() - 1, as it stands after about `picks` picks
  // (at most one a member more or less). Weights are above 0.
  void Start(std::span<const double> weights, uint32_t picks = 0);

  // The member whose turn it is. `weight(member)` says when its next one comes.
  template <typename Weight>
  uint32_t Pick(Weight weight) {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Turn& turn = heap_.back();
    const uint32_t member = turn.member;
    now_ = turn.deadline;
    turn = {now_ + 1.0 / weight(member), order_++, member};
    std::push_heap(heap_.begin(), heap_.end(), Later);
    return member;
  }

 private:
  struct Turn {
    double deadline;
    uint64_t order;  // equal deadlines: first come, first served
    uint32_t member;
  };
  static bool Later(const Turn& a, const Turn& b) {
    return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
  }

  std::vector<Turn> heap_;
  double now_ = 0;
  uint64_t order_ = 0;
};

}  // namespace outrigger::proxy
