#include "proxy/router/selection.h"

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

class SelectionTest : public HeadersTest {
 protected:
  SelectionTest() {
    table_.virtual_hosts.resize(1);
    EXPECT_TRUE(AddDomain(table_, "a.test", 0));
  }
  template <typename Action>
  void Add(const std::string& path, Action action) {
    Route& route = table_.virtual_hosts[0].routes.emplace_back();
    route.path = path;
    route.action = std::move(action);
  }
  Selection Select(std::string_view path, Fields fields = {}, uint64_t random = 0) {
    fields.emplace_back(":authority", "a.test");
    fields.emplace_back(":path", path);
    return proxy::Select(table_, Fill(fields), {.random = random});
  }

  RouteConfig table_;
};

WeightedCluster Weight(const std::string& name, uint32_t weight) {
  WeightedCluster cluster;
  cluster.cluster = name;
  cluster.weight = weight;
  return cluster;
}

TEST_F(SelectionTest, TellsWhereItEnds) {
  Add("/c", ClusterRoute{.cluster = "c"});
  Add("/d", DirectResponse{});
  const Selection cluster = Select("/c");
  EXPECT_EQ(cluster.cluster, "c");
  EXPECT_NE(cluster.action, nullptr);
  EXPECT_EQ(cluster.weighted, nullptr);
  const Selection direct = Select("/d");
  EXPECT_NE(direct.route, nullptr);
  EXPECT_EQ(direct.action, nullptr);
  const Selection none = Select("/x");
  EXPECT_NE(none.host, nullptr);
  EXPECT_EQ(none.route, nullptr);
  EXPECT_EQ(proxy::Select(table_, Fill({{":authority", "b"}, {":path", "/c"}}), {}).host, nullptr);
}

TEST_F(SelectionTest, AHeaderNamesTheCluster) {
  ClusterRoute action;
  action.cluster_header = Key("x-to");
  Add("/", action);
  EXPECT_EQ(Select("/", {{"x-to", "first"}, {"x-to", "second"}}).cluster, "first");
  const Selection none = Select("/");
  EXPECT_NE(none.action, nullptr);
  EXPECT_EQ(none.cluster, "");
}

TEST_F(SelectionTest, WeightsShareOutTheNumbers) {
  WeightedClusters weighted{{Weight("a", 1), Weight("none", 0), Weight("b", 3)}, 4};
  weighted.clusters[2].cluster = "";
  weighted.clusters[2].cluster_header = Key("x-to");
  ClusterRoute action;
  action.weighted = std::make_shared<const WeightedClusters>(weighted);
  Add("/", action);
  EXPECT_EQ(Select("/", {}, 0).cluster, "a");
  EXPECT_EQ(Select("/", {}, 4).cluster, "a");
  for (const uint64_t random : {1, 2, 3, 7}) {
    const Selection selection = Select("/", {{"x-to", "b"}}, random);
    EXPECT_EQ(selection.cluster, "b");
    EXPECT_EQ(selection.weighted, &action.weighted->clusters[2]);
  }
}

TEST_F(SelectionTest, TheRequestMayBringTheNumber) {
  WeightedClusters weighted{{Weight("a", 1), Weight("b", 1)}, 2};
  weighted.random_header = Key("x-random");
  ClusterRoute action;
  action.weighted = std::make_shared<const WeightedClusters>(weighted);
  Add("/", action);
  EXPECT_EQ(Select("/", {{"x-random", "4"}}, 1).cluster, "a");
  EXPECT_EQ(Select("/", {{"x-random", "5"}}, 0).cluster, "b");
  for (const char* bad : {"", "x", "-1", "5x", "99999999999999999999999"}) {
    EXPECT_EQ(Select("/", {{"x-random", bad}}, 1).cluster, "b") << bad;
    EXPECT_EQ(Select("/", {{"x-random", bad}}, 0).cluster, "a") << bad;
  }
  EXPECT_EQ(Select("/", {{"x-random", "0"}, {"x-random", "0"}}, 1).cluster, "b")
      << "two numbers are none";
}

}  // namespace
}  // namespace outrigger::proxy
