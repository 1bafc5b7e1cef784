// Pools under everything at once: random trees of Gs that spawn, join, cancel, sleep, yield, hog,
// wait on descriptors and talk over channels, from inside and outside, stopped at a random moment,
// while sysmon takes their Ps and their number changes. Every G that was accepted must run exactly
// once, every value arrive at most once, and Stop() leave nothing.
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/channel.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

constexpr Nanos kBudget = 3 * kSecond;
constexpr uint32_t kLeastRounds = 6;  // however slow the build
constexpr size_t kChannels = 3;

// What happened in a round.
struct Ledger {
  std::atomic<int64_t> spawned{0}, begun{0}, ended{0}, frames{0};
  std::atomic<int64_t> sent{0}, received{0}, sent_sum{0}, received_sum{0};
  Channel<int> channels[kChannels] = {Channel<int>(0), Channel<int>(1), Channel<int>(8)};
};

// In a frame from its making to its end.
struct FrameCount {
  explicit FrameCount(Ledger& ledger) : ledger(&ledger) { ledger.frames.fetch_add(1); }
  FrameCount(FrameCount&& other) noexcept : ledger(std::exchange(other.ledger, nullptr)) {}
  FrameCount& operator=(FrameCount&&) = delete;
  ~FrameCount() {
    if (ledger) ledger->frames.fetch_sub(1);
  }
  Ledger* ledger;
};

Task<> Work(Ledger& ledger, FrameCount frame, uint32_t seed, int depth);

JoinHandle SpawnChild(Ledger& ledger, uint32_t seed, int depth) {
  ledger.spawned.fetch_add(1);
  return Go("child", Work(ledger, FrameCount(ledger), seed, depth));
}

Task<> Talk(Ledger& ledger, std::minstd_rand& random) {
  Channel<int>& channel = ledger.channels[random() % kChannels];
  if (random() % 2 == 0) {
    const int value = static_cast<int>(random() % 1000);
    const Wake sent = co_await channel.Send(value);
    if (sent == Wake::kReady) {
      ledger.sent.fetch_add(1);
      ledger.sent_sum.fetch_add(value);
    }
  } else {
    const std::optional<int> value = co_await channel.Receive();
    if (value) {
      ledger.received.fetch_add(1);
      ledger.received_sum.fetch_add(*value);
    }
  }
}

