// What a G does on an M that has lost its P, and what becomes of the M.
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/async_mutex.h"
#include "scheduler/sync/channel.h"
#include "scheduler/sync/event.h"
#include "scheduler/sync/select.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kSpares = 4;  // that are kept

PoolOptions Quick(size_t procs) {
  PoolOptions options = Options(Policy::kStealing, procs);
  options.slice = kLeastSlice;
  return options;
}

// Until sysmon has taken our P.
void HogUntilTaken() {
  Await([] { return machine.cell->without_p.load(); });
}

class MachinesTest : public testing::TestWithParam<size_t> {
 protected:
  void Run(Task<> task) { RunToEnd(pool_, std::move(task)); }

  Pool pool_{Quick(GetParam())};
  Sysmon sysmon_{{&pool_}, {}};
};
INSTANTIATE_TEST_SUITE_P(Procs, MachinesTest, testing::Values(1, 2));

Task<> Set(Event& event) {
  event.Set();
  co_return;
}

Task<> SpawnsAndJoins(bool& ran) {
  HogUntilTaken();
  Event event;
  const JoinHandle child = Go("child", Set(event));
  const Wake joined = co_await child.Join();
  ran = joined == Wake::kReady && event.is_set();
}
TEST_P(MachinesTest, WithoutAPAGSpawnsAndJoins) {
  bool ran = false;
  Run(SpawnsAndJoins(ran));
  EXPECT_TRUE(ran);
}

Task<> Answer(Channel<int>& in, Channel<int>& out) {
  while (true) {
    const std::optional<int> value = co_await in.Receive();
    if (!value) co_return;
    const Wake sent = co_await out.Send(*value + 1);
    EXPECT_EQ(sent, Wake::kReady);
  }
}
Task<> Talks(int& sum) {
  Channel<int> there(0), back(0);
  const JoinHandle peer = Go("peer", Answer(there, back));
  for (int i = 0; i < 10; ++i) {
    HogUntilTaken();
    const Wake sent = co_await there.Send(i);
    EXPECT_EQ(sent, Wake::kReady);
    HogUntilTaken();
    ReceiveCase<int> got(back);
    const Selected which = co_await SelectUntil(MonotonicNow() + 10 * kSecond, got);
    EXPECT_EQ(which.index, 0);
    sum += *got.value();
  }
  there.Close();
  co_await peer.Join();
}
TEST_P(MachinesTest, WithoutAPAGTalksOverChannels) {
  int sum = 0;
  Run(Talks(sum));
  EXPECT_EQ(sum, 55);
}

Task<> SleepsAndYields(Nanos& slept) {
  HogUntilTaken();
  const Nanos start = MonotonicNow();
  co_await Sleep(kMillisecond);
  slept = MonotonicNow() - start;
  HogUntilTaken();
  co_await Yield();
  HogUntilTaken();  // so we had one again
}
TEST_P(MachinesTest, WithoutAPAGSleepsAndYields) {
  Nanos slept = 0;
  Run(SleepsAndYields(slept));
  EXPECT_GE(slept, kMillisecond);
}

Task<> LockAndHog(AsyncMutex& mutex, int& count) {
  for (int i = 0; i < 5; ++i) {
    const Wake locked = co_await mutex.Lock();
    EXPECT_EQ(locked, Wake::kReady);
    HogUntilTaken();
    ++count;
    mutex.Unlock();
  }
}
Task<> LockInTurns(int& count) {
  AsyncMutex mutex;
  const JoinHandle one = Go("one", LockAndHog(mutex, count));
  const JoinHandle two = Go("two", LockAndHog(mutex, count));
  co_await one.Join();
  co_await two.Join();
}
TEST_P(MachinesTest, WithoutAPAGKeepsItsMutex) {
  int count = 0;
  Run(LockInTurns(count));
  EXPECT_EQ(count, 10);
}

Task<> Panics() {
  HogUntilTaken();
  throw Panic("without a P");
  co_return;
}
Task<> JoinPanicked() {
  const JoinHandle child = Go("panics", Panics());
  co_await child.Join();
}
TEST_P(MachinesTest, WithoutAPAGPanics) {
  Run(JoinPanicked());
  uint64_t panics = 0;
  for (int id = 0; id < pool_.procs(); ++id) panics += pool_.processor(id).stats().panics.load();
  EXPECT_EQ(panics, 1u);
}

