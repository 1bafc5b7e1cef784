#include "proxy/codec/http2/keepalive.h"

#include "gtest/gtest.h"

namespace outrigger::proxy::http2 {
namespace {

using Act = Keepalive::Act;
constexpr Nanos kStart = 1000 * kSecond;

Http2Options Options(Nanos interval, Nanos timeout) {
  Http2Options options;
  options.keepalive_interval = interval;
  options.keepalive_timeout = timeout;
  options.keepalive_jitter = 0;
  return options;
}

TEST(KeepaliveTest, IsOffByDefault) {
  Keepalive keepalive({}, kStart, 1);
  EXPECT_EQ(keepalive.next(), scheduler::kNever);
  EXPECT_FALSE(keepalive.WantsPing(kStart + 3600 * kSecond, kStart));
}

TEST(KeepaliveTest, AsksAgainAndAgain) {
  Keepalive keepalive(Options(30 * kSecond, 5 * kSecond), kStart, 1);
  Nanos now = kStart;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(keepalive.Check(now, true, now), Act::kNone);
    ASSERT_EQ(keepalive.next(), now + 30 * kSecond);
    now += 30 * kSecond;
    EXPECT_EQ(keepalive.Check(now, true, kStart), Act::kPing);
    EXPECT_EQ(keepalive.next(), now + 5 * kSecond);
    EXPECT_EQ(keepalive.Check(now + 5 * kSecond, /*answered=*/true, now), Act::kNone);
  }
}

TEST(KeepaliveTest, GivesASilentPeerUp) {
  Keepalive keepalive(Options(30 * kSecond, 5 * kSecond), kStart, 1);
  const Nanos asked = kStart + 30 * kSecond;
  EXPECT_EQ(keepalive.Check(asked, true, kStart), Act::kPing);
  EXPECT_EQ(keepalive.Check(asked + 4 * kSecond, false, kStart), Act::kNone);
  // It sends other things: its answer waits behind them.
  EXPECT_EQ(keepalive.Check(asked + 5 * kSecond, false, asked + 3 * kSecond), Act::kNone);
  EXPECT_EQ(keepalive.next(), asked + 8 * kSecond);
  EXPECT_EQ(keepalive.Check(asked + 8 * kSecond, false, asked + 3 * kSecond), Act::kGiveUp);
}

TEST(KeepaliveTest, AsksBeforeAStreamOnAnIdleConnection) {
  Http2Options options = Options(0, 5 * kSecond);
  options.keepalive_idle_interval = 60 * kSecond;
  Keepalive keepalive(options, kStart, 1);
  EXPECT_FALSE(keepalive.WantsPing(kStart + 59 * kSecond, kStart));
  const Nanos now = kStart + 60 * kSecond;
  EXPECT_TRUE(keepalive.WantsPing(now, kStart));
  keepalive.Sent(now);
  EXPECT_FALSE(keepalive.WantsPing(now, kStart)) << "one is under way";
  EXPECT_EQ(keepalive.Check(now + 5 * kSecond, true, now), Act::kNone);
  EXPECT_EQ(keepalive.next(), scheduler::kNever);
}

TEST(KeepaliveTest, JitterOnlyAddsToTheInterval) {
  Http2Options options = Options(100 * kSecond, kSecond);
  options.keepalive_jitter = 0.5;
  Nanos least = scheduler::kNever, most = 0;
  for (uint64_t salt = 0; salt < 100; ++salt) {
    const Nanos wait = Keepalive(options, kStart, salt * 12345).next() - kStart;
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  EXPECT_GE(least, 100 * kSecond);
  EXPECT_LE(most, 150 * kSecond);
  EXPECT_GT(most - least, 20 * kSecond);
}

}  // namespace
}  // namespace outrigger::proxy::http2
