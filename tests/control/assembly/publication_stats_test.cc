#include "control/assembly/publication_stats.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace outrigger::control {
namespace {

using proxy::Cluster;
using proxy::HostSet;
using proxy::Listener;
using proxy::Snapshot;

class PublicationStatsTest : public ::testing::Test {
 protected:
  uint64_t Clusters(proxy::Counter proxy::ClusterTableStats::*counter) {
    return registry_.Sum(proxy::ClusterTableStats::Make(registry_).*counter);
  }
  uint64_t Listeners(proxy::Counter proxy::ListenerTableStats::*counter) {
    return registry_.Sum(proxy::ListenerTableStats::Make(registry_).*counter);
  }
  proxy::ClusterStats Of(const std::string& cluster) {
    return proxy::ClusterStats::Make(registry_, cluster);
  }

  std::shared_ptr<const Cluster> StaticCluster(const std::string& name, size_t hosts) {
    auto cluster = std::make_shared<Cluster>();
    auto set = std::make_shared<HostSet>();
    set->hosts.assign(hosts, std::make_shared<proxy::Host>());
    cluster->name = name;
    cluster->hosts = set;
    cluster->stats = proxy::ClusterStats::Make(registry_, name);
    return cluster;
  }

  static std::shared_ptr<const Listener> NamedListener(const std::string& name) {
    auto listener = std::make_shared<Listener>();
    listener->name = name;
    return listener;
  }

  proxy::StatRegistry registry_;
  PublicationStats stats_{registry_};
};

TEST_F(PublicationStatsTest, CountsClustersAddedModifiedAndRemoved) {
  Snapshot first, second;
  const auto same = StaticCluster("same", 1);
  first.clusters = {
      {"same", same}, {"gone", StaticCluster("gone", 2)}, {"edited", StaticCluster("edited", 3)}};
  second.clusters = {{"same", same}, {"edited", StaticCluster("edited", 4)}};
  stats_.OnSnapshot(nullptr, first);
  EXPECT_EQ(Clusters(&proxy::ClusterTableStats::cluster_added), 3u);
  EXPECT_EQ(registry_.Sum(Of("gone").membership_total).value, 2);
  stats_.OnSnapshot(&first, second);
  EXPECT_EQ(Clusters(&proxy::ClusterTableStats::cluster_added), 3u);
  EXPECT_EQ(Clusters(&proxy::ClusterTableStats::cluster_modified), 1u);
  EXPECT_EQ(Clusters(&proxy::ClusterTableStats::cluster_removed), 1u);
  EXPECT_EQ(registry_.Sum(proxy::ClusterTableStats::Make(registry_).active_clusters).value, 2);
  EXPECT_EQ(registry_.Sum(Of("same").membership_change), 1u);
  EXPECT_EQ(registry_.Sum(Of("edited").membership_total).value, 4);
  EXPECT_EQ(registry_.Sum(Of("edited").membership_healthy).value, 4);
  EXPECT_EQ(registry_.Sum(Of("gone").membership_total).value, 0);
}

TEST_F(PublicationStatsTest, CountsListenersAddedModifiedAndRemoved) {
  Snapshot first, second;
  const auto same = NamedListener("same");
  first.listeners = {same, NamedListener("gone"), NamedListener("edited")};
  second.listeners = {NamedListener("edited"), same};
  stats_.OnSnapshot(nullptr, first);
  stats_.OnSnapshot(&first, second);
  EXPECT_EQ(Listeners(&proxy::ListenerTableStats::listener_added), 3u);
  EXPECT_EQ(Listeners(&proxy::ListenerTableStats::listener_modified), 1u);
  EXPECT_EQ(Listeners(&proxy::ListenerTableStats::listener_removed), 1u);
  EXPECT_EQ(registry_.Sum(proxy::ListenerTableStats::Make(registry_).total_listeners_active).value,
            2);
}

TEST_F(PublicationStatsTest, TellsWhatCircuitBreakersHaveGivenOut) {
  const auto up = StaticCluster("up", 1);
  auto limited = std::make_shared<Cluster>(*up);
  limited->circuit_breakers = {.max_requests = 2, .track_remaining = true};
  limited->TakeOverBreakers();
  Snapshot now;
  now.clusters = {{"up", limited}};
  const auto remaining = proxy::BreakerRemainingStats::Make(registry_, "up", false);
  stats_.SetBreakers(now);
  EXPECT_FALSE(registry_.Sum(Of("up").circuit_breakers.rq_open).used) << "nobody came by";
  EXPECT_EQ(registry_.Sum(remaining.remaining_rq).value, 2);
  proxy::PermitCells& cells = limited->breaker_cells->of_default;
  cells.stocks.Of(0);
  const auto requests = static_cast<size_t>(proxy::Resource::kRequests);
  for (const int open : {0, 1}) {
    ASSERT_TRUE(cells.TakeFree(requests));
    stats_.SetBreakers(now);
    EXPECT_EQ(registry_.Sum(Of("up").circuit_breakers.rq_open).value, open);
    EXPECT_EQ(registry_.Sum(remaining.remaining_rq).value, 1 - open);
  }
  EXPECT_EQ(registry_.Sum(Of("up").circuit_breakers.cx_open).value, 0);
  EXPECT_FALSE(registry_.Sum(Of("up").high_circuit_breakers.rq_open).used);
}

}  // namespace
}  // namespace outrigger::control
