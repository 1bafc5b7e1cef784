#include "proxy/upstream/table.h"

#include "proxy/cluster/lb/host_set.h"
#include "tests/proxy/upstream/upstream_test.h"

namespace outrigger::proxy {
namespace {

class TableTest : public UpstreamTest {
 protected:
  // A request to whatever host is next, up to its answer.
  void AskAndAnswer(TestUpstreamConnection& up) {
    Stream& stream = client_->Get("/");
    Answer(Request(up, up.requests().size()));
    EXPECT_EQ(Status(stream), "200");
  }

  TestUpstream other_;
};

TEST_F(TableTest, HostsTakeTurns) {
  AddUp({upstream_.address(), other_.address()});
  Start();
  for (int i = 0; i < 6; ++i) client_->Get("/");
  TestUpstreamConnection& here = Accept(upstream_);
  TestUpstreamConnection& there = Accept(other_);
  Request(here, 2);
  Request(there, 2);
  EXPECT_EQ(here.requests().size() + there.requests().size(), 6u);
}

TEST_F(TableTest, AHostThatStaysKeepsItsConnection) {
  AddUp({upstream_.address()});
  Start();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  SetHosts({other_.address(), upstream_.address()});
  SetHosts({upstream_.address()});
  AskAndAnswer(up);
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
}

TEST_F(TableTest, AHostThatLeavesFinishesWhatItHas) {
  AddUp({upstream_.address()});
  Start();
  Stream& open = client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Stream& request = Request(up, 0);
  SetHosts({other_.address()});
  client_->Get("/");
  TestUpstreamConnection& there = Accept(other_);
  Answer(Request(there, 0));
  EXPECT_FALSE(up.closed());
  Answer(request);
  EXPECT_EQ(Status(open), "200");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
}

TEST_F(TableTest, AHostThatLeavesServesThoseWhoWaitThere) {
  Cluster& cluster = AddUp({upstream_.address()});
  cluster.http2_options.max_concurrent_streams = 1;
  cluster.circuit_breakers.max_connections = 1;
  Start();
  Stream& open = client_->Get("/1");
  TestUpstreamConnection& up = Accept(upstream_);
  Stream& request = Request(up, 0);
  Stream& waiting = client_->Get("/2");
  ASSERT_TRUE(Pump([&] { return Level(stats().upstream_rq_pending_active) == 1; }));
  SetHosts({other_.address()});
  Answer(request);
  Answer(Request(up, 1));
  EXPECT_EQ(Status(open), "200");
  EXPECT_EQ(Status(waiting), "200");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
}

TEST_F(TableTest, HostsOfAnUnknownClusterAreNobodys) {
  AddUp({upstream_.address()});
  Start();
  proxy_.workers().SetHosts("none", std::make_shared<HostSet>());
  Stream& stream = client_->Get("/");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Status(stream), "200");
}

TEST_F(TableTest, AClusterComesAndGoesUnderItsRoute) {
  proxy_.AddRoute("/", "up");
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  proxy_.AddCluster("up", {upstream_.address()});
  proxy_.Apply();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  proxy_.clusters.clear();
  proxy_.Apply();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
}

TEST_F(TableTest, AnotherPolicyHoldsFromTheNextRequest) {
  // The first of two by their weights, then any.
  Cluster& cluster = AddUp({upstream_.address(), other_.address()});
  cluster.lb.policy = LbOptions::Policy::kMaglev;
  cluster.hosts = MakeHostSet(cluster.hosts->hosts, cluster.lb);
  Start();
  client_->Get("/");
  ASSERT_TRUE(Pump([&] { return !upstream_.Idle() || !other_.Idle(); }));
  cluster.lb.policy = LbOptions::Policy::kRoundRobin;
  cluster.hosts = MakeHostSet(cluster.hosts->hosts, cluster.lb);
  proxy_.Apply();
  for (int i = 0; i < 2; ++i) client_->Get("/");
  Request(Accept(upstream_), 0);
  Request(Accept(other_), 0);
}

TEST_F(TableTest, ALogicalHostThatMovesKeepsItsConnections) {
  Cluster& cluster = AddUp({});
  cluster.type = Cluster::Type::kLogicalDns;
  cluster.hosts = nullptr;
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503") << "not resolved yet";
  SetHosts({upstream_.address()});
  client_->Get("/");
  TestUpstreamConnection& here = Accept(upstream_);
  Answer(Request(here, 0));
  SetHosts({other_.address()});
  AskAndAnswer(here);
  shutdown(here.fd(), SHUT_WR);
  ASSERT_TRUE(Pump([&] { return here.closed(); }));
  client_->Get("/");
  Answer(Request(Accept(other_), 0));
}

TEST_F(TableTest, HostsThatComeBeforeTheFirstRequestAreKept) {
  AddUp({}).hosts = nullptr;
  proxy_.clusters.at("up").type = Cluster::Type::kStrictDns;
  Start();
  SetHosts({upstream_.address()});
  proxy_.Apply();
  client_->Get("/");
  Answer(Request(Accept(upstream_), 0));
}

TEST_F(TableTest, UnhealthyHostsArePassedOver) {
  Cluster& cluster = AddUp({upstream_.address(), other_.address()});
  auto down = std::make_shared<Host>();
  down->address = other_.address();
  down->health = Host::Health::kUnhealthy;
  cluster.hosts = MakeHostSet({cluster.hosts->hosts[0], down}, cluster.lb);
  Start();
  for (int i = 0; i < 4; ++i) client_->Get("/");
  Request(Accept(upstream_), 3);
  EXPECT_EQ(Count(stats().lb_healthy_panic), 0u);
}

TEST_F(TableTest, InAPanicAllHostsAreUsed) {
  Cluster& cluster = AddUp({upstream_.address()});
  auto down = std::make_shared<Host>();
  down->address = upstream_.address();
  down->health = Host::Health::kUnhealthy;
  cluster.hosts = MakeHostSet({down}, cluster.lb);
  Start();
  client_->Get("/");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Count(stats().lb_healthy_panic), 1u);
}

// What has changed is for connections to come; who is connected keeps its own.
TEST_F(TableTest, NewSettingsKeepOpenConnections) {
  AddUp({upstream_.address()});
  Start();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  proxy_.clusters.at("up").max_requests_per_connection = 1;
  proxy_.Apply();
  for (int i = 0; i < 3; ++i) AskAndAnswer(up);
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
