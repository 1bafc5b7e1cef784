#include "control/assembly/builder.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using proxy::Snapshot;
using ::testing::MatchesRegex;

std::string ListenerYaml(const std::string& name, int port, const std::string& cluster = "app") {
  return Replace(Replace(Replace(R"(
- $name
  address: {socket_address: {address: 127.0.0.1, port_value: $port}}
  filter_chains:
  - filters:
    - name: hcm
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
        stat_prefix: in
        route_config:
          virtual_hosts:
          - {name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: $cluster}}]}
        http_filters:
        - name: router
          typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
)",
                                 "$name", name.empty() ? "stat_prefix: s" : "name: " + name),
                         "$port", std::to_string(port)),
                 "$cluster", cluster);
}

std::string ClusterYaml(const std::string& name, const std::string& timeout = "5s") {
  return absl::StrFormat("\n- {name: '%s', connect_timeout: %s, http2_protocol_options: {}}", name,
                         timeout);
}

class BuilderTest : public ResourceTest {
 protected:
  absl::StatusOr<std::shared_ptr<const Snapshot>> Build(const std::string& listeners,
                                                        const std::string& clusters) {
    return builder_.Build(
        FromYaml<Builder::StaticResources>("listeners:" + listeners + "\nclusters:" + clusters),
        warnings_);
  }
  std::string ErrorOf(const std::string& listeners, const std::string& clusters) {
    return Message(Build(listeners, clusters).status());
  }

  Builder builder_{stats_, files_, proxy::AllFilters()};
};

TEST_F(BuilderTest, BuildsListenersInOrderAndClustersByName) {
  const auto snapshot =
      Build(ListenerYaml("b", 1) + ListenerYaml("a", 2), ClusterYaml("z") + ClusterYaml("app"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ((*snapshot)->version, 1u);
  ASSERT_EQ((*snapshot)->listeners.size(), 2u);
  EXPECT_EQ((*snapshot)->listeners[0]->name, "b");
  EXPECT_EQ((*snapshot)->listeners[1]->name, "a");
  EXPECT_EQ((*snapshot)->clusters.size(), 2u);
  EXPECT_EQ((*snapshot)->clusters.at("app")->name, "app");
}

TEST_F(BuilderTest, NothingIsAConfigurationToo) {
  const auto snapshot = builder_.Build({}, warnings_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE((*snapshot)->listeners.empty());
}

TEST_F(BuilderTest, WhatDidNotChangeIsTheSameObject) {
  const auto first = Build(ListenerYaml("a", 1) + ListenerYaml("b", 2) + ListenerYaml("", 3),
                           ClusterYaml("app") + ClusterYaml("other"));
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Build(ListenerYaml("", 3) + ListenerYaml("b", 4) + ListenerYaml("a", 1),
                            ClusterYaml("app") + ClusterYaml("other", "6s"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)->version, 2u);
  EXPECT_EQ((*second)->listeners[2], (*first)->listeners[0]);
  EXPECT_NE((*second)->listeners[1], (*first)->listeners[1]);
  EXPECT_EQ((*second)->listeners[0], (*first)->listeners[2]);  // it keeps its made-up name
  EXPECT_EQ((*second)->clusters.at("app"), (*first)->clusters.at("app"));
  EXPECT_NE((*second)->clusters.at("other"), (*first)->clusters.at("other"));
}

TEST_F(BuilderTest, PermitsInUseOutliveAChangeOfTheCluster) {
  const auto limited = [](const std::string& name, int requests) {
    return absl::StrFormat(
        "\n- {name: %s, http2_protocol_options: {}, circuit_breakers: {thresholds: "
        "[{max_requests: %d}]}}",
        name, requests);
  };
  const auto first = Build("", limited("app", 5) + limited("other", 5));
  ASSERT_TRUE(first.ok()) << first.status();
  proxy::PermitCells& cells = (*first)->clusters.at("app")->breaker_cells->of_default;
  EXPECT_EQ(cells.limit(proxy::Resource::kRequests), 5u);
  ASSERT_TRUE(cells.TakeFree(static_cast<size_t>(proxy::Resource::kRequests)));
  EXPECT_FALSE(Build("", limited("app", 9) + limited("app", 9)).ok());
  EXPECT_EQ(cells.limit(proxy::Resource::kRequests), 5u) << "a failed build changes nothing";
  const auto second = Build("", limited("app", 7) + limited("other", 5));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)->clusters.at("app")->breaker_cells,
            (*first)->clusters.at("app")->breaker_cells);
  EXPECT_NE((*second)->clusters.at("other")->breaker_cells,
            (*first)->clusters.at("app")->breaker_cells);
  EXPECT_EQ(cells.limit(proxy::Resource::kRequests), 7u);
  EXPECT_EQ(cells.InUse(proxy::Resource::kRequests), 1u);
}

TEST_F(BuilderTest, AFailedBuildForgetsNothing) {
  const auto first = Build(ListenerYaml("a", 1), ClusterYaml("app"));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(Build(ListenerYaml("c", 1, "lost"), ClusterYaml("app", "6s")).ok());
  const auto second = Build(ListenerYaml("a", 1), ClusterYaml("app"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)->version, 2u);
  EXPECT_EQ((*second)->listeners[0], (*first)->listeners[0]);
  EXPECT_EQ((*second)->clusters.at("app"), (*first)->clusters.at("app"));
}

TEST_F(BuilderTest, AnUnchangedListenerIsCheckedAgainstTheNewClusters) {
  ASSERT_TRUE(Build(ListenerYaml("a", 1), ClusterYaml("app")).ok());
  EXPECT_EQ(ErrorOf(ListenerYaml("a", 1), ClusterYaml("other")),
            "listener \"a\": filter_chains[0].filters[0].typed_config.route_config."
            "virtual_hosts[0].routes[0].route.cluster: unknown cluster \"app\"");
}

TEST_F(BuilderTest, ListenersWithoutANameGetOneEach) {
  const auto snapshot = Build(ListenerYaml("", 0) + ListenerYaml("", 0), ClusterYaml("app"));
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  const std::string& name = (*snapshot)->listeners[0]->name;
  EXPECT_THAT(name, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                 "[0-9a-f]{12}"));
  EXPECT_NE(name, (*snapshot)->listeners[1]->name);
}

TEST_F(BuilderTest, RefusesDuplicates) {
  EXPECT_EQ(ErrorOf(ListenerYaml("a", 1) + ListenerYaml("a", 2), ClusterYaml("app")),
            "static_resources.listeners[1]: listener \"a\": duplicate listener name");
  EXPECT_EQ(ErrorOf(ListenerYaml("a", 1) + ListenerYaml("b", 1), ClusterYaml("app")),
            "static_resources.listeners[1]: listener \"b\": duplicate address 127.0.0.1:1, which "
            "listener \"a\" has already");
  EXPECT_EQ(ErrorOf("", ClusterYaml("app") + ClusterYaml("app")),
            "static_resources.clusters[1]: cluster \"app\": duplicate cluster name");
  EXPECT_EQ(ErrorOf("", ClusterYaml("")),
            "static_resources.clusters[0]: a cluster: name is required");
}

}  // namespace
}  // namespace outrigger::control
