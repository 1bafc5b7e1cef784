// The scheduler's benchmark: scheduler_bench CASE PROCS [SCALE]. One process runs one case on a
// stealing pool and prints one JSON line. Each case does what the peers' case of that name does.
#include <cstdlib>
#include <optional>

#include "scheduler/base/check.h"
#include "scheduler/core/sysmon.h"
#include "scheduler/sync/async_mutex.h"
#include "scheduler/sync/channel.h"
#include "scheduler/sync/event.h"
#include "scheduler/sync/wait_group.h"
#include "tests/bench/bench_case.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

Task<Figures> Nothing(BenchOptions) { co_return Figures{{"ops", 1}}; }

Task<> JustDone(WaitGroup& group) {
  group.Done();
  co_return;
}

Task<> SpawnAndWait(size_t n, size_t batch) {
  for (size_t left = n / batch; left > 0; --left) {
    WaitGroup group;
    group.Add(static_cast<int64_t>(batch));
    for (size_t i = 0; i < batch; ++i) Go("empty", JustDone(group));
    co_await group.Wait();
  }
}

Task<Figures> SpawnBatch(BenchOptions options) {  // steady state: 100 at a time
  const size_t n = options.Scaled(1'000'000);
  co_return co_await Timed(n, SpawnAndWait(n, 100));
}

Task<Figures> SpawnBurst(BenchOptions options) {  // all at once
  const size_t n = options.Scaled(1'000'000);
  co_return co_await Timed(n, SpawnAndWait(n, n));
}

Task<> WaitParked(WaitGroup& waiting, WaitGroup& woken, Event& release) {
  waiting.Done();
  co_await release.Wait();
  woken.Done();
}

Task<> StartParked(size_t n, WaitGroup& woken, Event& release) {
  WaitGroup waiting;
  waiting.Add(static_cast<int64_t>(n));
  woken.Add(static_cast<int64_t>(n));
  for (size_t i = 0; i < n; ++i) Go("parked", WaitParked(waiting, woken, release));
  co_await waiting.Wait();
}

Task<> WakeParked(WaitGroup& woken, Event& release) {
  release.Set();
  co_await woken.Wait();
}

Task<Figures> Parked(BenchOptions options, size_t tasks_at_full_scale) {
  const size_t n = options.Scaled(tasks_at_full_scale);
  WaitGroup woken;
  Event release;
  const double base = ResidentBytes();
  Figures figures = co_await Timed(n, StartParked(n, woken, release));
  figures["rss_bytes"] = (ResidentBytes() - base) / static_cast<double>(n);
  const Figures wake = co_await Timed(n, WakeParked(woken, release));
  figures["wake_ns"] = wake.at("ns");
  co_return figures;
}