// A descriptor that comes and goes while others poll; readable from the start, or never.
Task<> Listen(bool readable) {
  const int fd = eventfd(readable ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
  OUTRIGGER_CHECK(fd >= 0);
  {
    PollFd poll(CurrentNetpoll(), fd);
    const Wake wake = co_await poll.Readable(MonotonicNow() + 100'000);
    // A stealing pool's poller may have an edge in hand of who had this number before.
    EXPECT_TRUE(readable || wake != Wake::kReady || CurrentPool().policy() == Policy::kStealing);
  }
  close(fd);
}

// Longer than a slice, at times.
void Hog(Nanos duration) {
  const Nanos end = MonotonicNow() + duration;
  Await([end] { return MonotonicNow() >= end; });
}

Task<> Work(Ledger& ledger, [[maybe_unused]] FrameCount frame, uint32_t seed, int depth) {
  ledger.begun.fetch_add(1);
  std::minstd_rand random(seed);
  std::vector<JoinHandle> children;
  for (int step = 0; step < 6 && !CurrentG()->cancelled(); ++step) {
    switch (random() % 8) {
      case 0:
      case 1:
        if (depth > 0) children.push_back(SpawnChild(ledger, random(), depth - 1));
        break;
      case 2:
        co_await Sleep(static_cast<Nanos>(random() % 200'000));
        break;
      case 3:
        co_await Yield();
        break;
      case 4:
        co_await Talk(ledger, random);
        break;
      case 5:
        co_await Listen(random() % 2 == 0);
        break;
      case 6:
        if (random() % 8 == 0) Hog(static_cast<Nanos>(random() % 500'000));
        break;
      default:
        if (children.empty()) break;
        JoinHandle child = children.back();
        children.pop_back();
        // Who waits on a channel that nobody serves must be cancelled to be joined.
        child.Cancel();
        const Wake wake = co_await child.Join();
        EXPECT_TRUE(child.done() || wake == Wake::kCancelled);
    }
  }
  ledger.ended.fetch_add(1);
}

void Round(size_t procs, uint32_t seed) {
  std::minstd_rand random(seed);
  auto ledger = std::make_unique<Ledger>();
  PoolOptions options = Options(Policy::kStealing, procs);
  options.slice = kLeastSlice;
  Pool pool(std::move(options));
  std::optional<Sysmon> sysmon;  // in every other round
  if (seed % 2 == 0) sysmon.emplace(std::vector<Pool*>{&pool}, CpuSet());
  constexpr size_t kRoots = 100;
  std::vector<JoinHandle> roots;
  std::vector<uint32_t> seeds(kRoots);
  for (uint32_t& each : seeds) each = random();
  std::atomic<size_t> progress{0};
  std::thread outside([&] {
    for (uint32_t each : seeds) {
      roots.push_back(pool.Go("root", Work(*ledger, FrameCount(*ledger), each, 4)));
      if (each % 4 == 0) roots[each % roots.size()].Cancel();
      if (each % 8 == 1) pool.SetProcs(static_cast<int>(each % (procs + 1)));
      progress.fetch_add(1);
    }
  });
  // Stop before the first root, while they come, or when all of them are there.
  const size_t stop_at = random() % (kRoots + 1);
  Await([&] { return progress.load() >= stop_at; });
  pool.Stop();
  outside.join();

  EXPECT_EQ(pool.live(), 0);
  EXPECT_EQ(ledger->frames.load(), 0);
  EXPECT_EQ(ledger->begun.load(), ledger->ended.load());
  size_t done = 0;
  for (const JoinHandle& root : roots) done += root.done();
  EXPECT_EQ(done, kRoots);
  // Roots that came after the last G are done without having run; children always run.
  EXPECT_LE(ledger->begun.load(), ledger->spawned.load() + static_cast<int64_t>(kRoots));
  EXPECT_GE(ledger->begun.load(), ledger->spawned.load() + static_cast<int64_t>(stop_at));
  // What was sent and not received is in a buffer still.
  int64_t sent = ledger->sent.load(), sum = ledger->sent_sum.load();
  EXPECT_LE(ledger->received.load(), sent);
  EXPECT_LE(sent - ledger->received.load(), 1 + 8);
  EXPECT_LE(ledger->received_sum.load(), sum);
}

TEST(StressTest, NothingIsLostOrRunTwiceAndStopLeavesNothing) {
  const Nanos end = MonotonicNow() + kBudget;
  uint32_t rounds = 0;
  for (; (rounds < kLeastRounds || MonotonicNow() < end) && !HasFailure(); ++rounds) {
    SCOPED_TRACE(rounds);
    Round(1 + rounds % 4, rounds + 1);
  }
  RecordProperty("rounds", static_cast<int>(rounds));
}

struct PinnedLedger {
  std::atomic<int64_t> posted{0}, taken{0}, spawned{0}, begun{0}, ended{0};
};

Task<> PinnedWork(PinnedLedger& ledger, uint32_t seed, int depth) {
  ledger.begun.fetch_add(1);
  std::minstd_rand random(seed);
  Signal own;
  for (int step = 0; step < 5; ++step) {
    switch (random() % 5) {
      case 0:
        if (depth > 0) {
          ledger.spawned.fetch_add(1);
          JoinHandle child = Go("child", PinnedWork(ledger, random(), depth - 1));
          if (random() % 2 == 0) child.Cancel();
          co_await child.Join();
        }
        break;
      case 1:
        co_await Sleep(static_cast<Nanos>(random() % 100'000));
        break;
      case 2:
        co_await Yield();
        break;
      case 3:
        co_await Listen(random() % 2 == 0);
        break;
      default:
        if (random() % 2 == 0) own.Set();
        co_await own.Wait("stress");  // for ever, where nobody set it: until the cancel
    }
  }
  ledger.ended.fetch_add(1);
}

void PinnedRound(size_t procs, uint32_t seed) {
  std::minstd_rand random(seed);
  PinnedLedger ledger;
  Pool pool(Options(Policy::kPinned, procs));
  const size_t stop_at = random() % 100;
  std::thread outside([&] {  // until the pool has stopped, or has been given enough
    for (uint32_t i = 0; i < 200; ++i) {
      const uint32_t each = seed + i;
      const bool posted = pool.Post(static_cast<int>(each % procs), [&ledger, &pool, each] {
        ledger.taken.fetch_add(1);
        ledger.spawned.fetch_add(1);
        pool.Go("root", PinnedWork(ledger, each, 2));
      });
      if (!posted) return;
      ledger.posted.fetch_add(1);
    }
  });
  Await([&] { return ledger.posted.load() >= static_cast<int64_t>(stop_at); });
  pool.Stop();
  outside.join();
  EXPECT_EQ(pool.live(), 0);
  EXPECT_EQ(ledger.taken.load(), ledger.posted.load());
  EXPECT_EQ(ledger.begun.load(), ledger.spawned.load());
  EXPECT_EQ(ledger.ended.load(), ledger.begun.load());
  EXPECT_FALSE(pool.Post(0, [] {}));
}

TEST(StressTest, APinnedPoolStopsAtAnyMoment) {
  const Nanos end = MonotonicNow() + kBudget / 3;
  uint32_t rounds = 0;
  for (; (rounds < kLeastRounds || MonotonicNow() < end) && !HasFailure(); ++rounds) {
    SCOPED_TRACE(rounds);
    PinnedRound(1 + rounds % 3, rounds + 1);
  }
  RecordProperty("rounds", static_cast<int>(rounds));
}

}  // namespace
}  // namespace outrigger::scheduler
