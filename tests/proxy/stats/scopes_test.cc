#include "proxy/stats/scopes.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

// The sum of the stat with this flat name; -1: there is none.
int64_t Value(const StatRegistry& registry, std::string_view name) {
  for (const StatScope* scope : registry.Scopes()) {
    for (uint32_t row = 0; row < scope->stats.size(); ++row) {
      if (scope->prefix + std::string(scope->stats[row].name) != name) continue;
      const uint32_t slot = scope->first_slot + row;
      if (scope->stats[row].kind == StatKind::kGauge) return registry.Sum(Gauge{slot}).value;
      return static_cast<int64_t>(registry.Sum(Counter{slot}));
    }
  }
  return -1;
}

TEST(ScopesTest, HandlesMeetTheirNames) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  const ClusterStats cluster = ClusterStats::Make(registry, "foo");
  const HttpStats http = HttpStats::Make(registry, "ingress");
  const ListenerStats listener = ListenerStats::Make(registry, "127.0.0.1:10000");
  const WorkerListenerStats worker = WorkerListenerStats::Make(registry, "127.0.0.1:10000", 1);
  const SubscriptionStats cds = SubscriptionStats::Make(registry, "cluster_manager.cds");
  slab->Add(cluster.upstream_rq_total, 2);
  slab->Inc(cluster.upstream_internal_redirect_failed_total);  // the last of its list
  slab->Inc(cluster.circuit_breakers.rq_open);
  slab->Inc(cluster.high_circuit_breakers.cx_open);
  slab->Add(BreakerRemainingStats::Make(registry, "foo", true).remaining_rq, 7);
  slab->Add(http.downstream_cx_active, 3);
  slab->Add(listener.downstream_cx_total, 4);
  slab->Add(worker.downstream_cx_active, 5);
  slab->Add(cds.update_success, 6);
  slab->Set(ListenerTableStats::Make(registry).workers_started, 1);
  slab->Set(ClusterTableStats::Make(registry).active_clusters, 8);
  slab->Set(ServerStats::Make(registry).state, 2);
  EXPECT_EQ(Value(registry, "cluster.foo.upstream_rq_total"), 2);
  EXPECT_EQ(Value(registry, "cluster.foo.upstream_internal_redirect_failed_total"), 1);
  EXPECT_EQ(Value(registry, "cluster.foo.circuit_breakers.default.rq_open"), 1);
  EXPECT_EQ(Value(registry, "cluster.foo.circuit_breakers.high.cx_open"), 1);
  EXPECT_EQ(Value(registry, "cluster.foo.circuit_breakers.high.remaining_rq"), 7);
  EXPECT_EQ(Value(registry, "http.ingress.downstream_cx_active"), 3);
  EXPECT_EQ(Value(registry, "listener.127.0.0.1_10000.downstream_cx_total"), 4);
  EXPECT_EQ(Value(registry, "listener.127.0.0.1_10000.worker_1.downstream_cx_active"), 5);
  EXPECT_EQ(Value(registry, "cluster_manager.cds.update_success"), 6);
  EXPECT_EQ(Value(registry, "listener_manager.workers_started"), 1);
  EXPECT_EQ(Value(registry, "cluster_manager.active_clusters"), 8);
  EXPECT_EQ(Value(registry, "server.state"), 2);
}

TEST(ScopesTest, ResponseClassPicksItsCounter) {
  StatRegistry registry;
  const HttpStats http = HttpStats::Make(registry, "x");
  const ClusterStats cluster = ClusterStats::Make(registry, "x");
  EXPECT_EQ(http.ByClass(100).slot, http.downstream_rq_1xx.slot);
  EXPECT_EQ(http.ByClass(204).slot, http.downstream_rq_2xx.slot);
  EXPECT_EQ(http.ByClass(503).slot, http.downstream_rq_5xx.slot);
  EXPECT_EQ(cluster.ByClass(302).slot, cluster.upstream_rq_3xx.slot);
  for (int status : {0, 99, 600, -1}) {
    EXPECT_EQ(http.ByClass(status).slot, Counter().slot);
    EXPECT_EQ(cluster.ByClass(status).slot, Counter().slot);
  }
}

TEST(ScopesTest, SameNameSharesItsCells) {
  StatRegistry registry;
  EXPECT_EQ(ClusterStats::Make(registry, "a").upstream_rq_total.slot,
            ClusterStats::Make(registry, "a").upstream_rq_total.slot);
  EXPECT_NE(ClusterStats::Make(registry, "a").upstream_rq_total.slot,
            ClusterStats::Make(registry, "b").upstream_rq_total.slot);
}

TEST(ScopesTest, NoNameTwice) {
  StatRegistry registry;
  ClusterStats::Make(registry, "a");
  HttpStats::Make(registry, "a");
  ListenerStats::Make(registry, "a");
  WorkerListenerStats::Make(registry, "a", 0);
  ServerStats::Make(registry);
  ListenerTableStats::Make(registry);
  ClusterTableStats::Make(registry);
  SubscriptionStats::Make(registry, "listener_manager.lds");
  std::set<std::string> names;
  for (const StatScope* scope : registry.Scopes()) {
    for (const StatDesc& desc : scope->stats) {
      const std::string name = scope->prefix + std::string(desc.name);
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_FALSE(desc.help.empty()) << name;
    }
  }
  EXPECT_GT(names.size(), 200u);
}

}  // namespace
}  // namespace outrigger::proxy
