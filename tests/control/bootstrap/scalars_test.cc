#include "control/bootstrap/scalars.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>

namespace outrigger::control {
namespace {

YamlNode Plain(std::string text) { return YamlNode::Plain(std::move(text)); }
YamlNode Quoted(std::string text) { return YamlNode::String(std::move(text)); }

TEST(ScalarsTest, IntegersHoldTheirLimits) {
  EXPECT_EQ(ReadSigned(Plain("-8"), -8, 7), -8);
  EXPECT_EQ(ReadSigned(Plain("-9"), -8, 7), std::nullopt);
  EXPECT_EQ(ReadSigned(Quoted("7"), -8, 7), 7);
  EXPECT_EQ(ReadSigned(Plain("8"), -8, 7), std::nullopt);
  EXPECT_EQ(ReadSigned(Plain("-9223372036854775808"), INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_EQ(ReadUnsigned(Plain("18446744073709551615"), UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(ReadUnsigned(Plain("18446744073709551616"), UINT64_MAX), std::nullopt);
  EXPECT_EQ(ReadUnsigned(Plain("-1"), UINT64_MAX), std::nullopt);
  EXPECT_EQ(ReadUnsigned(Plain("-0"), UINT64_MAX), 0u);
}

TEST(ScalarsTest, WholeFloatsAreIntegers) {
  EXPECT_EQ(ReadUnsigned(Plain("1e3"), UINT32_MAX), 1000u);
  EXPECT_EQ(ReadUnsigned(Plain("1.5"), UINT32_MAX), std::nullopt);
  // Beyond 2^53 a float does not say which integer is meant.
  EXPECT_EQ(ReadUnsigned(Plain("1e16"), UINT64_MAX), std::nullopt);
}

TEST(ScalarsTest, LeadingZerosAreNoNumber) {
  for (const char* text : {"010", "-010", "+00"}) {
    EXPECT_EQ(ReadSigned(Plain(text), INT64_MIN, INT64_MAX), std::nullopt) << text;
    EXPECT_EQ(ReadDouble(Plain(text)), std::nullopt) << text;
  }
  EXPECT_EQ(ReadDouble(Plain("0.5")), 0.5);
  EXPECT_EQ(ReadDouble(Plain("0x10")), 16);
}

TEST(ScalarsTest, DoublesHoldTheirLimit) {
  EXPECT_EQ(ReadDouble(Plain("2.5"), 2), std::nullopt);
  EXPECT_EQ(ReadDouble(Plain("-2"), 2), -2);
  EXPECT_EQ(ReadDouble(Plain("1e309")), std::nullopt);
  EXPECT_EQ(ReadDouble(Plain("99999999999999999999")), 1e20);
  EXPECT_TRUE(std::isnan(ReadDouble(Quoted("NaN")).value_or(0)));
  EXPECT_TRUE(std::isinf(ReadDouble(Plain(".inf"), 2).value_or(0)));
  EXPECT_EQ(ReadDouble(Plain("half")), std::nullopt);
}

TEST(ScalarsTest, QuotesDecideBetweenTextAndWord) {
  EXPECT_EQ(ReadBool(Plain("on")), true);
  EXPECT_EQ(ReadBool(Quoted("on")), std::nullopt);
  EXPECT_EQ(ReadString(Quoted("on")), "on");
  EXPECT_EQ(ReadString(Plain("on")), std::nullopt);
  EXPECT_EQ(ReadString(Plain("1.20")), "1.20");
  EXPECT_EQ(ReadString(Plain("12")), std::nullopt);
}

TEST(ScalarsTest, CollectionsAndNullAreNoScalars) {
  for (const YamlNode& node : {YamlNode(), YamlNode::Sequence(), YamlNode::Mapping()}) {
    EXPECT_EQ(ReadSigned(node, INT64_MIN, INT64_MAX), std::nullopt);
    EXPECT_EQ(ReadDouble(node), std::nullopt);
    EXPECT_EQ(ReadBool(node), std::nullopt);
    EXPECT_EQ(ReadString(node), std::nullopt);
    EXPECT_EQ(ReadBytes(node), std::nullopt);
    EXPECT_FALSE(ReadDuration(node));
  }
}

TEST(ScalarsTest, DurationsCarryTheirSignInBothParts) {
  const std::optional<ReadTime> time = ReadDuration(Plain("-0.25s"));
  ASSERT_TRUE(time);
  EXPECT_EQ(time->seconds, 0);
  EXPECT_EQ(time->nanos, -250'000'000);
  EXPECT_FALSE(ReadDuration(Plain("0.25")));
}

TEST(ScalarsTest, DescriptionsAreShortAndWhole) {
  EXPECT_EQ(DescribeYaml(Plain("80")), "80");
  EXPECT_EQ(DescribeYaml(Quoted("80")), "\"80\"");
  EXPECT_EQ(DescribeYaml(Plain("eighty")), "\"eighty\"");
  EXPECT_EQ(DescribeYaml(YamlNode()), "null");
  EXPECT_EQ(DescribeYaml(YamlNode::Sequence()), "a list");
  // Two bytes each: the cut falls between characters.
  std::string accents = "x";
  for (int i = 0; i < 100; ++i) accents += "\xC3\xA9";
  const std::string cut = DescribeYaml(Quoted(accents));
  EXPECT_LT(cut.size(), accents.size());
  EXPECT_TRUE(cut.ends_with("\xC3\xA9...\"")) << cut;
}

TEST(ScalarsTest, ClosestNameIsNearOrNone) {
  EXPECT_EQ(ClosestName("filtersx", {"filter_chains", "filters"}), "filters");
  EXPECT_EQ(ClosestName("zzz", {"name", "path"}), "");
  EXPECT_EQ(ClosestName("a", {"b"}), "");
  EXPECT_EQ(ClosestName("", {"a"}), "");
  EXPECT_EQ(ClosestName(std::string(1'000'000, 'a'), {"a"}), "");
}

}  // namespace
}  // namespace outrigger::control
