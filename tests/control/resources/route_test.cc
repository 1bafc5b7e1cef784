#include "control/resources/route.h"

#include <fstream>
#include <string>
#include <variant>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::config::route::v3::RouteConfiguration;
using proxy::ClusterRoute;
using proxy::DirectResponse;
using proxy::Redirect;
using proxy::Route;
using proxy::RouteConfig;
using scheduler::kSecond;

const FieldPath kPath("x");

absl::StatusOr<std::shared_ptr<const RouteConfig>> Parse(std::string_view yaml) {
  return ParseRouteConfig(FromYaml<RouteConfiguration>(yaml), kPath);
}

// Of a table with this one route.
absl::StatusOr<Route> ParseOne(std::string_view route) {
  const auto table =
      Parse(absl::StrFormat("virtual_hosts: [{name: v, domains: ['*'], routes: [%s]}]", route));
  if (!table.ok()) return table.status();
  return (*table)->virtual_hosts[0].routes[0];
}

// Without the place of the route.
std::string ErrorOf(std::string_view route) {
  std::string message = Message(ParseOne(route).status());
  const std::string place = "x: virtual_hosts[0].routes[0]";
  EXPECT_EQ(message.substr(0, place.size()), place);
  return message.substr(std::min(place.size(), message.size()));
}

template <typename Action>
Action ActionOf(std::string_view action) {
  const auto route = ParseOne(absl::StrFormat("{match: {prefix: /}, %s}", action));
  EXPECT_TRUE(route.ok()) << route.status();
  if (!route.ok() || !std::holds_alternative<Action>(route->action)) {
    ADD_FAILURE() << "another action: " << action;
    return {};
  }
  return std::get<Action>(route->action);
}

TEST(RouteTest, ReadsMatches) {
  const auto prefix = ParseOne("{name: r, match: {prefix: /a}, route: {cluster: c}}");
  ASSERT_TRUE(prefix.ok()) << prefix.status();
  EXPECT_EQ(prefix->name, "r");
  EXPECT_EQ(prefix->match, Route::Match::kPrefix);
  EXPECT_EQ(prefix->path, "/a");
  EXPECT_TRUE(prefix->case_sensitive);
  const auto path = ParseOne("{match: {path: /b, case_sensitive: false}, route: {cluster: c}}");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(path->match, Route::Match::kPath);
  EXPECT_EQ(path->path, "/b");
  EXPECT_FALSE(path->case_sensitive);
}

TEST(RouteTest, ReadsClusterRoutes) {
  const ClusterRoute plain = ActionOf<ClusterRoute>("route: {cluster: c}");
  EXPECT_EQ(plain.cluster, "c");
  EXPECT_EQ(plain.timeout, 15 * kSecond);
  EXPECT_EQ(plain.idle_timeout, std::nullopt);
  EXPECT_EQ(plain.cluster_not_found_status, 503u);
  const ClusterRoute full = ActionOf<ClusterRoute>(
      "route: {cluster: c, timeout: 0s, idle_timeout: 2s, prefix_rewrite: /p, "
      "host_rewrite_literal: h, cluster_not_found_response_code: NOT_FOUND}");
  EXPECT_EQ(full.timeout, 0);
  EXPECT_EQ(full.idle_timeout, 2 * kSecond);
  EXPECT_EQ(full.prefix_rewrite, "/p");
  EXPECT_EQ(full.host_rewrite_literal, "h");
  EXPECT_EQ(full.cluster_not_found_status, 404u);
}

TEST(RouteTest, ReadsRedirects) {
  const Redirect plain = ActionOf<Redirect>("redirect: {}");
  EXPECT_EQ(plain.status, 301u);
  EXPECT_FALSE(plain.https);
  EXPECT_EQ(plain.port, std::nullopt);
  const Redirect full = ActionOf<Redirect>(
      "redirect: {https_redirect: true, host_redirect: h, port_redirect: 8443, path_redirect: /p, "
      "response_code: PERMANENT_REDIRECT, strip_query: true}");
  EXPECT_TRUE(full.https);
  EXPECT_EQ(full.host, "h");
  EXPECT_EQ(full.port, 8443u);
  EXPECT_EQ(full.path, "/p");
  EXPECT_EQ(full.status, 308u);
  EXPECT_TRUE(full.strip_query);
  EXPECT_TRUE(ActionOf<Redirect>("redirect: {scheme_redirect: HTTPS}").https);
  EXPECT_EQ(ActionOf<Redirect>("redirect: {prefix_rewrite: /q}").prefix_rewrite, "/q");
}

TEST(RouteTest, ReadsDirectResponses) {
  const DirectResponse response =
      ActionOf<DirectResponse>("direct_response: {status: 418, body: {inline_string: tea}}");
  EXPECT_EQ(response.status, 418u);
  EXPECT_EQ(response.body, "tea");
  EXPECT_EQ(ActionOf<DirectResponse>("direct_response: {status: 200}").body, "");
}

TEST(RouteTest, BoundsTheBodyOfADirectResponse) {
  constexpr std::string_view kYaml = R"(
max_direct_response_body_size_bytes: $limit
virtual_hosts:
- name: v
  domains: ["*"]
  routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: "12345"}}}]
)";
  EXPECT_TRUE(Parse(Replace(std::string(kYaml), "$limit", "5")).ok());
  EXPECT_EQ(Message(Parse(Replace(std::string(kYaml), "$limit", "4")).status()),
            "x: virtual_hosts[0].routes[0].direct_response.body: size is above the maximum of 4 "
            "bytes");
  const std::string large(4097, 'x');
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: " +
                    large + "}}}"),
            ".direct_response.body: size is above the maximum of 4096 bytes");
}

