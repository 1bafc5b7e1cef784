#include "control/service/http_message.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(PercentDecodeTest, DecodesWhatIsValidAndKeepsTheRest) {
  EXPECT_EQ(PercentDecode("a%2Eb%2f"), "a.b/");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("%"), "%");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%zz%41"), "%zzA");
  EXPECT_EQ(PercentDecode("%00"), std::string(1, '\0'));
}

TEST(SplitTargetTest, SplitsPathAndParameters) {
  ControlRequest request;
  SplitTarget("/stats?filter=a%3Db&usedonly&&x=1=2&filter=c", request);
  EXPECT_EQ(request.path, "/stats");
  EXPECT_EQ(request.params,
            (HeaderList{{"filter", "a=b"}, {"usedonly", ""}, {"x", "1=2"}, {"filter", "c"}}));
  EXPECT_EQ(request.Param("filter"), "a=b");
  EXPECT_TRUE(request.HasParam("usedonly"));
  EXPECT_FALSE(request.HasParam("used"));
  SplitTarget("/ready", request);
  EXPECT_EQ(request.path, "/ready");
  EXPECT_TRUE(request.params.empty());
  SplitTarget("", request);
  EXPECT_EQ(request.path, "");
}

TEST(SplitTargetTest, BoundsTheParameters) {
  std::string target = "/?";
  for (int i = 0; i < 1000; ++i) target += "a=b&";
  ControlRequest request;
  SplitTarget(target, request);
  EXPECT_EQ(request.params.size(), kMaxParams);
}

}  // namespace
}  // namespace outrigger::control
