#include "scheduler/core/sysmon.h"

#include <pthread.h>

#include <chrono>

#include "scheduler/base/log.h"
#include "scheduler/pool.h"

namespace outrigger::scheduler {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(10);
// A slice is overrun when a whole period passes inside one G: 10 to 20 ms.
constexpr int kIdleRoundsBeforeSleep = 50;

}  // namespace

Sysmon::Sysmon(std::vector<Pool*> pools, CpuSet affinity) : pools_(std::move(pools)) {
  for (Pool* pool : pools_) {
    seen_.emplace_back(static_cast<size_t>(pool->procs()));
    pool->sysmon_.store(this, std::memory_order_relaxed);
  }
  thread_ = std::thread([this, affinity] { Loop(affinity); });
}

Sysmon::~Sysmon() {
  for (Pool* pool : pools_) pool->sysmon_.store(nullptr, std::memory_order_relaxed);
  stop_.store(true);
  Wake();
  thread_.join();
}

void Sysmon::Wake() {
  asleep_.store(false);
  asleep_.notify_all();
}

void Sysmon::Loop(CpuSet affinity) {
  pthread_setname_np(pthread_self(), "sysmon");
  if (!affinity.Empty()) (void)BindThisThread(affinity);  // unbound, it only runs elsewhere
  int idle_rounds = 0;
  while (!stop_.load()) {
    std::this_thread::sleep_for(kPeriod);
    idle_rounds = Round() ? 0 : idle_rounds + 1;
    if (idle_rounds < kIdleRoundsBeforeSleep) continue;
    asleep_.store(true);
    // A P that woke before it could see asleep_ is found by one more look; one that wakes later
    // sees it and calls Wake().
    if (!Round() && !stop_.load()) asleep_.wait(true);
    asleep_.store(false);
    idle_rounds = 0;
  }
}

bool Sysmon::Round() {
  bool active = false;
  for (size_t i = 0; i < pools_.size(); ++i) {
    Pool& pool = *pools_[i];
    for (int id = 0; id < pool.procs(); ++id) {
      Seen& seen = seen_[i][static_cast<size_t>(id)];
      ProcessorStats& stats = pool.processor(id).stats();
      const uint64_t ticks = stats.ticks.load(std::memory_order_relaxed);
      const char* running = stats.running.load(std::memory_order_relaxed);
      if (ticks != seen.ticks) {
        seen = {ticks, false};
        active = true;
      } else if (running != nullptr) {
        active = true;
        if (!seen.counted) {
          seen.counted = true;
          stats.stalls.fetch_add(1, std::memory_order_relaxed);
          OUTRIGGER_LOG(kDebug, "scheduler", "%s:%d: task \"%s\" ran longer than 10 ms",
                        pool.name(), id, running);
        }
      }
    }
    // Nobody polls, yet somebody is idle: the last spinner went off with work. Let one look.
    if (pool.policy() == Policy::kStealing && pool.poller_token_.load()) pool.WakeOne();
  }
  return active;
}

}  // namespace outrigger::scheduler
