#include "control/resources/route_action.h"

#include <string>

#include "proxy/router/matcher.h"
#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::route::v3;
using proxy::ClusterRoute;
using proxy::DirectResponse;
using proxy::HashPolicy;
using proxy::Redirect;
using scheduler::kSecond;

const FieldPath kPath("x");

absl::StatusOr<ClusterRoute> Parse(
    std::string_view yaml, const std::shared_ptr<const proxy::RetryPolicy>& inherited = nullptr) {
  FreeInputs inputs;
  return ParseClusterRoute(FromYaml<v3::RouteAction>(yaml), kPath, inherited, nullptr,
                           inputs.inputs_);
}

ClusterRoute Good(std::string_view yaml) {
  auto route = Parse(yaml);
  EXPECT_TRUE(route.ok()) << route.status();
  return route.ok() ? *std::move(route) : ClusterRoute();
}

std::string ErrorOf(std::string_view yaml) { return Message(Parse(yaml).status()); }

std::string RedirectErrorOf(std::string_view yaml) {
  return Message(ParseRedirect(FromYaml<v3::RedirectAction>(yaml), kPath).status());
}

Redirect GoodRedirect(std::string_view yaml) {
  auto redirect = ParseRedirect(FromYaml<v3::RedirectAction>(yaml), kPath);
  EXPECT_TRUE(redirect.ok()) << redirect.status();
  return redirect.ok() ? *std::move(redirect) : Redirect();
}

absl::StatusOr<DirectResponse> Direct(std::string_view yaml, uint32_t max_body = 4096) {
  return ParseDirectResponse(FromYaml<v3::DirectResponseAction>(yaml), kPath, max_body);
}

TEST(ClusterRouteTest, ReadsTheDefaults) {
  const ClusterRoute route = Good("cluster: c");
  EXPECT_EQ(route.cluster, "c");
  EXPECT_EQ(route.timeout, 15 * kSecond);
  EXPECT_EQ(route.idle_timeout, std::nullopt);
  EXPECT_EQ(route.cluster_not_found_status, 503u);
  EXPECT_EQ(route.weighted, nullptr);
  EXPECT_EQ(route.retry_policy, nullptr);
  EXPECT_FALSE(route.new_timeouts);
  EXPECT_FALSE(route.high_priority);
}

TEST(ClusterRouteTest, ReadsRewrites) {
  const ClusterRoute literal = Good(
      "{cluster: c, prefix_rewrite: /p, host_rewrite_literal: h, append_x_forwarded_host: true}");
  EXPECT_EQ(literal.prefix_rewrite, "/p");
  EXPECT_EQ(literal.host_rewrite_literal, "h");
  EXPECT_TRUE(literal.append_x_forwarded_host);
  const ClusterRoute regex = Good(
      "{cluster: c, regex_rewrite: {pattern: {regex: a}, substitution: b}, auto_host_rewrite: "
      "true}");
  EXPECT_EQ(proxy::Rewritten(*regex.regex_rewrite, "bab"), "bbb");
  EXPECT_TRUE(regex.auto_host_rewrite);
  EXPECT_EQ(Good("{cluster: c, host_rewrite_header: X-H}").host_rewrite_header.name, "x-h");
  EXPECT_NE(
      Good("{cluster: c, host_rewrite_path_regex: {pattern: {regex: a}}}").host_rewrite_path_regex,
      nullptr);
}

TEST(ClusterRouteTest, ReadsTimeouts) {
  const ClusterRoute route = Good(
      "{cluster: c, timeout: 0s, idle_timeout: 2s, max_grpc_timeout: 3s, grpc_timeout_offset: 1s, "
      "max_stream_duration: {max_stream_duration: 4s, grpc_timeout_header_max: 5s, "
      "grpc_timeout_header_offset: 6s}}");
  EXPECT_EQ(route.timeout, 0);
  EXPECT_EQ(route.idle_timeout, 2 * kSecond);
  EXPECT_EQ(route.max_grpc_timeout, 3 * kSecond);
  EXPECT_EQ(route.max_grpc_timeout_offset, kSecond);
  EXPECT_TRUE(route.new_timeouts);
  EXPECT_EQ(route.max_stream_duration, 4 * kSecond);
  EXPECT_EQ(route.grpc_timeout_max, 5 * kSecond);
  EXPECT_EQ(route.grpc_timeout_offset, 6 * kSecond);
}

