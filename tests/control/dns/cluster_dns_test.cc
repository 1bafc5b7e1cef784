#include "control/dns/cluster_dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/control/dns/fake_dns_server.h"

namespace outrigger::control {
namespace {

using proxy::Cluster;
using proxy::HostSet;
using proxy::Snapshot;
using scheduler::kMillisecond;
using scheduler::kSecond;
using scheduler::Nanos;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Addresses(const HostSet& set) {
  std::vector<std::string> addresses;
  for (const auto& host : set.hosts) addresses.push_back(host->address.text);
  return addresses;
}

// Host updates in the order of their publication.
class Updates {
 public:
  void Push(const HostUpdate& update) {
    std::lock_guard lock(mutex_);
    updates_.push_back(update);
    arrived_.notify_all();
  }
  std::shared_ptr<const HostSet> Next() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !updates_.empty(); });
    std::shared_ptr<const HostSet> hosts = updates_.front().hosts;
    updates_.pop_front();
    return hosts;
  }
  size_t waiting() {
    std::lock_guard lock(mutex_);
    return updates_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<HostUpdate> updates_;
};

class ClusterDnsTest : public ::testing::Test {
 protected:
  ClusterDnsTest()
      : resolver_({.servers = {server_.address()}, .try_timeout = 20 * kMillisecond, .tries = 2}),
        publisher_(stats_),
        pool_({.name = "control",
               .policy = scheduler::Policy::kStealing,
               .affinity = std::vector<scheduler::CpuSet>(2)}),
        dns_(pool_, resolver_, publisher_, stats_) {
    publisher_.Subscribe({.on_snapshot = [](std::shared_ptr<const Snapshot>) {},
                          .on_hosts = [this](const HostUpdate& update) { updates_.Push(update); }});
  }
  ~ClusterDnsTest() override { pool_.Stop(); }

  std::shared_ptr<Cluster> MakeCluster(std::vector<std::string> names,
                                       Nanos refresh = 10 * kMillisecond,
                                       const std::string& name = "app") {
    auto cluster = std::make_shared<Cluster>();
    cluster->name = name;
    cluster->type = Cluster::Type::kStrictDns;
    cluster->dns_family = Cluster::DnsFamily::kV4Only;
    cluster->dns_refresh = refresh;
    for (std::string& dns : names) {
      cluster->dns_names.push_back({.name = std::move(dns), .hostname = "", .port = 80});
    }
    cluster->stats = proxy::ClusterStats::Make(stats_, cluster->name);
    return cluster;
  }

  void Publish(std::shared_ptr<const Cluster> cluster) {
    auto snapshot = std::make_shared<Snapshot>();
    if (cluster) snapshot->clusters.emplace(cluster->name, std::move(cluster));
    publisher_.Publish(snapshot);
    dns_.Update(*snapshot);
  }

  uint64_t Count(proxy::Counter proxy::ClusterStats::*counter, const std::string& name = "app") {
    return stats_.Sum(proxy::ClusterStats::Make(stats_, name).*counter);
  }

  FakeDnsServer server_;
  proxy::StatRegistry stats_;
  Resolver resolver_;
  Updates updates_;
  Publisher publisher_;
  scheduler::Pool pool_;
  ClusterDns dns_;
};

TEST_F(ClusterDnsTest, PublishesTheHostsOfAllNames) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.2"});
  auto cluster = MakeCluster({"a.test"}, 3600 * kSecond);
  cluster->dns_names[0].weight = 7;
  Publish(cluster);
  const auto hosts = updates_.Next();
  EXPECT_THAT(Addresses(*hosts), ElementsAre("10.0.0.1:80", "10.0.0.2:80"));
  EXPECT_EQ(hosts->hosts[0]->hostname, "a.test");
  EXPECT_EQ(hosts->hosts[0]->weight, 7u);
  EXPECT_EQ(publisher_.HostsOf("app"), hosts);
}

TEST_F(ClusterDnsTest, OneAddressUnderTwoNamesIsOneHost) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.1"});
  server_.SetV4("b.test", {"10.0.0.1", "10.0.0.2"});
  Publish(MakeCluster({"a.test", "b.test"}, 3600 * kSecond));
  std::shared_ptr<const HostSet> hosts = updates_.Next();
  if (hosts->hosts.size() == 1) hosts = updates_.Next();
  EXPECT_THAT(Addresses(*hosts), UnorderedElementsAre("10.0.0.1:80", "10.0.0.2:80"));
}

TEST_F(ClusterDnsTest, HostsThatStayKeepTheirPlaceInMemory) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.2"});
  Publish(MakeCluster({"a.test"}));
  const auto before = updates_.Next();
  server_.SetV4("a.test", {"10.0.0.3", "10.0.0.2"});
  const auto after = updates_.Next();
  ASSERT_THAT(Addresses(*after), ElementsAre("10.0.0.3:80", "10.0.0.2:80"));
  EXPECT_EQ(after->hosts[1], before->hosts[1]);
}

