#include "proxy/codec/http/response_flag.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

TEST(ResponseFlagTest, NoneIsADash) {
  EXPECT_EQ(ResponseFlags().ToShort(), "-");
  std::string out = "x";
  ResponseFlags().AppendLong(out);
  EXPECT_EQ(out, "x-");
}

TEST(ResponseFlagTest, JoinedInTheOrderOfTheirComing) {
  ResponseFlags flags;
  flags.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  flags.Set(ResponseFlag::kUpstreamConnectionFailure);
  flags.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  EXPECT_EQ(flags.ToShort(), "URX,UF");
  std::string out;
  flags.AppendLong(out);
  EXPECT_EQ(out, "UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
  ResponseFlags other = ResponseFlag::kDelayInjected;
  other.Set(flags);
  EXPECT_EQ(other.ToShort(), "DI,URX,UF");
  ResponseFlags none;
  none.Set(other);
  EXPECT_EQ(none.ToShort(), "DI,URX,UF");
}

TEST(ResponseFlagTest, TheSameSetInAnotherOrderIsTheSame) {
  ResponseFlags one = ResponseFlag::kDelayInjected;
  one.Set(ResponseFlag::kFaultInjected);
  ResponseFlags other = ResponseFlag::kFaultInjected;
  other.Set(ResponseFlag::kDelayInjected);
  EXPECT_EQ(one, other);
}

TEST(ResponseFlagTest, MoreThanAnyExchangeHasAreStillASet) {
  ResponseFlags flags;
  for (uint8_t i = 0; i < 20; ++i) flags.Set(static_cast<ResponseFlag>(i));
  EXPECT_EQ(flags.ToShort(), "LH,UH,UT,LR,UR,UF,UC,UO,NR,DI,FI,RL");
  EXPECT_TRUE(flags.Has(static_cast<ResponseFlag>(19)));
}

TEST(ResponseFlagTest, SetHoldsWhatWasPut) {
  ResponseFlags flags = ResponseFlag::kNoRouteFound;
  EXPECT_TRUE(flags.Has(ResponseFlag::kNoRouteFound));
  EXPECT_FALSE(flags.Has(ResponseFlag::kNoClusterFound));
  EXPECT_FALSE(flags.empty());
  EXPECT_NE(flags, ResponseFlags());
}

TEST(ResponseFlagTest, FirstAndLastHaveTheirNames) {
  EXPECT_EQ(ShortName(ResponseFlag::kFailedLocalHealthCheck), "LH");
  EXPECT_EQ(ShortName(ResponseFlag::kUnconditionalDropOverload), "UDO");
  EXPECT_EQ(LongName(ResponseFlag::kUnconditionalDropOverload), "UnconditionalDropOverload");
}

}  // namespace
}  // namespace outrigger::proxy
