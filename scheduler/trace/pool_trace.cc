#include "scheduler/trace/pool_trace.h"

#include "absl/strings/str_cat.h"
#include "scheduler/pool.h"
#include "scheduler/trace/chrome_trace.h"

namespace outrigger::scheduler {

std::string TracePools(const std::vector<Pool*>& pools) {
  std::vector<TracedPool> traced;
  for (Pool* pool : pools) {
    if (pool->policy() == Policy::kPinned) continue;
    TracedPool& to = traced.emplace_back(TracedPool{pool->name(), {}});
    for (int id = 0; id < pool->max_procs(); ++id) {
      to.threads.push_back({absl::StrCat(pool->name(), ":", id), &pool->processor(id).recorder()});
    }
    to.threads.push_back({"relief", &pool->relief().recorder()});
    to.threads.push_back({"without a P", &pool->recorder().ring()});
  }
  return ChromeTrace(traced);
}

}  // namespace outrigger::scheduler