TEST(ClusterRouteTest, ReadsTheRest) {
  EXPECT_EQ(
      Good("{cluster: c, cluster_not_found_response_code: NOT_FOUND}").cluster_not_found_status,
      404u);
  EXPECT_EQ(Good("{cluster: c, cluster_not_found_response_code: INTERNAL_SERVER_ERROR}")
                .cluster_not_found_status,
            500u);
  EXPECT_TRUE(Good("{cluster: c, priority: HIGH}").high_priority);
  EXPECT_EQ(Good("cluster_header: X-To").cluster_header.name, "x-to");
}

TEST(ClusterRouteTest, ReadsRetryPolicyOrInheritsIt) {
  const auto inherited = std::make_shared<const proxy::RetryPolicy>();
  const auto without = Parse("cluster: c", inherited);
  EXPECT_EQ(without->retry_policy, inherited);
  const auto own = Parse("{cluster: c, retry_policy: {num_retries: 9}}", inherited);
  EXPECT_EQ(own->retry_policy->num_retries, 9u);
}

TEST(ClusterRouteTest, ReadsWeightedClusters) {
  const ClusterRoute route = Good(R"(
weighted_clusters:
  header_name: X-Random
  clusters:
  - {name: a, weight: 1, host_rewrite_literal: h, request_headers_to_remove: [x]}
  - {cluster_header: X-To, weight: 2, response_headers_to_remove: [z]}
)");
  ASSERT_NE(route.weighted, nullptr);
  EXPECT_EQ(route.weighted->total, 3u);
  EXPECT_EQ(route.weighted->random_header.name, "x-random");
  const auto& clusters = route.weighted->clusters;
  ASSERT_EQ(clusters.size(), 2u);
  EXPECT_EQ(clusters[0].cluster, "a");
  EXPECT_EQ(clusters[0].host_rewrite_literal, "h");
  EXPECT_EQ(clusters[0].request->remove.at(0).name, "x");
  EXPECT_EQ(clusters[0].response, nullptr);
  EXPECT_EQ(clusters[1].cluster_header.name, "x-to");
  EXPECT_EQ(clusters[1].response->remove.at(0).name, "z");
}

TEST(ClusterRouteTest, RefusesWeightsThatAddUpToNothing) {
  const auto error = [](std::string_view clusters) {
    return ErrorOf(absl::StrFormat("weighted_clusters: {clusters: [%s]}", clusters));
  };
  EXPECT_EQ(error(""), "x: weighted_clusters.clusters: value must contain at least 1 item(s)");
  EXPECT_EQ(error("{name: a, weight: 0}"),
            "x: weighted_clusters.clusters: the sum of the weights must be above 0");
  EXPECT_EQ(error("{name: a, weight: 4294967295}, {name: b, weight: 1}"),
            "x: weighted_clusters.clusters: the sum of the weights exceeds 4294967295");
  EXPECT_EQ(error("{name: a}"), "x: weighted_clusters.clusters[0].weight: value is required");
  EXPECT_EQ(error("{weight: 1}"),
            "x: weighted_clusters.clusters[0]: one of name and cluster_header is required");
  EXPECT_EQ(error("{name: a, cluster_header: b, weight: 1}"),
            "x: weighted_clusters.clusters[0]: one of name and cluster_header is required");
}

TEST(ClusterRouteTest, ReadsHashPolicies) {
  const ClusterRoute route = Good(R"(
cluster: c
hash_policy:
- {header: {header_name: X-A, regex_rewrite: {pattern: {regex: a}, substitution: b}}, terminal: true}
- {cookie: {name: id}}
- {cookie: {name: id, ttl: 9s, path: /p, attributes: [{name: SameSite, value: Lax}, {name: Secure}]}}
- {cookie: {name: id, ttl: 0s}}
- {connection_properties: {source_ip: true}}
- {connection_properties: {}}
- {query_parameter: {name: q}}
)");
  const auto& policies = route.hash_policies;
  ASSERT_EQ(policies.size(), 6u) << "connection_properties without any is none";
  EXPECT_EQ(policies[0].kind, HashPolicy::Kind::kHeader);
  EXPECT_EQ(policies[0].header.name, "x-a");
  EXPECT_NE(policies[0].header_rewrite, nullptr);
  EXPECT_TRUE(policies[0].terminal);
  EXPECT_EQ(policies[1].kind, HashPolicy::Kind::kCookie);
  EXPECT_FALSE(policies[1].mint_cookie);
  EXPECT_TRUE(policies[2].mint_cookie);
  EXPECT_EQ(policies[2].cookie_attributes, "; Max-Age=9; Path=/p; SameSite=Lax; Secure; HttpOnly");
  EXPECT_TRUE(policies[3].mint_cookie);
  EXPECT_EQ(policies[3].cookie_attributes, "; HttpOnly");
  EXPECT_EQ(policies[4].kind, HashPolicy::Kind::kSourceIp);
  EXPECT_EQ(policies[5].kind, HashPolicy::Kind::kQueryParameter);
  EXPECT_EQ(policies[5].name, "q");
}

