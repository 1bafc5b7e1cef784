#include "scheduler/sync/channel.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

Task<> Produce(Channel<int>& channel, int from, int to) {
  for (int i = from; i < to; ++i) {
    const Wake sent = co_await channel.Send(i);
    if (sent != Wake::kReady) co_return;
  }
}

Task<> Consume(Channel<int>& channel, std::atomic<int64_t>& sum) {
  while (true) {
    const std::optional<int> value = co_await channel.Receive();
    if (!value) co_return;
    sum.fetch_add(*value);
  }
}

Task<> ManyToMany(size_t capacity, int64_t& result) {
  Channel<int> channel(capacity);
  std::atomic<int64_t> sum{0};
  std::vector<JoinHandle> producers, consumers;
  for (int i = 0; i < 4; ++i) consumers.push_back(Go("consumer", Consume(channel, sum)));
  for (int i = 0; i < 4; ++i) {
    producers.push_back(Go("producer", Produce(channel, i * 1000, (i + 1) * 1000)));
  }
  for (const JoinHandle& handle : producers) co_await handle.Join();
  channel.Close();
  for (const JoinHandle& handle : consumers) co_await handle.Join();
  result = sum.load();
}

TEST(ChannelTest, EachValueArrivesOnce) {
  for (Policy policy : kPolicies) {
    for (size_t capacity : {0, 1, 16}) {
      for (size_t procs : {1, 3}) {
        Pool pool(Options(policy, procs));
        int64_t result = 0;
        RunToEnd(pool, ManyToMany(capacity, result));
        EXPECT_EQ(result, 4000LL * 3999 / 2);
      }
    }
  }
}

// Below, one P: a G that yields until nothing moves leaves the others in their waits.
class OneProcChannelTest : public testing::TestWithParam<Policy> {
 protected:
  Pool pool_{Options(GetParam(), 1)};
};
INSTANTIATE_TEST_SUITE_P(Policies, OneProcChannelTest, testing::ValuesIn(kPolicies));

Task<> YieldOften() {
  for (int i = 0; i < 1000; ++i) co_await Yield();
}

Task<> Collect(Channel<int>& channel, std::vector<int>& out) {
  while (true) {
    const std::optional<int> value = co_await channel.Receive();
    if (!value) co_return;
    out.push_back(*value);
  }
}

Task<> SendsBlockAtTheBound(size_t capacity, std::vector<int>& out) {
  Channel<int> channel(capacity);
  std::vector<int> sent;
  std::vector<JoinHandle> senders;
  for (int i = 0; i < 5; ++i) senders.push_back(Go("send", Produce(channel, i, i + 1)));
  co_await YieldOften();
  size_t done = 0;
  for (const JoinHandle& sender : senders) done += sender.done();
  EXPECT_EQ(done, capacity);
  JoinHandle collector = Go("collect", Collect(channel, out));
  for (const JoinHandle& sender : senders) co_await sender.Join();
  channel.Close();
  co_await collector.Join();
}

TEST_P(OneProcChannelTest, SendersWaitAtTheBoundAndNoneIsLost) {
  for (size_t capacity : {0, 1, 3}) {
    std::vector<int> out;
    RunToEnd(pool_, SendsBlockAtTheBound(capacity, out));
    std::sort(out.begin(), out.end());
    EXPECT_EQ(out, (std::vector<int>{0, 1, 2, 3, 4}));
  }
}

Task<> OneSenderKeepsItsOrder(size_t capacity, std::vector<int>& out) {
  Channel<int> channel(capacity);
  JoinHandle collector = Go("collect", Collect(channel, out));
  co_await Produce(channel, 0, 100);
  channel.Close();
  co_await collector.Join();
}

TEST_P(OneProcChannelTest, ValuesOfOneSenderArriveInOrder) {
  for (size_t capacity : {0, 7}) {
    std::vector<int> out;
    RunToEnd(pool_, OneSenderKeepsItsOrder(capacity, out));
    ASSERT_EQ(out.size(), 100u);
    EXPECT_TRUE(std::is_sorted(out.begin(), out.end()));
  }
}

Task<> ClosedChannel() {
  Channel<int> channel(2);
  for (int i = 1; i <= 2; ++i) {
    const Wake sent = co_await channel.Send(i);
    EXPECT_EQ(sent, Wake::kReady);
  }
  JoinHandle blocked = Go("blocked", Produce(channel, 3, 5));
  co_await YieldOften();
  channel.Close();
  channel.Close();
  co_await blocked.Join();
  const Wake refused = co_await channel.Send(6);
  EXPECT_EQ(refused, Wake::kClosed);
  for (std::optional<int> expected :
       {std::optional<int>(1), std::optional<int>(2), std::optional<int>(), std::optional<int>()}) {
    const std::optional<int> got = co_await channel.Receive();
    EXPECT_EQ(got, expected);
  }
}

TEST_P(OneProcChannelTest, ACloseRefusesSendersAndLeavesWhatIsBuffered) {
  RunToEnd(pool_, ClosedChannel());
}

Task<> ReceiveOne(Channel<int>& channel, std::optional<int>& out) {
  out = co_await channel.Receive();
}

