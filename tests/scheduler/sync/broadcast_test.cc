#include "scheduler/sync/broadcast.h"

#include "tests/scheduler/sync/sync_test.h"

namespace outrigger::scheduler {
namespace {

using BroadcastTest = OneProcTest;
INSTANTIATE_TEST_SUITE_P(Policies, BroadcastTest, testing::ValuesIn(kPolicies));

// Follows until the end; what it got and missed adds up to what was sent, in order.
Task<> Follow(Broadcast<int>::Subscriber subscriber, uint64_t& got, uint64_t& missed) {
  uint64_t next = 0;
  while (true) {
    const auto news = co_await subscriber.Next();
    if (news.wake != Wake::kReady) {
      EXPECT_EQ(news.wake, Wake::kClosed);
      co_return;
    }
    missed += news.missed;
    next += news.missed;
    EXPECT_EQ(static_cast<uint64_t>(*news), next);
    ++next;
    ++got;
  }
}

Task<> SendAll(int n, int pause_every, size_t capacity, size_t subscribers) {
  Broadcast<int> broadcast(capacity);
  std::vector<uint64_t> got(subscribers), missed(subscribers);
  std::vector<JoinHandle> followers;
  for (size_t i = 0; i < subscribers; ++i) {
    followers.push_back(Go("follow", Follow(broadcast.Subscribe(), got[i], missed[i])));
  }
  for (int i = 0; i < n; ++i) {
    EXPECT_TRUE(broadcast.Send(i));
    if (i % pause_every == pause_every - 1) co_await YieldOften();
  }
  broadcast.Close();
  EXPECT_FALSE(broadcast.Send(n));
  co_await JoinEach(followers);
  for (size_t i = 0; i < subscribers; ++i) {
    EXPECT_EQ(got[i] + missed[i], static_cast<uint64_t>(n));
    if (static_cast<size_t>(pause_every) <= capacity) {
      EXPECT_EQ(missed[i], 0u);
    }
  }
}

TEST_P(BroadcastTest, EachSubscriberSeesEachValue) { Run(SendAll(20, 4, 4, 3)); }

Task<> Behind() {
  Broadcast<int> broadcast(3);
  auto subscriber = broadcast.Subscribe();
  const auto nothing = co_await subscriber.Next(Soon());
  EXPECT_EQ(nothing.wake, Wake::kTimeout);
  for (int i = 0; i < 10; ++i) broadcast.Send(i);
  auto late = broadcast.Subscribe();
  broadcast.Close();
  for (int expected : {7, 8, 9}) {
    const auto news = co_await subscriber.Next();
    EXPECT_EQ(*news, expected);
    EXPECT_EQ(news.missed, expected == 7 ? 7u : 0u);
  }
  for (auto* each : {&subscriber, &late}) {
    const auto end = co_await each->Next();
    EXPECT_EQ(end.wake, Wake::kClosed);
    EXPECT_FALSE(end.has_value());
  }
}

TEST_P(BroadcastTest, WhoFallsBehindLearnsHowManyItMissed) { Run(Behind()); }

TEST(BroadcastRaceTest, NothingIsSeenTwiceOrUnnoticed) {
  for (size_t procs = 1; procs <= 4; ++procs) {
    Pool pool(Options(Policy::kStealing, procs));
    RunToEnd(pool, SendAll(3'000, 100, 16, 4));
  }
}

Task<> FollowOne(Broadcast<int>& broadcast, Wake& wake) {
  auto subscriber = broadcast.Subscribe();
  const auto news = co_await subscriber.Next();
  wake = news.wake;
}

Task<> CancelFollower() {
  Broadcast<int> broadcast(1);
  Wake wake = Wake::kReady;
  JoinHandle follower = Go("follow", FollowOne(broadcast, wake));
  co_await YieldOften();
  follower.Cancel();
  broadcast.Send(1);
  co_await follower.Join();
  EXPECT_EQ(wake, Wake::kCancelled);
}

TEST_P(BroadcastTest, ACancelEndsTheWait) { Run(CancelFollower()); }

}  // namespace
}  // namespace outrigger::scheduler