TEST(ClusterRouteTest, NamesThePlaceOfAnError) {
  EXPECT_EQ(ErrorOf("cluster: ''"), "x: cluster: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf("{cluster: c, timeout: -1s}"),
            "x: timeout: value must be greater than or equal to 0s");
  EXPECT_EQ(ErrorOf("{cluster: c, host_rewrite_literal: \"a\\nb\"}"),
            "x: host_rewrite_literal: value does not go into a header: it has a NUL, CR or LF");
  EXPECT_EQ(ErrorOf("{cluster: c, prefix_rewrite: /a, regex_rewrite: {pattern: {regex: a}}}"),
            "x: regex_rewrite: only one of prefix_rewrite and regex_rewrite is allowed");
  EXPECT_EQ(ErrorOf("{cluster: c, hash_policy: [{}]}"),
            "x: hash_policy[0]: policy_specifier is required: header, cookie, "
            "connection_properties or query_parameter");
  EXPECT_EQ(ErrorOf("{cluster: c, hash_policy: [{cookie: {name: a, attributes: [{}], ttl: 1s}}]}"),
            "x: hash_policy[0].cookie.attributes[0].name: value length must be at least 1 "
            "characters");
  EXPECT_EQ(ErrorOf("{cluster: c, retry_policy: {retry_back_off: {}}}"),
            "x: retry_policy.retry_back_off.base_interval: value is required");
}

TEST(RedirectTest, ReadsRedirects) {
  const Redirect plain = GoodRedirect("{}");
  EXPECT_EQ(plain.status, 301u);
  EXPECT_EQ(plain.scheme, "");
  EXPECT_EQ(plain.port, std::nullopt);
  const Redirect full = GoodRedirect(
      "{https_redirect: true, host_redirect: h, port_redirect: 8443, path_redirect: /p, "
      "response_code: PERMANENT_REDIRECT, strip_query: true}");
  EXPECT_EQ(full.scheme, "https");
  EXPECT_EQ(full.host, "h");
  EXPECT_EQ(full.port, 8443u);
  EXPECT_EQ(full.path, "/p");
  EXPECT_EQ(full.status, 308u);
  EXPECT_TRUE(full.strip_query);
  EXPECT_EQ(GoodRedirect("scheme_redirect: ftp").scheme, "ftp");
  EXPECT_EQ(GoodRedirect("prefix_rewrite: /q").prefix_rewrite, "/q");
  EXPECT_NE(GoodRedirect("regex_rewrite: {pattern: {regex: a}}").regex_rewrite, nullptr);
}

TEST(RedirectTest, NamesThePlaceOfAnError) {
  EXPECT_EQ(RedirectErrorOf("port_redirect: 65536"),
            "x: port_redirect: value must be less than or equal to 65535");
  EXPECT_EQ(RedirectErrorOf("host_redirect: \"a\\rb\""),
            "x: host_redirect: value does not go into a header: it has a NUL, CR or LF");
  EXPECT_EQ(RedirectErrorOf("regex_rewrite: {}"), "x: regex_rewrite.pattern: value is required");
}

TEST(DirectResponseTest, ReadsStatusAndBody) {
  const auto tea = Direct("{status: 418, body: {inline_string: tea}}");
  ASSERT_TRUE(tea.ok()) << tea.status();
  EXPECT_EQ(tea->status, 418u);
  EXPECT_EQ(tea->body, "tea");
  EXPECT_EQ(Direct("status: 200")->body, "");
  EXPECT_EQ(Message(Direct("status: 600").status()),
            "x: status: value must be inside range [200, 600)");
  EXPECT_EQ(Message(Direct("status: 199").status()),
            "x: status: value must be inside range [200, 600)");
}

TEST(DirectResponseTest, BoundsTheBody) {
  EXPECT_TRUE(Direct("{status: 200, body: {inline_string: '12345'}}", 5).ok());
  EXPECT_EQ(Message(Direct("{status: 200, body: {inline_string: '12345'}}", 4).status()),
            "x: body: size is above the maximum of 4 bytes");
}

}  // namespace
}  // namespace outrigger::control
