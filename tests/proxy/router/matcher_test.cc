#include "proxy/router/matcher.h"

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

using Kind = StringMatcher::Kind;

bool Tested(Kind kind, const std::string& text, std::string_view value, bool ignore_case = false) {
  return Matches(StringMatcher{kind, ignore_case, text, {}}, value);
}

TEST(StringMatcherTest, MatchesByKind) {
  EXPECT_TRUE(Tested(Kind::kExact, "abc", "abc"));
  EXPECT_FALSE(Tested(Kind::kExact, "abc", "abcd"));
  EXPECT_TRUE(Tested(Kind::kExact, "", ""));
  EXPECT_TRUE(Tested(Kind::kPrefix, "ab", "abc"));
  EXPECT_FALSE(Tested(Kind::kPrefix, "abc", "ab"));
  EXPECT_TRUE(Tested(Kind::kSuffix, "bc", "abc"));
  EXPECT_FALSE(Tested(Kind::kSuffix, "abc", "bc"));
  EXPECT_TRUE(Tested(Kind::kContains, "b", "abc"));
  EXPECT_FALSE(Tested(Kind::kContains, "x", "abc"));
  EXPECT_FALSE(Tested(Kind::kContains, "B", "abc"));
}

TEST(StringMatcherTest, MayIgnoreCase) {
  EXPECT_TRUE(Tested(Kind::kExact, "abc", "aBC", true));
  EXPECT_FALSE(Tested(Kind::kExact, "abc", "aBCd", true));
  EXPECT_TRUE(Tested(Kind::kPrefix, "ab", "ABc", true));
  EXPECT_TRUE(Tested(Kind::kSuffix, "bc", "aBC", true));
  EXPECT_FALSE(Tested(Kind::kSuffix, "abc", "bc", true));
  EXPECT_TRUE(Tested(Kind::kContains, "bc", "aBCd", true));
  EXPECT_FALSE(Tested(Kind::kContains, "bd", "aBCd", true));
}

TEST(StringMatcherTest, AnExpressionMatchesTheWhole) {
  const StringMatcher matcher{Kind::kRegex, false, "", MakeRegex("a+b")};
  EXPECT_TRUE(Matches(matcher, "aab"));
  EXPECT_FALSE(Matches(matcher, "aabc"));
  EXPECT_FALSE(Matches(matcher, "xaab"));
}

class HeaderMatcherTest : public HeadersTest {
 protected:
  static HeaderMatcher Exact(const std::string& name, const std::string& text) {
    HeaderMatcher matcher;
    matcher.key = Key(name);
    matcher.kind = HeaderMatcher::Kind::kString;
    matcher.string.text = text;
    return matcher;
  }
};

TEST_F(HeaderMatcherTest, FindsKnownAndOtherNames) {
  Fill({{":method", "GET"}, {"x-a", "1"}});
  EXPECT_TRUE(Matches(Exact(":method", "GET"), headers_));
  EXPECT_FALSE(Matches(Exact(":method", "PUT"), headers_));
  EXPECT_TRUE(Matches(Exact("x-a", "1"), headers_));
  EXPECT_FALSE(Matches(Exact("x-b", "1"), headers_));
}

TEST_F(HeaderMatcherTest, WhatIsMissingIsNotUnlike) {
  HeaderMatcher matcher = Exact("x-a", "1");
  matcher.invert = true;
  EXPECT_FALSE(Matches(matcher, Fill({})));
  EXPECT_FALSE(Matches(matcher, Fill({{"x-a", "1"}})));
  EXPECT_TRUE(Matches(matcher, Fill({{"x-a", "2"}})));
  matcher.missing_is_empty = true;
  EXPECT_TRUE(Matches(matcher, Fill({})));
}

