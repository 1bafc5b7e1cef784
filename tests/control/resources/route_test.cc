#include "control/resources/route.h"

#include <string>
#include <variant>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::config::route::v3::RouteConfiguration;
using proxy::ClusterRoute;
using proxy::Route;
using proxy::RouteConfig;

const FieldPath kPath("x");

absl::StatusOr<std::shared_ptr<const RouteConfig>> Parse(std::string_view yaml) {
  FreeInputs inputs;
  return ParseRouteConfig(FromYaml<RouteConfiguration>(yaml), kPath, inputs.inputs_);
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

TEST(RouteTest, ReadsPathsByKind) {
  const auto separated = ParseOne("{match: {path_separated_prefix: /a/b}, route: {cluster: c}}");
  ASSERT_TRUE(separated.ok()) << separated.status();
  EXPECT_EQ(separated->match, Route::Match::kPathSeparatedPrefix);
  EXPECT_EQ(separated->path, "/a/b");
  const auto regex = ParseOne("{match: {safe_regex: {regex: '/a+'}}, route: {cluster: c}}");
  ASSERT_TRUE(regex.ok()) << regex.status();
  EXPECT_EQ(regex->match, Route::Match::kRegex);
  EXPECT_NE(regex->regex, nullptr);
  for (const char* bad : {"/", "", "/a/", "/a?b", "/a#b"}) {
    EXPECT_EQ(ErrorOf(absl::StrFormat("{match: {path_separated_prefix: '%s'}, route: {cluster: c}}",
                                      bad)),
              ".match.path_separated_prefix: value must have 2 characters or more, no ? or #, and "
              "no / at its end");
  }
}

TEST(RouteTest, KeepsConditionsApartFromPlainRoutes) {
  const auto plain = ParseOne("{match: {prefix: /}, route: {cluster: c}}");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->conditions, nullptr);
  const auto full = ParseOne(
      "{match: {prefix: /, headers: [{name: a}], query_parameters: [{name: b}, {name: c}], grpc: "
      "{}, runtime_fraction: {default_value: {numerator: 7}}}, route: {cluster: c}}");
  ASSERT_TRUE(full.ok()) << full.status();
  ASSERT_NE(full->conditions, nullptr);
  EXPECT_EQ(full->conditions->headers.size(), 1u);
  EXPECT_EQ(full->conditions->query_parameters.size(), 2u);
  EXPECT_TRUE(full->conditions->grpc);
  EXPECT_EQ(full->conditions->runtime_fraction->numerator, 7u);
}

// The values that a request is given, in order of their application.
std::string Order(const proxy::MutationList& list) {
  std::string order;
  for (const auto& mutations : list) order += mutations->add.at(0).value;
  return order;
}

TEST(RouteTest, MutationsOfAllLevelsAreInOrder) {
  constexpr std::string_view kYaml = R"(
most_specific_header_mutations_wins: $specific
request_headers_to_add: [{header: {key: a, value: T}}]
response_headers_to_add: [{header: {key: a, value: t}}]
virtual_hosts:
- name: v
  domains: ["*"]
  request_headers_to_add: [{header: {key: a, value: V}}]
  routes:
  - match: {prefix: /}
    route: {cluster: c}
    request_headers_to_add: [{header: {key: a, value: R}}]
    response_headers_to_add: [{header: {key: a, value: r}}]
)";
  const auto order = [&](const std::string& specific) {
    const auto table = Parse(Replace(std::string(kYaml), "$specific", specific));
    EXPECT_TRUE(table.ok()) << table.status();
    const Route& route = (*table)->virtual_hosts[0].routes[0];
    return Order(route.request_mutations) + " " + Order(route.response_mutations);
  };
  EXPECT_EQ(order("false"), "RVT rt");
  EXPECT_EQ(order("true"), "TVR tr");
  const auto none = ParseOne("{match: {prefix: /}, route: {cluster: c}}");
  EXPECT_TRUE(none->request_mutations.empty());
  EXPECT_TRUE(none->response_mutations.empty());
}

TEST(RouteTest, RoutesInheritRetriesAndLimits) {
  const auto table = Parse(R"(
virtual_hosts:
- name: v
  domains: ["*"]
  retry_policy: {num_retries: 5}
  per_request_buffer_limit_bytes: 100
  include_request_attempt_count: true
  include_attempt_count_in_response: true
  include_is_timeout_retry_header: true
  routes:
  - {match: {path: /a}, route: {cluster: c}}
  - {match: {path: /b}, route: {cluster: c, retry_policy: {num_retries: 7}}, per_request_buffer_limit_bytes: 200}
)");
  ASSERT_TRUE(table.ok()) << table.status();
  const proxy::VirtualHost& host = (*table)->virtual_hosts[0];
  EXPECT_TRUE(host.include_request_attempt_count);
  EXPECT_TRUE(host.include_attempt_count_in_response);
  EXPECT_TRUE(host.include_is_timeout_retry_header);
  const auto retries = [&host](int i) {
    return std::get<ClusterRoute>(host.routes[i].action).retry_policy->num_retries;
  };
  EXPECT_EQ(retries(0), 5u);
  EXPECT_EQ(retries(1), 7u);
  EXPECT_EQ(host.routes[0].request_buffer_limit, 100u);
  EXPECT_EQ(host.routes[1].request_buffer_limit, 200u);
}

