// pools.h: for tests: pools that bind no CPU, and tasks run on them from the test's thread.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "scheduler/base/check.h"
#include "scheduler/pool.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

inline constexpr Policy kPolicies[] = {Policy::kStealing, Policy::kPinned};

inline PoolOptions Options(Policy policy, size_t procs) {
  return {.name = policy == Policy::kPinned ? "data" : "control",
          .policy = policy,
          .affinity = std::vector<CpuSet>(procs)};
}

// Spawns on the pool, on P 0 if it is pinned.
inline JoinHandle Spawn(Pool& pool, const char* name, Task<> task) {
  if (pool.policy() == Policy::kStealing) return pool.Go(name, std::move(task));
  auto shared = std::make_shared<Task<>>(std::move(task));
  std::promise<JoinHandle> handle;
  OUTRIGGER_CHECK(pool.Post(0, [&] { handle.set_value(pool.Go(name, std::move(*shared))); }));
  return handle.get_future().get();
}

inline Task<> RunAndTell(Task<> task, std::promise<void>& ended) {
  {
    Task<> child = std::move(task);  // its frame goes before we tell
    co_await std::move(child);
  }
  ended.set_value();
}

// Returns when the task has ended.
inline void RunToEnd(Pool& pool, Task<> task) {
  std::promise<void> ended;
  Spawn(pool, "test", RunAndTell(std::move(task), ended));
  ended.get_future().get();
}

// Runs a plain function on P 0 of a pinned pool.
inline void RunPosted(Pool& pool, const std::function<void()>& function) {
  std::promise<void> ended;
  OUTRIGGER_CHECK(pool.Post(0, [&] {
    function();
    ended.set_value();
  }));
  ended.get_future().get();
}

// Until another thread has made it true; a test that waits in vain ends by Bazel's time limit.
template <typename Predicate>
void Await(Predicate predicate) {
  while (!predicate()) std::this_thread::yield();
}

}  // namespace outrigger::scheduler