Task<Figures> Parked100k(BenchOptions options) { return Parked(options, 100'000); }
Task<Figures> Parked1m(BenchOptions options) { return Parked(options, 1'000'000); }

Task<> Pong(Channel<size_t>& pings, Channel<size_t>& pongs) {
  while (true) {
    const std::optional<size_t> value = co_await pings.Receive();
    if (!value) co_return;
    co_await pongs.Send(*value);
  }
}

Task<> Ping(size_t n) {
  Channel<size_t> pings(0), pongs(0);
  const JoinHandle pong = Go("pong", Pong(pings, pongs));
  for (size_t i = 0; i < n; ++i) {
    co_await pings.Send(i);
    co_await pongs.Receive();
  }
  pings.Close();
  co_await pong.Join();
}

Task<Figures> PingPong(BenchOptions options) {
  const size_t n = options.Scaled(1'000'000);
  co_return co_await Timed(n, Ping(n));
}

Task<> Produce(Channel<uint64_t>& channel, size_t n) {
  for (size_t i = 0; i < n; ++i) co_await channel.Send(i);
}

Task<> Consume(Channel<uint64_t>& channel) {
  while (true) {
    const std::optional<uint64_t> value = co_await channel.Receive();
    if (!value) co_return;
  }
}

Task<> ProduceAndConsume(size_t n) {
  constexpr size_t kSides = 4;
  Channel<uint64_t> channel(128);
  std::vector<JoinHandle> producers, consumers;
  for (size_t i = 0; i < kSides; ++i) {
    producers.push_back(Go("produce", Produce(channel, n / kSides)));
    consumers.push_back(Go("consume", Consume(channel)));
  }
  co_await JoinAll(producers);
  channel.Close();
  co_await JoinAll(consumers);
}

Task<Figures> Mpmc(BenchOptions options) {
  const size_t n = options.Scaled(4'000'000);
  co_return co_await Timed(n, ProduceAndConsume(n));
}

Task<> YieldTimes(size_t n) {
  for (size_t i = 0; i < n; ++i) co_await Yield();
}

Task<> YieldTogether(size_t n, size_t tasks) {
  std::vector<JoinHandle> handles;
  for (size_t i = 0; i < tasks; ++i) handles.push_back(Go("yield", YieldTimes(n / tasks)));
  co_await JoinAll(handles);
}

Task<Figures> Yields(BenchOptions options) {
  const size_t n = options.Scaled(5'000'000);
  co_return co_await Timed(n, YieldTogether(n, 50));
}

Task<> LockTimes(AsyncMutex& mutex, size_t n, size_t& count) {
  for (size_t i = 0; i < n; ++i) {
    co_await mutex.Lock();
    ++count;
    mutex.Unlock();
  }
}

Task<> LockTogether(size_t n, size_t tasks) {
  AsyncMutex mutex;
  size_t count = 0;
  std::vector<JoinHandle> handles;
  for (size_t i = 0; i < tasks; ++i)
    handles.push_back(Go("lock", LockTimes(mutex, n / tasks, count)));
  co_await JoinAll(handles);
  OUTRIGGER_CHECK(count == n / tasks * tasks);
}

Task<Figures> MutexCase(BenchOptions options) {
  const size_t n = options.Scaled(4'000'000);
  co_return co_await Timed(n, LockTogether(n, 8));
}

Task<> SkynetNode(int64_t number, int64_t size, int64_t& sum) {
  if (size == 1) {
    sum = number;
    co_return;
  }
  int64_t sums[10];
  JoinHandle children[10];
  for (int i = 0; i < 10; ++i) {
    children[i] = Go("skynet", SkynetNode(number + i * (size / 10), size / 10, sums[i]));
  }
  sum = 0;
  for (int i = 0; i < 10; ++i) {
    co_await children[i].Join();
    sum += sums[i];
  }
}

Task<> SkynetTree() {
  int64_t sum = 0;
  co_await SkynetNode(0, 1'000'000, sum);
  OUTRIGGER_CHECK(sum == 499'999'500'000);
}

Task<Figures> Skynet(BenchOptions) { return Timed(1'111'111, SkynetTree()); }

Task<> FibNode(int n, int64_t& result) {
  if (n < 2) {
    result = n;
    co_return;
  }
  int64_t left = 0, right = 0;
  const JoinHandle child = Go("fib", FibNode(n - 1, left));
  co_await FibNode(n - 2, right);
  co_await child.Join();
  result = left + right;
}

Task<> FibTree() {
  int64_t result = 0;
  co_await FibNode(30, result);
  OUTRIGGER_CHECK(result == 832'040);
}

Task<Figures> Fib(BenchOptions) { return Timed(1'346'268, FibTree()); }  // fib(30) forks that often

constexpr BenchCase kCases[] = {
    {"nothing", Nothing},
    {"spawn_batch", SpawnBatch},
    {"spawn_burst", SpawnBurst},
    {"parked_100k", Parked100k},
    {"parked_1m", Parked1m},
    {"pingpong", PingPong},
    {"mpmc", Mpmc},
    {"yield", Yields},
    {"mutex", MutexCase},
    {"skynet", Skynet},
    {"fib", Fib},
    {"timers", TimersCase},
    {"timer_reset", TimerResetCase},
    {"tcp_1", Tcp1Case},
    {"tcp_64", Tcp64Case},
    {"hogs_finite", HogsFiniteCase},
    {"hogs_endless", HogsEndlessCase},
    {"resize", ResizeCase},
};

Task<> KeepFigures(Task<Figures> measured, Figures& figures) {
  figures = co_await std::move(measured);
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: scheduler_bench CASE PROCS [SCALE]\n");
    return 2;
  }
  const std::string_view name = argv[1];
  const BenchOptions options{.procs = std::strtoul(argv[2], nullptr, 10),
                             .scale = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1};
  const auto* found = std::find_if(std::begin(kCases), std::end(kCases),
                                   [name](const BenchCase& each) { return each.name == name; });
  if (found == std::end(kCases) || options.procs == 0 || options.scale == 0) {
    std::fprintf(stderr, "%s with %zu procs is not supported\n", argv[1], options.procs);
    return 2;
  }
  Figures figures;
  {
    // Room for one more: a pool that can never have it is a faster one, but with one P only.
    PoolOptions pool_options = Options(Policy::kStealing, options.procs + (name == "resize"));
    pool_options.procs = static_cast<int>(options.procs);
    Pool pool(std::move(pool_options));
    Sysmon sysmon({&pool}, {});
    RunToEnd(pool, KeepFigures(found->run(options), figures));
  }
  std::printf("{\"lib\":\"outrigger\",\"case\":\"%s\",\"procs\":%zu", argv[1], options.procs);
  for (const auto& [key, value] : figures) std::printf(",\"%s\":%.1f", key.c_str(), value);
  std::puts("}");
  return 0;
}

}  // namespace
}  // namespace outrigger::scheduler

int main(int argc, char** argv) { return outrigger::scheduler::Main(argc, argv); }
