#include "scheduler/sync/select.h"

#include <algorithm>
#include <random>

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using SelectTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, SelectTest, testing::ValuesIn(kPolicies));

Task<> WhatIsReady() {
  Channel<int> empty(1), full(1), rendezvous(0);
  EXPECT_TRUE(full.TrySend(5));
  ReceiveCase<int> from_empty(empty), from_full(full);
  SendCase<int> to_nobody(rendezvous, 7);
  const Selected first = co_await Select(from_empty, from_full, to_nobody);
  EXPECT_EQ(first.index, 1);
  EXPECT_EQ(first.wake, Wake::kReady);
  EXPECT_EQ(from_full.value(), std::optional<int>(5));
  EXPECT_EQ(TrySelect(from_empty, from_full, to_nobody).index, -1);
  EXPECT_EQ(to_nobody.value(), std::optional<int>(7));
  const Selected late = co_await SelectUntil(Soon(), from_empty, from_full, to_nobody);
  EXPECT_EQ(late.index, -1);
  EXPECT_EQ(late.wake, Wake::kTimeout);
  SendCase<int> to_empty(empty, 8);
  const Selected sent = co_await Select(to_nobody, to_empty);
  EXPECT_EQ(sent.index, 1);
  EXPECT_EQ(empty.TryReceive(), std::optional<int>(8));
  full.Close();
  const Selected closed = co_await Select(from_empty, from_full);
  EXPECT_EQ(closed.index, 1);
  EXPECT_EQ(closed.wake, Wake::kClosed);
}

TEST_P(SelectTest, DoesWhatCanBeDone) { Run(WhatIsReady()); }

Task<> FairShares(int (&times)[3]) {
  Channel<int> channels[3] = {Channel<int>(1), Channel<int>(1), Channel<int>(1)};
  for (int i = 0; i < 3'000; ++i) {
    for (Channel<int>& channel : channels) channel.TrySend(0);
    ReceiveCase<int> a(channels[0]), b(channels[1]), c(channels[2]);
    const Selected got = co_await Select(a, b, c);
    ++times[got.index];
  }
}

TEST_P(SelectTest, ChoosesFairly) {
  int times[3] = {};
  Run(FairShares(times));
  for (int each : times) EXPECT_GT(each, 800);
}

Task<> SelectOne(Channel<int>& a, Channel<int>& b, Selected& result, std::optional<int>& value) {
  ReceiveCase<int> from_a(a), from_b(b);
  result = co_await Select(from_a, from_b);
  value = result.index == 0 ? from_a.value() : from_b.value();
}

Task<> Waiting() {
  Channel<int> a(0), b(0);
  Selected result;
  std::optional<int> value;
  {
    const JoinHandle waiter = Go("select", SelectOne(a, b, result, value));
    co_await YieldOften();
    EXPECT_TRUE(b.TrySend(3));
    EXPECT_FALSE(a.TrySend(4));  // a case fires once; the loser is out of its channel's list
    co_await waiter.Join();
    EXPECT_EQ(result.index, 1);
    EXPECT_EQ(value, std::optional<int>(3));
  }
  {
    JoinHandle waiter = Go("select", SelectOne(a, b, result, value));
    co_await YieldOften();
    waiter.Cancel();
    EXPECT_FALSE(a.TrySend(4));
    co_await waiter.Join();
    EXPECT_EQ(result.index, -1);
    EXPECT_EQ(result.wake, Wake::kCancelled);
  }
  const JoinHandle waiter = Go("select", SelectOne(a, b, result, value));
  co_await YieldOften();
  a.Close();
  co_await waiter.Join();
  EXPECT_EQ(result.index, 0);
  EXPECT_EQ(result.wake, Wake::kClosed);
}

TEST_P(SelectTest, AWaitEndsByOneCase) { Run(Waiting()); }

Task<> BothWays(Channel<int>& channel, int value, int& got) {
  SendCase<int> put(channel, value);
  ReceiveCase<int> get(channel);
  const Selected which = co_await Select(put, get);
  got = which.index == 1 ? *get.value() : -1;
}

Task<> TwoMeet() {
  Channel<int> channel(0);
  int first = 0, second = 0;
  const JoinHandle one = Go("both", BothWays(channel, 1, first));
  co_await YieldOften();
  const JoinHandle two = Go("both", BothWays(channel, 2, second));
  co_await one.Join();
  co_await two.Join();
  EXPECT_TRUE((first == 2 && second == -1) || (first == -1 && second == 1));
}

TEST_P(SelectTest, TwoSelectsMeetOnOneChannel) { Run(TwoMeet()); }

constexpr int kChannels = 3;
struct Ledger {
  Channel<int> channels[kChannels] = {Channel<int>(0), Channel<int>(1), Channel<int>(4)};
  std::atomic<int64_t> sent{0}, received{0}, sent_sum{0}, received_sum{0};
};

// Sends or receives, by select or without, with a deadline or without, until its G is cancelled.
Task<> Talk(Ledger& ledger, uint32_t seed) {
  std::minstd_rand random(seed);
  while (!CurrentG()->cancelled()) {
    Channel<int>& a = ledger.channels[random() % kChannels];
    Channel<int>& b = ledger.channels[random() % kChannels];
    const int value = static_cast<int>(random() % 1000);
    int64_t sent = 0;
    std::optional<int> got;
    switch (random() % 4) {
      case 0: {
        const Wake wake = co_await a.Send(value, Now() + 50'000);
        sent = wake == Wake::kReady;
        break;
      }
      case 1:
        got = co_await a.Receive(Now() + 50'000);
        break;
      default: {
        SendCase<int> put(a, value);
        ReceiveCase<int> get(b);
        const bool timed = random() % 2 == 0;
        const Nanos deadline = timed ? Now() + static_cast<Nanos>(random() % 50'000) : kNever;
        const Selected which = co_await SelectUntil(deadline, put, get);
        sent = which.index == 0;
        if (which.index == 1) got = get.value();
      }
    }
    if (sent) {
      ledger.sent.fetch_add(1);
      ledger.sent_sum.fetch_add(value);
    }
    if (got) {
      ledger.received.fetch_add(1);
      ledger.received_sum.fetch_add(*got);
    }
    if (random() % 8 == 0) co_await Yield();
  }
}

Task<> TalkTogether(Ledger& ledger) {
  std::vector<JoinHandle> talkers;
  for (uint32_t i = 0; i < 10; ++i) talkers.push_back(Go("talk", Talk(ledger, i + 1)));
  co_await Sleep(250 * kMillisecond);
  for (JoinHandle& talker : talkers) talker.Cancel();
  co_await JoinEach(talkers);
  for (Channel<int>& channel : ledger.channels) {
    while (const std::optional<int> left = channel.TryReceive()) {
      ledger.received.fetch_add(1);
      ledger.received_sum.fetch_add(*left);
    }
  }
}

TEST(SelectRaceTest, NoValueIsLostOrComesTwice) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    Ledger ledger;
    RunToEnd(pool, TalkTogether(ledger));
    EXPECT_GT(ledger.sent.load(), 100);
    EXPECT_EQ(ledger.sent.load(), ledger.received.load());
    EXPECT_EQ(ledger.sent_sum.load(), ledger.received_sum.load());
  }
}

}  // namespace
}  // namespace outrigger::scheduler
