#include "control/assembly/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace outrigger::control {
namespace {

using proxy::Cluster;
using proxy::HostSet;
using proxy::Snapshot;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PublisherTest : public ::testing::Test {
 protected:
  std::shared_ptr<Cluster> DnsCluster(const std::string& name) {
    auto cluster = std::make_shared<Cluster>();
    cluster->name = name;
    cluster->type = Cluster::Type::kStrictDns;
    return cluster;
  }

  static std::shared_ptr<const Snapshot> Of(std::vector<std::shared_ptr<Cluster>> clusters) {
    auto snapshot = std::make_shared<Snapshot>();
    for (auto& cluster : clusters) snapshot->clusters.emplace(cluster->name, cluster);
    return snapshot;
  }

  // What it is told, in order: "snapshot 2" (number of clusters), "hosts app 1" (number of hosts).
  Subscriber Recorder() {
    return {.on_snapshot =
                [this](std::shared_ptr<const Snapshot> snapshot) {
                  told_.push_back("snapshot " + std::to_string(snapshot->clusters.size()));
                },
            .on_hosts =
                [this](const HostUpdate& update) {
                  told_.push_back("hosts " + update.cluster + " " +
                                  std::to_string(update.hosts->hosts.size()));
                }};
  }

  std::vector<std::string> Told() { return std::exchange(told_, {}); }

  static std::shared_ptr<const HostSet> Hosts(size_t count) {
    auto set = std::make_shared<HostSet>();
    set->hosts.assign(count, std::make_shared<proxy::Host>());
    return set;
  }

  proxy::StatRegistry stats_;
  Publisher publisher_{stats_};
  std::vector<std::string> told_;
};

TEST_F(PublisherTest, TellsSubscribersUntilTheyLeave) {
  const uint64_t id = publisher_.Subscribe(Recorder());
  EXPECT_THAT(Told(), IsEmpty());
  publisher_.Publish(Of({DnsCluster("app")}));
  publisher_.PublishHosts({"app", Hosts(2)});
  EXPECT_THAT(Told(), ElementsAre("snapshot 1", "hosts app 2"));
  publisher_.Unsubscribe(id);
  publisher_.Publish(Of({}));
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(PublisherTest, ALateSubscriberHearsThePresentState) {
  publisher_.Publish(Of({DnsCluster("app")}));
  publisher_.PublishHosts({"app", Hosts(2)});
  publisher_.PublishHosts({"app", Hosts(3)});
  publisher_.Subscribe(Recorder());
  EXPECT_THAT(Told(), ElementsAre("snapshot 1", "hosts app 3"));
}

TEST_F(PublisherTest, HostsOfAChangedClusterAreToldAgainThoseOfAnUnchangedOneAreNot) {
  const auto same = DnsCluster("same");
  publisher_.Publish(Of({same, DnsCluster("changed")}));
  publisher_.PublishHosts({"same", Hosts(1)});
  publisher_.PublishHosts({"changed", Hosts(2)});
  publisher_.Subscribe(Recorder());
  Told();
  publisher_.Publish(Of({same, DnsCluster("changed")}));
  EXPECT_THAT(Told(), ElementsAre("snapshot 2", "hosts changed 2"));
}

TEST_F(PublisherTest, HostsGoWithTheirCluster) {
  publisher_.Publish(Of({DnsCluster("app")}));
  publisher_.PublishHosts({"app", Hosts(1)});
  publisher_.Publish(Of({}));
  publisher_.PublishHosts({"app", Hosts(2)});  // too late
  EXPECT_EQ(publisher_.HostsOf("app"), nullptr);
  publisher_.Publish(Of({DnsCluster("app")}));
  EXPECT_EQ(publisher_.HostsOf("app"), nullptr);
}

TEST_F(PublisherTest, AClusterThatBecameStaticHasItsOwnHosts) {
  publisher_.Publish(Of({DnsCluster("app")}));
  publisher_.PublishHosts({"app", Hosts(1)});
  auto fixed = DnsCluster("app");
  fixed->type = Cluster::Type::kStatic;
  fixed->hosts = Hosts(4);
  publisher_.Publish(Of({fixed}));
  EXPECT_EQ(publisher_.HostsOf("app"), fixed->hosts);
}

TEST_F(PublisherTest, HoldsTheSnapshotItPublishedLast) {
  EXPECT_EQ(publisher_.snapshot(), nullptr);
  const auto snapshot = Of({});
  publisher_.Publish(snapshot);
  EXPECT_EQ(publisher_.snapshot(), snapshot);
}

}  // namespace
}  // namespace outrigger::control
