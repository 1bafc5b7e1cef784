#include "proxy/config/matcher.h"

#include <string>

#include "proxy/router/matcher.h"
#include "tests/control/resources/resource_test.h"

namespace outrigger::proxy {
namespace {

using control::FromYaml;
using control::Message;

const FieldPath kPath("x");

template <typename Value>
std::string ErrorOf(const absl::StatusOr<Value>& value) {
  return Message(value.status());
}

absl::StatusOr<StringMatcher> String(std::string_view yaml) {
  return ParseStringMatcher(FromYaml<envoy::type::matcher::v3::StringMatcher>(yaml), kPath);
}

absl::StatusOr<HeaderMatcher> Header(std::string_view yaml,
                                     MessageKind kind = MessageKind::kRequest) {
  return ParseHeaderMatcher(FromYaml<envoy::config::route::v3::HeaderMatcher>(yaml), kPath, kind);
}

absl::StatusOr<QueryMatcher> Query(std::string_view yaml) {
  return ParseQueryMatcher(FromYaml<envoy::config::route::v3::QueryParameterMatcher>(yaml), kPath);
}

TEST(HeaderNameTest, IsLoweredAndLookedUp) {
  const auto known = ParseHeaderName("X-Forwarded-For", kPath);
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->name, "x-forwarded-for");
  EXPECT_EQ(known->id, HeaderName::kXForwardedFor);
  EXPECT_TRUE(known->list);
  const auto other = ParseHeaderName("X-A", kPath);
  EXPECT_EQ(other->name, "x-a");
  EXPECT_EQ(other->id, HeaderName::kOther);
  EXPECT_FALSE(other->list);
  EXPECT_EQ(ParseHeaderName("Host", kPath)->id, HeaderName::kAuthority);
  EXPECT_EQ(ParseHeaderName(":method", kPath)->id, HeaderName::kMethod);
}

TEST(HeaderNameTest, ListsDependOnTheMessage) {
  EXPECT_TRUE(ParseHeaderName("vary", kPath, MessageKind::kResponse)->list);
  EXPECT_FALSE(ParseHeaderName("vary", kPath)->list);
  EXPECT_TRUE(ParseHeaderName("accept", kPath)->list);
  EXPECT_FALSE(ParseHeaderName("accept", kPath, MessageKind::kResponse)->list);
}

TEST(HeaderNameTest, IsAToken) {
  EXPECT_EQ(ErrorOf(ParseHeaderName("", kPath)), "x: value length must be at least 1 characters");
  for (const char* bad : {"a b", ":", "a:", "a\tb"}) {
    EXPECT_FALSE(ParseHeaderName(bad, kPath).ok()) << bad;
  }
  EXPECT_EQ(ErrorOf(ParseHeaderName("a\nb", kPath)), "x: \"a\\nb\" is no header name");
}

TEST(StringMatcherTest, ReadsEachPattern) {
  using Kind = StringMatcher::Kind;
  const auto is = [](std::string_view yaml, Kind kind, std::string_view text) {
    const auto matcher = String(yaml);
    ASSERT_TRUE(matcher.ok()) << matcher.status();
    EXPECT_EQ(matcher->kind, kind);
    EXPECT_EQ(matcher->text, text);
  };
  is("{exact: A}", Kind::kExact, "A");
  is("{exact: ''}", Kind::kExact, "");
  is("{prefix: A}", Kind::kPrefix, "A");
  is("{suffix: A, ignore_case: true}", Kind::kSuffix, "a");
  is("{contains: A, ignore_case: true}", Kind::kContains, "a");
  const auto regex = String("{safe_regex: {google_re2: {}, regex: 'a+'}}");
  ASSERT_TRUE(regex.ok()) << regex.status();
  EXPECT_TRUE(Matches(*regex, "aa"));
  EXPECT_FALSE(Matches(*regex, "aab"));
}

TEST(StringMatcherTest, RefusesWhatMeansNothing) {
  EXPECT_EQ(ErrorOf(String("{}")),
            "x: match_pattern is required: exact, prefix, suffix, contains or safe_regex");
  EXPECT_EQ(ErrorOf(String("{prefix: ''}")),
            "x: prefix: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf(String("{safe_regex: {regex: a}, ignore_case: true}")),
            "x: ignore_case: has no effect for safe_regex: write (?i)");
  EXPECT_EQ(ErrorOf(String("{safe_regex: {}}")),
            "x: safe_regex.regex: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf(String("{safe_regex: {regex: '('}}")), "x: safe_regex.regex: missing ): (");
}

// Each form, a value that it takes and one that it does not.
TEST(HeaderMatcherTest, ReadsEachSpecifier) {
  const struct {
    const char *specifier, *yes, *no;
  } kCases[] = {{"string_match: {exact: a}", "a", "b"},
                {"exact_match: a", "a", "b"},
                {"safe_regex_match: {regex: 'a.'}", "ab", "a"},
                {"prefix_match: a", "ab", "ba"},
                {"suffix_match: a", "ba", "ab"},
                {"contains_match: a", "bab", "b"},
                {"range_match: {start: -1, end: 5}", "-1", "5"},
                {"present_match: true, invert_match: false", "", nullptr},
                {"present_match: false, invert_match: true", "", nullptr},
                {"exact_match: ''", "any", nullptr},
                {"treat_missing_header_as_empty: false", "", nullptr}};
  for (const auto& c : kCases) {
    const auto matcher = Header(absl::StrFormat("{name: X-A, %s}", c.specifier));
    ASSERT_TRUE(matcher.ok()) << matcher.status();
    Arena arena;
    Headers headers(arena);
    EXPECT_FALSE(Matches(*matcher, headers)) << c.specifier;
    headers.Set("x-a", c.yes);
    EXPECT_TRUE(Matches(*matcher, headers)) << c.specifier;
    if (!c.no) continue;
    headers.Set("x-a", c.no);
    EXPECT_FALSE(Matches(*matcher, headers)) << c.specifier;
  }
}

TEST(HeaderMatcherTest, ReadsInversionAndEmptiness) {
  const auto matcher = Header(
      "{name: a, string_match: {exact: ''}, invert_match: true, treat_missing_header_as_empty: "
      "true}");
  ASSERT_TRUE(matcher.ok()) << matcher.status();
  EXPECT_TRUE(matcher->invert);
  EXPECT_TRUE(matcher->missing_is_empty);
}

TEST(HeaderMatcherTest, NamesThePlaceOfAnError) {
  EXPECT_EQ(ErrorOf(Header("{}")), "x: name: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf(Header("{name: a, string_match: {}}")),
            "x: string_match: match_pattern is required: exact, prefix, suffix, contains or "
            "safe_regex");
  EXPECT_EQ(ErrorOf(Header("{name: a, prefix_match: ''}")),
            "x: prefix_match: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf(Header("{name: a, safe_regex_match: {regex: '['}}")),
            "x: safe_regex_match.regex: missing ]: [");
}

TEST(HeaderMatcherTest, ExpressionsComeLast) {
  const auto proto = FromYaml<envoy::config::route::v3::RouteMatch>(
      "headers: [{name: a, safe_regex_match: {regex: x}}, {name: b}, {name: c, string_match: "
      "{safe_regex: {regex: x}}}, {name: d, exact_match: x}]");
  const auto matchers = ParseHeaderMatchers(proto.headers(), kPath, "headers");
  ASSERT_TRUE(matchers.ok()) << matchers.status();
  std::string names;
  for (const HeaderMatcher& matcher : *matchers) names += matcher.key.name;
  EXPECT_EQ(names, "bdac");
  const auto bad = FromYaml<envoy::config::route::v3::RouteMatch>("headers: [{name: a}, {}]");
  EXPECT_EQ(ErrorOf(ParseHeaderMatchers(bad.headers(), kPath, "headers")),
            "x: headers[1].name: value length must be at least 1 characters");
}

TEST(QueryMatcherTest, ReadsPresenceAndText) {
  const auto present = Query("{name: a}");
  ASSERT_TRUE(present.ok());
  EXPECT_TRUE(Matches(*present, "/?a"));
  EXPECT_FALSE(Matches(*present, "/"));
  const auto absent = Query("{name: a, present_match: false}");
  ASSERT_TRUE(absent.ok());
  EXPECT_TRUE(Matches(*absent, "/"));
  const auto text = Query("{name: a, string_match: {suffix: c}}");
  ASSERT_TRUE(text.ok());
  EXPECT_TRUE(Matches(*text, "/?a=bc"));
  EXPECT_FALSE(Matches(*text, "/?a=b"));
  EXPECT_EQ(ErrorOf(Query("{}")), "x: name: value length must be at least 1 characters");
}

TEST(FractionTest, ReadsTheDefault) {
  const auto fraction = [](std::string_view yaml) {
    return ParseFraction(FromYaml<envoy::config::core::v3::RuntimeFractionalPercent>(yaml), kPath);
  };
  const auto percent = fraction("{default_value: {numerator: 5}, runtime_key: k}");
  ASSERT_TRUE(percent.ok());
  EXPECT_EQ(percent->numerator, 5u);
  EXPECT_EQ(percent->denominator, 100u);
  EXPECT_EQ(fraction("{default_value: {denominator: TEN_THOUSAND}}")->denominator, 10'000u);
  EXPECT_EQ(fraction("{default_value: {denominator: MILLION}}")->denominator, 1'000'000u);
  EXPECT_EQ(ErrorOf(fraction("{}")), "x: default_value: value is required");
  envoy::config::core::v3::RuntimeFractionalPercent other;
  other.mutable_default_value()->set_denominator(
      static_cast<envoy::type::v3::FractionalPercent::DenominatorType>(9));
  EXPECT_EQ(ErrorOf(ParseFraction(other, kPath)),
            "x: default_value.denominator: value must be one of the defined enum values");
}

TEST(RegexRewriteTest, ChecksTheSubstitution) {
  const auto rewrite = [](std::string_view yaml) {
    return ParseRegexRewrite(FromYaml<envoy::type::matcher::v3::RegexMatchAndSubstitute>(yaml),
                             kPath);
  };
  const auto good = rewrite("{pattern: {regex: '(a)'}, substitution: '\\1\\1'}");
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(Rewritten(**good, "bab"), "baab");
  EXPECT_EQ(ErrorOf(rewrite("{}")), "x: pattern: value is required");
  EXPECT_EQ(ErrorOf(rewrite("{pattern: {regex: '('}}")), "x: pattern.regex: missing ): (");
  EXPECT_FALSE(rewrite("{pattern: {regex: a}, substitution: '\\1'}").ok());
  EXPECT_EQ(ErrorOf(rewrite("{pattern: {regex: a}, substitution: \"\\n\"}")),
            "x: substitution: value does not go into a header: it has a NUL, CR or LF");
}

}  // namespace
}  // namespace outrigger::proxy
