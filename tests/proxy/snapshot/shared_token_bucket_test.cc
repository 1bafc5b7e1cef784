#include "proxy/snapshot/shared_token_bucket.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace outrigger::proxy {
namespace {

using scheduler::kMillisecond;
using scheduler::kSecond;

TEST(SharedTokenBucketTest, IsFullAtFirst) {
  SharedTokenBucket bucket(3, 1, kSecond);
  EXPECT_EQ(bucket.Left(0), 3u);
  EXPECT_EQ(bucket.UntilNext(0), 0);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.TryTake(0));
  EXPECT_FALSE(bucket.TryTake(0));
  EXPECT_EQ(bucket.Left(0), 0u);
}

TEST(SharedTokenBucketTest, TokensComeOneByOne) {
  SharedTokenBucket bucket(10, 4, kSecond);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.TryTake(0));
  EXPECT_FALSE(bucket.TryTake(240 * kMillisecond));
  EXPECT_NEAR(bucket.UntilNext(240 * kMillisecond), 10 * kMillisecond, kMillisecond);
  EXPECT_TRUE(bucket.TryTake(250 * kMillisecond));
  EXPECT_FALSE(bucket.TryTake(250 * kMillisecond));
  EXPECT_EQ(bucket.Left(kSecond), 3u);
}

TEST(SharedTokenBucketTest, NeverHoldsMoreThanItsSize) {
  SharedTokenBucket bucket(2, 100, kSecond);
  EXPECT_TRUE(bucket.TryTake(0));
  EXPECT_EQ(bucket.Left(3600 * kSecond), 2u);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(bucket.TryTake(3600 * kSecond));
  EXPECT_FALSE(bucket.TryTake(3600 * kSecond));
}

TEST(SharedTokenBucketTest, GivesEachTokenOfThirdsAndAfterYears) {
  constexpr scheduler::Nanos kStart = 20 * 365 * 24 * 3600 * kSecond;
  SharedTokenBucket bucket(7, 3, kSecond);
  int taken = 0;
  while (bucket.TryTake(kStart)) ++taken;
  EXPECT_EQ(taken, 7);
  for (int i = 1; i <= 300; ++i) {
    while (bucket.TryTake(kStart + i * 100 * kMillisecond)) ++taken;
  }
  EXPECT_EQ(taken, 7 + 90);
}

TEST(SharedTokenBucketTest, OneOfNothingIsAlwaysEmpty) {
  SharedTokenBucket bucket(0, 1, kSecond);
  EXPECT_FALSE(bucket.TryTake(3600 * kSecond));
}

TEST(SharedTokenBucketTest, WorkersTakeEachTokenOnce) {
  SharedTokenBucket bucket(1000, 1, kSecond);
  std::atomic<int> taken{0};
  std::vector<std::thread> workers;
  for (int id = 0; id < 4; ++id) {
    workers.emplace_back([&] {
      for (int i = 0; i < 500; ++i) taken += bucket.TryTake(0);
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(taken, 1000);
}

}  // namespace
}  // namespace outrigger::proxy