TEST(RouteTest, RefusesRoutesWithTheirPlace) {
  EXPECT_EQ(ErrorOf("{route: {cluster: c}}"), ".match: value is required");
  EXPECT_EQ(ErrorOf("{match: {}, route: {cluster: c}}"),
            ".match: path_specifier is required: prefix or path");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}}"),
            ": action is required: route, redirect or direct_response");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {}}"),
            ".route: cluster_specifier is required: cluster");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {cluster: ''}}"),
            ".route.cluster: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {cluster: c, timeout: -1s}}"),
            ".route.timeout: value must be greater than or equal to 0s");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {cluster: c, host_rewrite_literal: \"a\\nb\"}}"),
            ".route.host_rewrite_literal: value does not go into a header: it has a NUL, CR or LF");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, redirect: {port_redirect: 65536}}"),
            ".redirect.port_redirect: value must be less than or equal to 65535");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, direct_response: {status: 199}}"),
            ".direct_response.status: value must be inside range [200, 600)");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, direct_response: {status: 600}}"),
            ".direct_response.status: value must be inside range [200, 600)");
}

TEST(RouteTest, RefusesWhatTheRouterDoesNotDoYet) {
  const std::string route = ", route: {cluster: c}}";
  EXPECT_EQ(ErrorOf("{match: {safe_regex: {regex: a}}" + route),
            ".match.safe_regex: not supported yet");
  EXPECT_EQ(ErrorOf("{match: {prefix: /, headers: [{name: a}]}" + route),
            ".match.headers: not supported yet");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, request_headers_to_remove: [a]" + route),
            ".request_headers_to_remove: not supported yet");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {cluster: c, retry_policy: {}}}"),
            ".route.retry_policy: not supported yet");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {weighted_clusters: {}}}"),
            ".route.weighted_clusters: not supported yet");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, redirect: {scheme_redirect: http}}"),
            ".redirect.scheme_redirect: a scheme other than https is not supported yet");
  EXPECT_EQ(Message(Parse("request_headers_to_remove: [a]").status()),
            "x: request_headers_to_remove: not supported yet");
  EXPECT_EQ(Message(Parse("virtual_hosts: [{name: v, domains: [a], retry_policy: {}}]").status()),
            "x: virtual_hosts[0].retry_policy: not supported yet");
}

TEST(RouteTest, IndexesDomainsInLowerCase) {
  const auto table = Parse(R"(
name: t
ignore_port_in_host_matching: true
virtual_hosts:
- {name: a, domains: [A.Test, "*.B.test", "*-c.test"]}
- {name: b, domains: ["d.*", "*"]}
)");
  ASSERT_TRUE(table.ok()) << table.status();
  const RouteConfig& t = **table;
  EXPECT_EQ(t.name, "t");
  EXPECT_TRUE(t.ignore_port_in_host_matching);
  EXPECT_TRUE(t.validate_clusters);
  EXPECT_EQ(t.exact, (decltype(t.exact){{"a.test", 0}}));
  EXPECT_EQ(t.suffix, (decltype(t.suffix){{".b.test", 0}, {"-c.test", 0}}));
  EXPECT_EQ(t.prefix, (decltype(t.prefix){{"d.", 1}}));
  EXPECT_EQ(t.any, 1u);
  EXPECT_EQ(t.virtual_hosts[0].domains[0], "A.Test");
}

TEST(RouteTest, RefusesDomainsThatAreTaken) {
  EXPECT_EQ(
      Message(
          Parse("virtual_hosts: [{name: a, domains: [x, z]}, {name: b, domains: [Z]}]").status()),
      "x: virtual_hosts[1].domains[0]: duplicate domain \"Z\"");
  EXPECT_EQ(Message(Parse("virtual_hosts: [{name: a, domains: ['*.z', '*.z']}]").status()),
            "x: virtual_hosts[0].domains[1]: duplicate domain \"*.z\"");
  EXPECT_EQ(
      Message(
          Parse("virtual_hosts: [{name: a, domains: ['*']}, {name: b, domains: ['*']}]").status()),
      "x: virtual_hosts[1].domains[0]: only a single wildcard domain \"*\" is permitted");
  EXPECT_EQ(Message(Parse("virtual_hosts: [{name: a}]").status()),
            "x: virtual_hosts[0].domains: value must contain at least 1 item(s)");
  EXPECT_EQ(Message(Parse("virtual_hosts: [{domains: ['*']}]").status()),
            "x: virtual_hosts[0].name: value length must be at least 1 characters");
}

TEST(RouteTest, ChecksThatClustersAreThereUnlessToldNotTo) {
  const auto exists = [](const std::string& name) { return name == "known"; };
  constexpr std::string_view kYaml = R"(
validate_clusters: $validate
virtual_hosts:
- {name: a, domains: [a], routes: [{match: {prefix: /}, redirect: {}}]}
- name: b
  domains: [b]
  routes:
  - {match: {prefix: /}, route: {cluster: known}}
  - {match: {prefix: /}, route: {cluster: lost}}
)";
  const auto checked = Parse(Replace(std::string(kYaml), "$validate", "true"));
  EXPECT_EQ(Message(CheckRouteClusters(**checked, kPath, exists)),
            "x: virtual_hosts[1].routes[1].route.cluster: unknown cluster \"lost\"");
  const auto unchecked = Parse(Replace(std::string(kYaml), "$validate", "false"));
  EXPECT_TRUE(CheckRouteClusters(**unchecked, kPath, exists).ok());
}

}  // namespace
}  // namespace outrigger::control
