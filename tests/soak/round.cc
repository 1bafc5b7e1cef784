#include "tests/soak/round.h"

#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "scheduler/core/sysmon.h"
#include "scheduler/trace/schedtrace.h"

namespace outrigger::scheduler {
namespace {

// Until a thread that was joined, or a descriptor, has gone from /proc.
constexpr Nanos kGoneWithin = 5 * kSecond;

int64_t Entries(const char* folder) {
  std::error_code gone;
  const std::filesystem::directory_iterator entries(folder, gone);
  return std::distance(begin(entries), end(entries));
}

void Pause(Nanos duration) {
  const timespec time{.tv_sec = 0, .tv_nsec = duration};
  ppoll(nullptr, 0, &time, nullptr);
}

std::unique_ptr<Pool> MakePool(size_t number, Random& random) {
  PoolOptions options;
  options.name = absl::StrCat("soak", number);
  options.affinity.resize(random.OneIn(8) ? 8 : 1 + random.Below(4));
  options.procs = static_cast<int>(random.Below(options.affinity.size() + 1));
  options.slice = kLeastSlice << random.Below(5);  // 100 us to 1.6 ms
  if (random.OneIn(6)) options.slice = 2 * kMillisecond;
  if (random.OneIn(4)) options.most_without_p = 1 + static_cast<int>(random.Below(3));
  return std::make_unique<Pool>(std::move(options));
}

// Posts from a thread that is no G.
void Outside(World& world, uint64_t seed, uint64_t roots) {
  Random random(seed);
  std::vector<JoinHandle> handles;
  for (uint64_t left = roots; left > 0; --left) {
    JoinHandle handle;
    const size_t pool = random.Below(world.pools.size());
    if (!SpawnRoot(world, pool, random.Next(), handle)) break;
    handles.push_back(std::move(handle));
    if (random.OneIn(4)) handles[random.Below(handles.size())].Cancel();
    if (random.OneIn(4)) Pause(random.Between(0, 2 * kMillisecond));
    if (random.OneIn(4)) world.gate.Set();
    Channel<int64_t>& channel = world.channels[random.Below(World::kChannels)];
    if (random.OneIn(4)) {
      if (const std::optional<int64_t> got = channel.TryReceive()) {
        world.received.fetch_add(1);
        world.received_sum.fetch_add(*got);
      }
    } else if (random.OneIn(4) && channel.TrySend(7)) {
      world.sent.fetch_add(1);
      world.sent_sum.fetch_add(7);
    }
  }
}

// Until all Gs have ended by themselves, or, where they would not, for a while.
void LetRun(World& world, std::vector<std::thread>& outside, Random& random) {
  const uint64_t enough = random.Below(4ull * world.most_gs);
  const Nanos end = MonotonicNow() + random.Between(0, 400 * kMillisecond);
  if (world.bounded) {
    for (std::thread& thread : outside) thread.join();
    outside.clear();
  }
  while (!world.failed()) {
    const bool over = world.bounded ? world.frames.load() == 0
                                    : world.steps.load() >= enough || MonotonicNow() >= end;
    if (over) return;
    Pause(200'000);
    if (!random.OneIn(4)) continue;
    Pool& pool = *world.pools[random.Below(world.pools.size())];
    pool.SetProcs(1 + static_cast<int>(random.Below(static_cast<uint64_t>(pool.max_procs()))));
  }
}

// All Gs have ended by themselves: each P goes to sleep, or it is lost.
void CheckAsleep(World& world) {
  for (Pool* pool : world.pools) {
    const Nanos end = MonotonicNow() + kGoneWithin;
    const auto asleep = [pool] { return pool->idle() == pool->procs() && pool->without_p() == 0; };
    while (!asleep() && MonotonicNow() < end) Pause(100'000);
    if (asleep()) continue;
    world.Fault("a pool without a G does not go to sleep, with ", pool->without_p(),
                " machines without a P: ", SchedTrace(*pool, 0, /*detail=*/true));
  }
}

void StopAll(World& world, Random& random) {
  std::vector<size_t> order(world.pools.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  const auto stop = [&world](size_t i) {
    world.stopping[i].store(true);
    world.pools[i]->Stop();
  };
  std::vector<std::thread> stoppers;
  const bool at_once = random.OneIn(2);
  for (size_t i : order) {
    if (at_once) {
      stoppers.emplace_back(stop, i);
    } else {
      stop(i);
    }
  }
  for (std::thread& thread : stoppers) thread.join();
}

void CheckGs(World& world, RoundResult& result) {
  const uint32_t given = std::min(world.given.load(), world.most_gs);
  for (uint32_t i = 0; i < given; ++i) {
    const Ticket& ticket = world.tickets[i];
    const uint32_t begun = ticket.begun.load(), ended = ticket.ended.load();
    result.gs += begun;
    if (begun != ended || begun > 1) {
      world.Fault("G ", i, " began ", begun, " times and ended ", ended, " times");
    } else if (begun == 0 && (ticket.must_run || !ticket.done_at_return)) {
      world.Fault("G ", i, " was accepted and never ran");
    }
  }
  if (world.frames.load() != 0) world.Fault(world.frames.load(), " frames are left");
}

void CheckValues(World& world) {
  for (Channel<int64_t>& channel : world.channels) {
    while (const std::optional<int64_t> left = channel.TryReceive()) {
      world.received.fetch_add(1);
      world.received_sum.fetch_add(*left);
    }
  }
  if (world.sent.load() != world.received.load() ||
      world.sent_sum.load() != world.received_sum.load()) {
    world.Fault("sent ", world.sent.load(), " values of ", world.sent_sum.load(), ", received ",
                world.received.load(), " of ", world.received_sum.load());
  }
  for (Guarded& guarded : world.guarded) {
    if (!guarded.mutex.TryLock()) world.Fault("an AsyncMutex is locked still");
    if (guarded.count != guarded.counted.load()) {
      world.Fault("under an AsyncMutex ", guarded.count, " were counted of ",
                  guarded.counted.load());
    }
  }
  Store& store = world.store;
  if (!store.mutex.TryLock()) world.Fault("the store's AsyncMutex is locked still");
  for (int64_t value : store.values) store.sum -= value;
  if (store.sum != 0) world.Fault("the store is wrong by ", store.sum);
  if (world.permits.permits() != World::kPermits) {
    world.Fault(world.permits.permits(), " permits are left of ", World::kPermits);
  }
}

void CheckPool(World& world, Pool& pool, RoundResult& result, uint64_t& panics) {
  uint32_t queued = pool.global_queue_size() + pool.relief().queued();
  panics += pool.relief().stats().panics.load();
  for (int id = 0; id < pool.max_procs(); ++id) {
    queued += pool.processor(id).queued();
    panics += pool.processor(id).stats().panics.load();
  }
  if (pool.live() != 0 || queued != 0 || pool.without_p() != 0) {
    world.Fault(pool.name(), " stopped with ", pool.live(), " Gs alive, ", queued, " queued, ",
                pool.without_p(), " machines without a P");
  }
  PoolStats& stats = pool.stats();
  result.handoffs += stats.handoffs.load();
  result.undone += stats.handoffs_undone.load();
  result.refused += stats.handoffs_refused.load();
  result.reliefs += stats.reliefs.load();
  result.set_backs += stats.set_backs.load();
}

void CheckGone(World& world, const char* folder, int64_t before) {
  const Nanos end = MonotonicNow() + kGoneWithin;
  while (Entries(folder) != before && MonotonicNow() < end) Pause(kMillisecond);
  const int64_t left = Entries(folder);
  if (left != before) world.Fault(folder, " has ", left, " entries, and had ", before);
}

}  // namespace

RoundResult RunRound(uint64_t seed, Watch& watch) {
  Random random(seed);
  const int64_t threads = Entries("/proc/self/task"), fds = Entries("/proc/self/fd");
  RoundResult result;
  World world(seed, static_cast<uint32_t>(random.Between(50, random.OneIn(4) ? 20'000 : 4'000)),
              /*ends_by_itself=*/random.OneIn(2));
  world.hog_left.store(random.Between(0, 150 * kMillisecond));
  std::vector<std::unique_ptr<Pool>> pools;
  const size_t count = 1 + random.Below(3);
  for (size_t i = 0; i < count; ++i) {
    pools.push_back(MakePool(i, random));
    world.pools.push_back(pools.back().get());
  }
  world.stopping = std::make_unique<std::atomic<bool>[]>(count);
  std::optional<Sysmon> sysmon;
  if (!random.OneIn(8)) sysmon.emplace(world.pools, CpuSet());
  watch.Observe(world);
  std::vector<std::thread> outside;
  for (uint64_t left = 1 + random.Below(3); left > 0; --left) {
    const uint64_t each = random.Next(), roots = 1 + random.Below(200);
    outside.emplace_back([&world, each, roots] { Outside(world, each, roots); });
  }
  LetRun(world, outside, random);
  if (world.bounded) CheckAsleep(world);
  if (random.OneIn(4)) sysmon.reset();
  StopAll(world, random);
  for (std::thread& thread : outside) thread.join();
  watch.Forget();
  sysmon.reset();

  CheckGs(world, result);
  CheckValues(world);
  uint64_t panics = 0;
  for (auto& pool : pools) CheckPool(world, *pool, result, panics);
  result.panics = world.panics.load();
  if (panics != result.panics) {
    world.Fault("the pools counted ", panics, " panics of ", result.panics);
  }
  pools.clear();
  CheckGone(world, "/proc/self/task", threads);
  CheckGone(world, "/proc/self/fd", fds);
  result.faults = world.faults;
  return result;
}

}  // namespace outrigger::scheduler