TEST(RouteTest, LargeVirtualHostsHaveAnIndex) {
  const auto has_index = [](int routes) {
    std::string list;
    for (int i = 0; i < routes; ++i) list += "{match: {prefix: /}, redirect: {}}, ";
    const auto table = Parse("virtual_hosts: [{name: v, domains: ['*'], routes: [" + list + "]}]");
    EXPECT_TRUE(table.ok()) << table.status();
    return (*table)->virtual_hosts[0].index != nullptr;
  };
  EXPECT_FALSE(has_index(2));
  EXPECT_TRUE(has_index(200));
}

TEST(RouteTest, ReadsWhatHoldsForTheWholeTable) {
  const auto table =
      Parse("{internal_only_headers: [X-Int], ignore_path_parameters_in_path_matching: true}");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->internal_only_headers.at(0).name, "x-int");
  EXPECT_TRUE((*table)->ignore_path_parameters);
  EXPECT_EQ(Message(Parse("internal_only_headers: ['']").status()),
            "x: internal_only_headers[0]: value length must be at least 1 characters");
}

TEST(RouteTest, RefusesRoutesWithTheirPlace) {
  EXPECT_EQ(ErrorOf("{route: {cluster: c}}"), ".match: value is required");
  EXPECT_EQ(ErrorOf("{match: {}, route: {cluster: c}}"),
            ".match: path_specifier is required: prefix, path, path_separated_prefix or "
            "safe_regex");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}}"),
            ": action is required: route, redirect or direct_response");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {}}"),
            ".route: cluster_specifier is required: cluster, cluster_header or weighted_clusters");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, redirect: {port_redirect: 65536}}"),
            ".redirect.port_redirect: value must be less than or equal to 65535");
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, direct_response: {status: 199}}"),
            ".direct_response.status: value must be inside range [200, 600)");
  EXPECT_EQ(ErrorOf("{match: {prefix: /, headers: [{name: a}, {name: ''}]}, route: {cluster: c}}"),
            ".match.headers[1].name: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf("{match: {prefix: /, query_parameters: [{}]}, route: {cluster: c}}"),
            ".match.query_parameters[0].name: value length must be at least 1 characters");
  EXPECT_EQ(
      ErrorOf("{match: {prefix: /}, route: {cluster: c}, response_headers_to_remove: [':a']}"),
      ".response_headers_to_remove[0]: :-prefixed or host headers may not be removed");
}

TEST(RouteTest, RefusesWhatTheRouterDoesNotDoYet) {
  EXPECT_EQ(ErrorOf("{match: {prefix: /}, route: {cluster: c}, stat_prefix: s}"),
            ".stat_prefix: not supported yet");
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
  ASSERT_EQ(t.suffix.size(), 1u);
  EXPECT_EQ(t.suffix[0].length, 7u);
  EXPECT_EQ(t.suffix[0].hosts, (decltype(t.exact){{".b.test", 0}, {"-c.test", 0}}));
  ASSERT_EQ(t.prefix.size(), 1u);
  EXPECT_EQ(t.prefix[0].hosts, (decltype(t.exact){{"d.", 1}}));
  EXPECT_EQ(t.any, 1u);
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
  - {match: {prefix: /}, route: {cluster_header: x-any}}
  - {match: {prefix: /}, route: {cluster: lost}}
)";
  const auto checked = Parse(Replace(std::string(kYaml), "$validate", "true"));
  EXPECT_EQ(Message(CheckRouteClusters(**checked, kPath, exists)),
            "x: virtual_hosts[1].routes[2].route.cluster: unknown cluster \"lost\"");
  const auto unchecked = Parse(Replace(std::string(kYaml), "$validate", "false"));
  EXPECT_TRUE(CheckRouteClusters(**unchecked, kPath, exists).ok());
}

TEST(RouteTest, ChecksWeightedClustersToo) {
  const auto table = Parse(
      "virtual_hosts: [{name: v, domains: ['*'], routes: [{match: {prefix: /}, route: "
      "{weighted_clusters: {clusters: [{name: known, weight: 1}, {cluster_header: h, weight: 1}, "
      "{name: lost, weight: 1}]}}}]}]");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(Message(CheckRouteClusters(**table, kPath,
                                       [](const std::string& name) { return name == "known"; })),
            "x: virtual_hosts[0].routes[0].route.weighted_clusters.clusters[2].name: unknown "
            "cluster \"lost\"");
}

}  // namespace
}  // namespace outrigger::control