TEST_F(ClusterDnsTest, RotatedRecordsAreNoChange) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.2"});
  Publish(MakeCluster({"a.test"}));
  updates_.Next();
  server_.SetV4("a.test", {"10.0.0.2", "10.0.0.1"});
  server_.AwaitQuestions(4);
  EXPECT_EQ(updates_.waiting(), 0u);
  EXPECT_GT(Count(&proxy::ClusterStats::update_no_rebuild), 0u);
}

TEST_F(ClusterDnsTest, AFailedLookUpKeepsTheLastHosts) {
  server_.SetV4("a.test", {"10.0.0.1"});
  Publish(MakeCluster({"a.test"}));
  updates_.Next();
  server_.Set("a.test", 'A', {.rcode = 2});
  server_.AwaitQuestions(6);
  server_.SetV4("a.test", {"10.0.0.2"});
  // The very next change is the good answer: nothing came in between.
  EXPECT_THAT(Addresses(*updates_.Next()), ElementsAre("10.0.0.2:80"));
  EXPECT_GT(Count(&proxy::ClusterStats::update_failure), 0u);
}

TEST_F(ClusterDnsTest, AnAnswerWithoutAddressesTakesTheHostsAway) {
  server_.SetV4("a.test", {"10.0.0.1"});
  Publish(MakeCluster({"a.test"}));
  updates_.Next();
  server_.Set("a.test", 'A', {.rcode = 3});
  EXPECT_THAT(Addresses(*updates_.Next()), IsEmpty());
  EXPECT_GT(Count(&proxy::ClusterStats::update_empty), 0u);
}

TEST_F(ClusterDnsTest, ALogicalHostIsTheFirstAddressWhereverItMoves) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.2"});
  auto cluster = MakeCluster({"a.test"});
  cluster->type = Cluster::Type::kLogicalDns;
  Publish(cluster);
  EXPECT_THAT(Addresses(*updates_.Next()), ElementsAre("10.0.0.1:80"));
  server_.SetV4("a.test", {"10.0.0.2", "10.0.0.1"});
  EXPECT_THAT(Addresses(*updates_.Next()), ElementsAre("10.0.0.2:80"));
  EXPECT_EQ(Count(&proxy::ClusterStats::membership_change), 1u) << "it is still the same member";
  EXPECT_EQ(stats_.Sum(cluster->stats.membership_total).value, 1);
}

TEST_F(ClusterDnsTest, ALogicalHostStaysWhereItIsRatherThanNowhere) {
  server_.SetV4("a.test", {"10.0.0.1"});
  auto cluster = MakeCluster({"a.test"});
  cluster->type = Cluster::Type::kLogicalDns;
  Publish(cluster);
  updates_.Next();
  server_.Set("a.test", 'A', {.rcode = 3});
  server_.AwaitQuestions(6);
  EXPECT_EQ(updates_.waiting(), 0u);
  EXPECT_GT(Count(&proxy::ClusterStats::update_failure), 0u);
  EXPECT_EQ(Count(&proxy::ClusterStats::update_empty), 0u);
  server_.SetV4("a.test", {"10.0.0.3"});
  EXPECT_THAT(Addresses(*updates_.Next()), ElementsAre("10.0.0.3:80"));
}

TEST_F(ClusterDnsTest, HostsCarryTheirNamesTraits) {
  server_.SetV4("a.test", {"10.0.0.1"});
  auto cluster = MakeCluster({"a.test"}, 3600 * kSecond);
  cluster->dns_names[0].health = proxy::Host::Health::kDegraded;
  cluster->dns_names[0].hash_key = "key";
  cluster->lb.policy = proxy::LbOptions::Policy::kMaglev;
  Publish(cluster);
  const auto hosts = updates_.Next();
  EXPECT_EQ(hosts->hosts[0]->health, proxy::Host::Health::kDegraded);
  EXPECT_EQ(hosts->hosts[0]->hash_key, "key");
  EXPECT_EQ(hosts->degraded.size(), 1u);
}

