#include "tests/soak/watch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "scheduler/core/set_back.h"
#include "scheduler/trace/coroutine_dump.h"
#include "scheduler/trace/schedtrace.h"

namespace outrigger::scheduler {
namespace {

#if defined(OUTRIGGER_TSAN) || defined(__SANITIZE_ADDRESS__)
constexpr Nanos kLongestIdle = 200 * kMillisecond;
#else
constexpr Nanos kLongestIdle = 20 * kMillisecond;
#endif
// Whoever starves, this is no noise any more.
constexpr Nanos kLongestNoise = 5 * kSecond;
// Two looks further apart than this say nothing of what was between them.
constexpr Nanos kLongestGap = 5 * kMillisecond;
constexpr Nanos kStuck = 60 * kSecond;
constexpr unsigned kDumpSeconds = 20;

// Of this thread: how long it waited for a CPU, in its life.
Nanos OwnRunDelay() {
  std::ifstream file("/proc/thread-self/schedstat");
  Nanos on_cpu = 0, delay = 0;
  file >> on_cpu >> delay;
  return delay;
}

// Threads that want to run and are not set back: their time on the CPU so far. One that runs right
// now is among them.
std::map<int, uint64_t> WaitForCpu() {
  std::map<int, uint64_t> found;
  std::error_code gone;  // threads come and go
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    int tid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &tid) || tid == gettid()) continue;
    std::ifstream stat(entry.path() / "stat"), schedstat(entry.path() / "schedstat");
    std::string text;
    uint64_t cpu_ns = 0;
    if (!std::getline(stat, text) || !(schedstat >> cpu_ns)) continue;
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || text.compare(name_end + 1, 3, " R ") != 0) continue;
    if (!IsSetBack(tid)) found.emplace(tid, cpu_ns);
  }
  return found;
}

bool AnyStarved(const std::map<int, uint64_t>& before) {
  const std::map<int, uint64_t> now = WaitForCpu();
  return std::any_of(before.begin(), before.end(), [&now](const auto& each) {
    const auto found = now.find(each.first);
    return found != now.end() && found->second == each.second;
  });
}

uint32_t Queued(Pool& pool) {
  uint32_t queued = pool.global_queue_size() + pool.relief().queued();
  for (int id = 0; id < pool.max_procs(); ++id) queued += pool.processor(id).queued();
  return queued;
}

bool Asleep(Processor& p) { return p.stats().running.load(std::memory_order_relaxed) == nullptr; }

}  // namespace

Watch::Watch() : thread_([this] { Loop(); }) {}

Watch::~Watch() {
  stop_.store(true);
  thread_.join();
}

void Watch::Observe(World& world) {
  const std::lock_guard lock(mutex_);
  spells_.assign(world.pools.size(), {});
  steps_ = 0;
  stepped_ = looked_ = MonotonicNow();
  world_ = &world;
}

void Watch::Forget() {
  const std::lock_guard lock(mutex_);
  world_ = nullptr;
}

void Watch::Loop() {
  const timespec period{.tv_sec = 0, .tv_nsec = kMillisecond};
  while (!stop_.load()) {
    {
      const std::lock_guard lock(mutex_);
      if (world_) {
        const Nanos now = MonotonicNow();
        if (now - looked_ > kLongestGap) spells_.assign(spells_.size(), {});
        looked_ = now;
        for (size_t i = 0; i < spells_.size(); ++i) {
          Look(*world_, *world_->pools[i], spells_[i], now);
        }
        WatchSteps(*world_, now);
      }
    }
    ppoll(nullptr, 0, &period, nullptr);
  }
}

void Watch::Look(World& world, Pool& pool, Spell& spell, Nanos now) {
  if (pool.idle() == 0 || pool.spinning() != 0 || Queued(pool) == 0) {
    spell = {};
    return;
  }
  const auto procs = static_cast<size_t>(pool.max_procs());
  const bool begins = spell.since == 0;
  if (begins) {
    spell.since = now;
    spell.own_delay = OwnRunDelay();
    spell.suspects.resize(procs);
  }
  bool any = false;
  for (size_t i = 0; i < procs; ++i) {
    Processor& p = pool.processor(static_cast<int>(i));
    Suspect& suspect = spell.suspects[i];
    const uint64_t ticks = p.stats().ticks.load(std::memory_order_relaxed);
    suspect.asleep = Asleep(p) && (begins || (suspect.asleep && suspect.ticks == ticks));
    suspect.ticks = ticks;
    any |= suspect.asleep;
  }
  if (!any) {
    spell = {};
    return;
  }
  const Nanos age = now - spell.since - (OwnRunDelay() - spell.own_delay);
  longest_.store(std::max(longest(), age), std::memory_order_relaxed);
  if (spell.cpu_ns.empty() && age > kLongestIdle / 4) spell.cpu_ns = WaitForCpu();
  if (age <= kLongestIdle || (age <= kLongestNoise && AnyStarved(spell.cpu_ns))) return;
  world.Fault("a P sleeps beside a G that waits, for ", age / 1000,
              " us: ", SchedTrace(pool, now - spell.since, /*detail=*/true));
  spell = {};
}

void Watch::WatchSteps(World& world, Nanos now) {
  const uint64_t steps = world.steps.load(std::memory_order_relaxed);
  if (steps != steps_) {
    steps_ = steps;
    stepped_ = now;
    return;
  }
  if (now - stepped_ < kStuck) return;
  alarm(kDumpSeconds);  // a dump takes a lock, which may be what is stuck
  std::fprintf(stderr, "soak: STUCK: no step for %d s, seed %llu\n",
               static_cast<int>(kStuck / kSecond), static_cast<unsigned long long>(world.seed));
  for (Pool* pool : world.pools) std::fputs(SchedTrace(*pool, 0, false).c_str(), stderr);
  for (Pool* pool : world.pools) {
    std::fputs(DumpCoroutines(*pool).c_str(), stderr);
    std::fputs(SchedTrace(*pool, 0, /*detail=*/true).c_str(), stderr);
  }
  std::abort();
}

}  // namespace outrigger::scheduler