Task<> IsCancelled(Wake& wake) {
  HogUntilTaken();
  CurrentG()->Cancel();
  wake = co_await Sleep(kNever);
}
TEST_P(MachinesTest, WithoutAPAGIsCancelled) {
  Wake wake = Wake::kReady;
  Run(IsCancelled(wake));
  EXPECT_EQ(wake, Wake::kCancelled);
}

Task<> HogUntil(std::atomic<bool>& over) {
  Await([&] { return over.load(); });
  co_return;
}

TEST_P(MachinesTest, SparesEndBeyondAFew) {
  std::atomic<bool> over{false};
  std::vector<JoinHandle> hogs;
  for (int i = 0; i < 9; ++i) hogs.push_back(Spawn(pool_, "hog", HogUntil(over)));
  Await([&] { return pool_.without_p() >= 8; });
  over.store(true);
  for (const JoinHandle& hog : hogs) Await([&hog] { return hog.done(); });
  Await([&] { return pool_.without_p() == 0; });
  RunToEnd(pool_, HogUntil(over));
  EXPECT_LE(pool_.spares(), static_cast<int>(kSpares));
}

TEST_P(MachinesTest, StopWaitsForAGWithoutAP) {
  std::atomic<bool> over{false};
  Spawn(pool_, "hog", HogUntil(over));
  Await([&] { return pool_.without_p() == 1; });
  std::atomic<bool> stopped{false};
  std::thread stop([&] {
    pool_.Stop();
    stopped.store(true);
  });
  EXPECT_FALSE(stopped.load());
  over.store(true);
  stop.join();
  EXPECT_EQ(pool_.live(), 0);
}

Task<> BlocksWhenItsSliceIsUp(Nanos early) {
  for (int i = 0; i < 50; ++i) {
    const Nanos end = MonotonicNow() + kLeastSlice + kLeastSlice / 2 - early;
    Await([end] { return MonotonicNow() >= end; });
    Blocking([] { std::this_thread::yield(); });
    co_await Yield();
  }
}
// Sysmon is about to take the P that its M gives up just then.
TEST_P(MachinesTest, WhoGivesUpWhatIsBeingTakenIsCountedOnce) {
  std::vector<JoinHandle> handles;
  for (Nanos i = 0; i < 20; ++i) {
    handles.push_back(Spawn(pool_, "blocks", BlocksWhenItsSliceIsUp(i * kLeastSlice / 20)));
  }
  for (const JoinHandle& each : handles) Await([&each] { return each.done(); });
  pool_.Stop();
  EXPECT_EQ(pool_.without_p(), 0);
}

struct Pipe {
  Pipe() { OUTRIGGER_CHECK(pipe(fds) == 0); }
  ~Pipe() {
    close(fds[0]);
    close(fds[1]);
  }
  int fds[2];
};
Task<> ReadByte(const Pipe& pipe, char& byte) {
  const ssize_t n = Blocking([&] { return read(pipe.fds[0], &byte, 1); });
  EXPECT_EQ(n, 1);
  co_return;
}
Task<> WriteByte(const Pipe& pipe) {
  EXPECT_EQ(write(pipe.fds[1], "x", 1), 1);
  co_return;
}
Task<> BlockAndWrite(const Pipe& pipe, size_t procs, std::unique_ptr<char[]>& bytes) {
  std::vector<JoinHandle> handles;
  // More than there are Ps: nobody writes until all of them block.
  for (size_t i = 0; i < 2 * procs; ++i) handles.push_back(Go("read", ReadByte(pipe, bytes[i])));
  co_await Yield();
  for (size_t i = 0; i < 2 * procs; ++i) handles.push_back(Go("write", WriteByte(pipe)));
  for (const JoinHandle& each : handles) co_await each.Join();
}
TEST_P(MachinesTest, ABlockedThreadHoldsNobodyUp) {
  const Pipe pipe;
  auto bytes = std::make_unique<char[]>(2 * GetParam());
  Run(BlockAndWrite(pipe, GetParam(), bytes));
  EXPECT_EQ(bytes[0], 'x');
}

TEST(BlockingTest, IsACallOnOtherThreads) {
  EXPECT_EQ(Blocking([] { return 7; }), 7);
}

}  // namespace
}  // namespace outrigger::scheduler