Task<> CancelledReceiver() {
  Channel<int> channel(0);
  std::optional<int> first, second;
  JoinHandle gone = Go("gone", ReceiveOne(channel, first));
  JoinHandle stays = Go("stays", ReceiveOne(channel, second));
  co_await YieldOften();
  gone.Cancel();  // queued, but still in the channel's list
  const Wake sent = co_await channel.Send(1);
  EXPECT_EQ(sent, Wake::kReady);
  co_await gone.Join();
  co_await stays.Join();
  EXPECT_EQ(first, std::nullopt);
  EXPECT_EQ(second, std::optional<int>(1));
}

TEST_P(OneProcChannelTest, ACancelledReceiverTakesNoValueWithIt) {
  RunToEnd(pool_, CancelledReceiver());
}

Task<> SendOne(Channel<int>& channel, int value, bool& sent) {
  const Wake wake = co_await channel.Send(value);
  sent = wake == Wake::kReady;
}

Task<> CancelledSender() {
  Channel<int> channel(0);
  bool first = true, second = false;
  JoinHandle gone = Go("gone", SendOne(channel, 1, first));
  JoinHandle stays = Go("stays", SendOne(channel, 2, second));
  co_await YieldOften();
  gone.Cancel();
  const std::optional<int> got = co_await channel.Receive();
  EXPECT_EQ(got, std::optional<int>(2));
  co_await gone.Join();
  co_await stays.Join();
  EXPECT_FALSE(first);
  EXPECT_TRUE(second);
}

TEST_P(OneProcChannelTest, ACancelledSendersValueIsNotDelivered) {
  RunToEnd(pool_, CancelledSender());
}

Task<> SendPointer(Channel<std::unique_ptr<int>>& channel) {
  const Wake sent = co_await channel.Send(std::make_unique<int>(7));
  EXPECT_EQ(sent, Wake::kReady);
}

Task<> MovesPointers() {
  Channel<std::unique_ptr<int>> channel(0);
  JoinHandle sender = Go("send", SendPointer(channel));
  const std::optional<std::unique_ptr<int>> got = co_await channel.Receive();
  EXPECT_EQ(**got, 7);
  co_await sender.Join();
}

TEST_P(OneProcChannelTest, CarriesWhatCanOnlyBeMoved) { RunToEnd(pool_, MovesPointers()); }

Task<> ShortLived(Channel<int>& results, int value) {
  Channel<int> own(0);
  bool sent = false;
  JoinHandle sender = Go("send", SendOne(own, value, sent));
  const std::optional<int> got = co_await own.Receive();
  co_await sender.Join();
  EXPECT_TRUE(sent);
  co_await results.Send(*got);
}

Task<> ManyShortLived(int n, int64_t& sum) {
  Channel<int> results(4);
  std::vector<JoinHandle> users;
  for (int i = 0; i < n; ++i) users.push_back(Go("short", ShortLived(results, i)));
  for (int i = 0; i < n; ++i) {
    const std::optional<int> got = co_await results.Receive();
    sum += *got;
  }
  for (const JoinHandle& user : users) co_await user.Join();
}

TEST(ChannelRaceTest, AChannelMayGoOnceItsUsersHaveEnded) {
  Pool pool(Options(Policy::kStealing, 4));
  int64_t sum = 0;
  RunToEnd(pool, ManyShortLived(20'000, sum));
  EXPECT_EQ(sum, 20'000LL * 19'999 / 2);
}

Task<> Rally(Channel<int>& in, Channel<int>& out, const bool& stop) {
  while (!stop) {
    co_await out.Send(0, kNever);
    co_await in.Receive(Now() + 100'000);
  }
}

Task<> SetFlag(bool& flag) {
  flag = true;
  co_return;
}

Task<> PairAndThird() {
  Channel<int> ping(1), pong(1);
  bool stop = false;
  const JoinHandle one = Go("rally", Rally(ping, pong, stop));
  const JoinHandle two = Go("rally", Rally(pong, ping, stop));
  const JoinHandle third = Go("third", SetFlag(stop));
  co_await third.Join();
  co_await one.Join();
  co_await two.Join();
}

TEST_P(OneProcChannelTest, APairThatWakesEachOtherStarvesNobody) {
  RunToEnd(pool_, PairAndThird());
}

Task<> Deadlines() {
  Channel<int> channel(1);
  const std::optional<int> nothing = co_await channel.Receive(Now() + 100'000);
  EXPECT_EQ(nothing, std::nullopt);
  const Wake sent = co_await channel.Send(1, Now() + 100'000);
  EXPECT_EQ(sent, Wake::kReady);
  const Wake late = co_await channel.Send(2, Now() + 100'000);
  EXPECT_EQ(late, Wake::kTimeout);
  EXPECT_FALSE(channel.TrySend(3));
  EXPECT_EQ(channel.TryReceive(), std::optional<int>(1));
  EXPECT_EQ(channel.TryReceive(), std::nullopt);
  const Received<int> why = co_await channel.Receive(Now() + 100'000);
  EXPECT_EQ(why.wake, Wake::kTimeout);
}

TEST_P(OneProcChannelTest, AWaitEndsAtItsDeadline) { RunToEnd(pool_, Deadlines()); }

}  // namespace
}  // namespace outrigger::scheduler
