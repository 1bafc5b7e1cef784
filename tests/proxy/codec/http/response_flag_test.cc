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

TEST(ResponseFlagTest, JoinedInEnvoysOrder) {
  ResponseFlags flags;
  flags.Set(ResponseFlag::kUpstreamRetryLimitExceeded);
  flags.Set(ResponseFlag::kUpstreamConnectionFailure);
  EXPECT_EQ(flags.ToShort(), "URX,UF");
  std::string out;
  flags.AppendLong(out);
  EXPECT_EQ(out, "UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
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