TEST_F(HeaderMatcherTest, Presence) {
  // wanted, inverted -> while it is missing, while it is there
  const struct {
    bool present, invert, missing, there;
  } kCases[] = {{true, false, false, true},
                {false, false, true, false},
                {true, true, true, false},
                {false, true, false, true}};
  for (const auto& c : kCases) {
    HeaderMatcher matcher;
    matcher.key = Key("x-a");
    matcher.present = c.present;
    matcher.invert = c.invert;
    EXPECT_EQ(Matches(matcher, Fill({})), c.missing) << c.present << c.invert;
    EXPECT_EQ(Matches(matcher, Fill({{"x-a", ""}})), c.there) << c.present << c.invert;
    matcher.missing_is_empty = true;
    EXPECT_EQ(Matches(matcher, Fill({})), c.there) << "as if it were there, and empty";
  }
}

TEST_F(HeaderMatcherTest, ARangeIsHalfOpen) {
  HeaderMatcher matcher;
  matcher.key = Key("x-a");
  matcher.kind = HeaderMatcher::Kind::kRange;
  matcher.start = -5;
  matcher.end = 10;
  for (const char* inside : {"-5", "9", "+3", "0"}) {
    EXPECT_TRUE(Matches(matcher, Fill({{"x-a", inside}}))) << inside;
  }
  for (const char* outside : {"-6", "10", "", "3x", "3.0", "0x3", "99999999999999999999"}) {
    EXPECT_FALSE(Matches(matcher, Fill({{"x-a", outside}}))) << outside;
  }
  EXPECT_FALSE(Matches(matcher, Fill({})));
}

TEST_F(HeaderMatcherTest, AnyOfSeveralFieldsWillDo) {
  Fill({{"x-a", "1"}, {"x-b", "0"}, {"x-a", "2"}});
  EXPECT_TRUE(Matches(Exact("x-a", "1"), headers_));
  EXPECT_TRUE(Matches(Exact("x-a", "2"), headers_));
  EXPECT_FALSE(Matches(Exact("x-a", "1,2"), headers_));
  HeaderMatcher inverted = Exact("x-a", "2");
  inverted.invert = true;
  EXPECT_FALSE(Matches(inverted, headers_));
}

TEST_F(HeaderMatcherTest, AListIsOneValue) {
  HeaderMatcher matcher = Exact("via", "1,2");
  matcher.key.list = true;
  EXPECT_TRUE(Matches(matcher, Fill({{"via", "1"}, {"x-a", "0"}, {"via", "2"}})));
  EXPECT_TRUE(Matches(matcher, Fill({{"via", "1,2"}})));
  EXPECT_FALSE(Matches(matcher, Fill({{"via", "1"}})));
}

TEST(QueryMatcherTest, TestsTheFirstValueOrPresence) {
  QueryMatcher matcher{.name = "a"};
  EXPECT_TRUE(Matches(matcher, "/?a"));
  EXPECT_FALSE(Matches(matcher, "/?b"));
  matcher.present = false;
  EXPECT_FALSE(Matches(matcher, "/?a"));
  EXPECT_TRUE(Matches(matcher, "/"));
  matcher.has_string = true;
  matcher.string.text = "1";
  EXPECT_TRUE(Matches(matcher, "/?a=1&a=2"));
  EXPECT_FALSE(Matches(matcher, "/?a=2&a=1"));
  EXPECT_FALSE(Matches(matcher, "/"));
}

TEST(FractionTest, IsOfTheDenominator) {
  EXPECT_FALSE(IsIn({0, 100}, 0));
  EXPECT_TRUE(IsIn({100, 100}, 99));
  EXPECT_TRUE(IsIn({25, 100}, 1024));
  EXPECT_FALSE(IsIn({25, 100}, 1025));
}

TEST(RegexRewriteTest, ReplacesEveryMatch) {
  EXPECT_EQ(Rewritten({MakeRegex("a(b)"), "<\\1>"}, "abcab"), "<b>c<b>");
  EXPECT_EQ(Rewritten({MakeRegex("x"), "y"}, "abc"), "abc");
}

}  // namespace
}  // namespace outrigger::proxy