TEST_F(ClusterDnsTest, AnotherPolicyGetsItsTablesAtOnce) {
  server_.SetV4("a.test", {"10.0.0.1"});
  Publish(MakeCluster({"a.test"}, 3600 * kSecond));
  const auto before = updates_.Next();
  server_.Set("b.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  auto changed = MakeCluster({"b.test"}, 3600 * kSecond);
  changed->lb.policy = proxy::LbOptions::Policy::kMaglev;
  Publish(changed);
  EXPECT_EQ(updates_.Next(), before);
  const auto tables = updates_.Next();
  EXPECT_EQ(tables->hosts, before->hosts);
  EXPECT_EQ(tables->maglev.size(), 65537u);
}

TEST_F(ClusterDnsTest, TheTtlRulesWhereTheClusterAsksForIt) {
  server_.SetV4("a.test", {"10.0.0.1"}, /*ttl_seconds=*/3600);
  server_.SetV4("b.test", {"10.0.0.2"}, /*ttl_seconds=*/3600);
  auto app = MakeCluster({"a.test"});
  app->respect_dns_ttl = true;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->clusters = {{"app", app},
                        {"other", MakeCluster({"b.test"}, 10 * kMillisecond, "other")}};
  publisher_.Publish(snapshot);
  dns_.Update(*snapshot);
  updates_.Next();
  updates_.Next();
  server_.AwaitQuestions(5);
  EXPECT_EQ(Count(&proxy::ClusterStats::update_attempt), 1u);
  EXPECT_GE(Count(&proxy::ClusterStats::update_attempt, "other"), 5u);
}

TEST_F(ClusterDnsTest, AnUnchangedClusterIsNotLookedUpAnew) {
  server_.SetV4("a.test", {"10.0.0.1"});
  auto cluster = MakeCluster({"a.test"}, 3600 * kSecond);
  Publish(cluster);
  updates_.Next();
  Publish(cluster);
  Publish(cluster);
  EXPECT_EQ(updates_.waiting(), 0u);
  EXPECT_EQ(Count(&proxy::ClusterStats::update_attempt), 1u);
}

TEST_F(ClusterDnsTest, AChangedClusterKeepsServingUntilItsOwnNamesAreTried) {
  server_.SetV4("a.test", {"10.0.0.1", "10.0.0.2"});
  Publish(MakeCluster({"a.test"}, 3600 * kSecond));
  const auto before = updates_.Next();
  server_.SetV4("b.test", {"10.0.0.2"});
  server_.SetV4("c.test", {"10.0.0.3"});
  Publish(MakeCluster({"b.test", "c.test"}, 3600 * kSecond));
  EXPECT_EQ(updates_.Next(), before);  // said again for the changed cluster
  const auto after = updates_.Next();  // at once, not name by name
  ASSERT_THAT(Addresses(*after), ElementsAre("10.0.0.2:80", "10.0.0.3:80"));
}

TEST_F(ClusterDnsTest, AChangedClusterWhoseNamesFailLosesTheFormerHosts) {
  server_.SetV4("a.test", {"10.0.0.1"});
  Publish(MakeCluster({"a.test"}, 3600 * kSecond));
  const auto before = updates_.Next();
  server_.Set("b.test", 'A', {.rcode = 2});
  Publish(MakeCluster({"b.test"}, 3600 * kSecond));
  EXPECT_EQ(updates_.Next(), before);
  EXPECT_THAT(Addresses(*updates_.Next()), IsEmpty());
}

TEST_F(ClusterDnsTest, ARemovedClusterIsLookedUpNoMore) {
  server_.SetV4("a.test", {"10.0.0.1"});
  Publish(MakeCluster({"a.test"}));
  updates_.Next();
  Publish(nullptr);
  EXPECT_EQ(publisher_.HostsOf("app"), nullptr);
  const uint64_t attempts = Count(&proxy::ClusterStats::update_attempt);
  server_.SetV4("b.test", {"10.0.0.9"});
  Publish(MakeCluster({"b.test"}, 10 * kMillisecond, "other"));
  server_.AwaitQuestions(8);
  // One attempt may have been under way when the cluster went.
  EXPECT_LE(Count(&proxy::ClusterStats::update_attempt), attempts + 1);
}

TEST_F(ClusterDnsTest, InitialisedOnceEachClusterWasTried) {
  server_.SetV4("a.test", {"10.0.0.1"});
  server_.Set("b.test", 'A', {.rcode = 2});
  Publish(MakeCluster({"a.test", "b.test"}, 3600 * kSecond));
  std::promise<void> done;
  dns_.WhenInitialised(3600 * kSecond, [&done] { done.set_value(); });
  done.get_future().get();
  EXPECT_EQ(Count(&proxy::ClusterStats::update_success), 1u);
  EXPECT_EQ(Count(&proxy::ClusterStats::update_failure), 1u);
}

TEST_F(ClusterDnsTest, InitialisedAtOnceWithoutClustersToWaitFor) {
  server_.Set("a.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  auto cluster = MakeCluster({"a.test"});
  cluster->wait_for_warm = false;
  Publish(cluster);
  bool done = false;
  dns_.WhenInitialised(3600 * kSecond, [&done] { done = true; });
  EXPECT_TRUE(done);
}

TEST_F(ClusterDnsTest, InitialisedWhenTheBoundHasPassed) {
  server_.Set("a.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  Publish(MakeCluster({"a.test"}));
  std::promise<void> done;
  dns_.WhenInitialised(1 * kMillisecond, [&done] { done.set_value(); });
  done.get_future().get();
  EXPECT_EQ(Count(&proxy::ClusterStats::update_failure), 0u);
}

}  // namespace
}  // namespace outrigger::control
