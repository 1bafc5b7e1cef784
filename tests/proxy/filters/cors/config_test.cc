#include "proxy/filters/cors/config.h"

#include "tests/control/resources/resource_test.h"

namespace outrigger::proxy::cors {
namespace {

class CorsConfigTest : public control::ResourceTest {
 protected:
  absl::StatusOr<std::shared_ptr<const FilterSettings>> Parse(const std::string& fields) {
    const auto any = control::FromYaml<google::protobuf::Any>(
        "\"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy\n" +
        fields);
    return kKind.make_settings(any, FieldPath("x"), {stats_, warnings_, ""});
  }
  std::string ErrorOf(const std::string& fields) {
    return control::Message(Parse(fields).status());
  }
  Policy Of(const std::string& fields) {
    const auto policy = Parse(fields);
    EXPECT_TRUE(policy.ok()) << policy.status();
    return policy.ok() ? static_cast<const Policy&>(**policy) : Policy();
  }
};

TEST_F(CorsConfigTest, TheChainHasNothingToSay) {
  const auto any = control::FromYaml<google::protobuf::Any>(
      "\"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors");
  EXPECT_TRUE(kKind.make(any, FieldPath("x"), {stats_, warnings_, "in"}).ok());
}

TEST_F(CorsConfigTest, APolicyIsEnabledUnlessItSaysOtherwise) {
  const Policy policy = Of("");
  EXPECT_EQ(policy.enabled.numerator, 100u);
  EXPECT_EQ(policy.shadow.numerator, 0u);
  EXPECT_FALSE(policy.allow_credentials || policy.allow_private_network_access ||
               policy.forward_not_matching_preflights);
}

constexpr std::string_view kFull = R"(
allow_origin_string_match: [{exact: one}, {safe_regex: {regex: "b+"}}]
allow_methods: get
allow_headers: x-h
expose_headers: x-e
max_age: "9"
allow_credentials: true
allow_private_network_access: true
forward_not_matching_preflights: false
filter_enabled: {default_value: {numerator: 1}}
shadow_enabled: {default_value: {numerator: 2}}
)";

TEST_F(CorsConfigTest, ReadsEachField) {
  const Policy policy = Of(std::string(kFull));
  ASSERT_EQ(policy.allow_origins.size(), 2u);
  EXPECT_EQ(policy.allow_origins[0].text, "one");
  EXPECT_NE(policy.allow_origins[1].regex, nullptr);
  EXPECT_EQ(policy.allow_methods, "get");
  EXPECT_EQ(policy.allow_headers, "x-h");
  EXPECT_EQ(policy.expose_headers, "x-e");
  EXPECT_EQ(policy.max_age, "9");
  EXPECT_EQ(policy.allow_credentials, true);
  EXPECT_EQ(policy.allow_private_network_access, true);
  EXPECT_EQ(policy.forward_not_matching_preflights, false);
  EXPECT_EQ(policy.enabled.numerator, 1u);
  EXPECT_EQ(policy.shadow.numerator, 2u);
}

TEST_F(CorsConfigTest, WhatAPolicyLeavesOpenTheOneAroundItSays) {
  const auto full = Parse(std::string(kFull));
  const auto combined = [&](const std::string& fields) {
    const auto specific = Parse(fields);
    return static_cast<const Policy&>(*kKind.combine(**specific, **full));
  };
  const Policy none = combined("");
  EXPECT_EQ(none.allow_origins.size(), 2u);
  EXPECT_EQ(none.allow_methods, "get");
  EXPECT_EQ(none.max_age, "9");
  EXPECT_EQ(none.forward_not_matching_preflights, false);
  EXPECT_EQ(none.enabled.numerator, 100u) << "each policy's own";
  EXPECT_EQ(none.shadow.numerator, 0u);
  const Policy some = combined(
      "allow_methods: put\nallow_credentials: false\nallow_origin_string_match: [{exact: c}]");
  EXPECT_EQ(some.allow_methods, "put");
  EXPECT_EQ(some.allow_headers, "x-h");
  EXPECT_EQ(some.allow_credentials, false);
  EXPECT_EQ(some.allow_private_network_access, true);
  EXPECT_EQ(some.allow_origins.size(), 1u);
}

TEST_F(CorsConfigTest, RefusesWhatCannotBeUsed) {
  EXPECT_EQ(ErrorOf("allow_methods: \"a\\r\\nb\""),
            "x: allow_methods: value does not go into a header: it has a NUL, CR or LF");
  EXPECT_EQ(ErrorOf("filter_enabled: {}"), "x: filter_enabled.default_value: value is required");
  EXPECT_EQ(ErrorOf("allow_origin_string_match: [{}]").substr(0, 32),
            "x: allow_origin_string_match[0]:");
}

}  // namespace
}  // namespace outrigger::proxy::cors
