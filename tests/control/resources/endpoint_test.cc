#include "control/resources/endpoint.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::config::endpoint::v3::ClusterLoadAssignment;
using proxy::Cluster;

const FieldPath kPath("x");

Cluster Parse(Cluster::Type type, std::string_view yaml, absl::Status* status = nullptr) {
  Cluster to;
  to.type = type;
  const absl::Status result = ParseLoadAssignment(FromYaml<ClusterLoadAssignment>(yaml), kPath, to);
  if (status) {
    *status = result;
  } else {
    EXPECT_TRUE(result.ok()) << result;
  }
  return to;
}

// Of an assignment with this one entry in lb_endpoints.
std::string ErrorOf(std::string_view endpoint, Cluster::Type type = Cluster::Type::kStatic) {
  absl::Status status;
  Parse(type, absl::StrFormat("{cluster_name: a, endpoints: [{lb_endpoints: [%s]}]}", endpoint),
        &status);
  return Message(status);
}

constexpr std::string_view kTwoLocalities = R"(
cluster_name: app
endpoints:
- locality: {region: r, zone: z}
  load_balancing_weight: 3
  lb_endpoints:
  - endpoint: {address: {socket_address: {address: 10.0.0.1, port_value: 80}}}
  - endpoint: {hostname: two, address: {socket_address: {address: '::1', port_value: 81}}}
    load_balancing_weight: 5
    health_status: HEALTHY
- lb_endpoints:
  - endpoint: {address: {socket_address: {address: 10.0.0.3, port_value: 82}}}
)";

TEST(EndpointTest, HostsOfAStaticClusterInOrder) {
  const Cluster cluster = Parse(Cluster::Type::kStatic, kTwoLocalities);
  ASSERT_EQ(cluster.hosts->hosts.size(), 3u);
  EXPECT_EQ(cluster.hosts->hosts[0]->address.text, "10.0.0.1:80");
  EXPECT_EQ(cluster.hosts->hosts[0]->weight, 1u);
  EXPECT_EQ(cluster.hosts->hosts[1]->address.text, "[::1]:81");
  EXPECT_EQ(cluster.hosts->hosts[1]->hostname, "two");
  EXPECT_EQ(cluster.hosts->hosts[1]->weight, 5u);
  EXPECT_EQ(cluster.hosts->hosts[2]->address.text, "10.0.0.3:82");
  EXPECT_TRUE(cluster.dns_names.empty());
}

TEST(EndpointTest, NamesOfAStrictDnsCluster) {
  const Cluster cluster = Parse(Cluster::Type::kStrictDns, R"(
cluster_name: app
endpoints:
- lb_endpoints:
  - endpoint: {address: {socket_address: {address: app.test, port_value: 80}}}
    load_balancing_weight: 2
  - endpoint: {hostname: h, address: {socket_address: {address: 10.0.0.1, port_value: 81}}}
)");
  EXPECT_EQ(cluster.hosts, nullptr);
  ASSERT_EQ(cluster.dns_names.size(), 2u);
  EXPECT_EQ(cluster.dns_names[0].name, "app.test");
  EXPECT_EQ(cluster.dns_names[0].port, 80u);
  EXPECT_EQ(cluster.dns_names[0].weight, 2u);
  EXPECT_EQ(cluster.dns_names[0].hostname, "");
  EXPECT_EQ(cluster.dns_names[1].name, "10.0.0.1");
  EXPECT_EQ(cluster.dns_names[1].hostname, "h");
}

TEST(EndpointTest, RefusesEndpointsWithTheirPlace) {
  const std::string place = "x: endpoints[0].lb_endpoints[0].";
  EXPECT_EQ(ErrorOf("{}"), place + "endpoint: value is required");
  EXPECT_EQ(ErrorOf("{endpoint: {}}"),
            place + "endpoint.address: socket_address or pipe is required");
  EXPECT_EQ(ErrorOf("{endpoint: {}, load_balancing_weight: 0}"),
            place + "load_balancing_weight: value must be greater than or equal to 1");
  EXPECT_EQ(ErrorOf("{endpoint: {address: {pipe: {path: /x}}}}", Cluster::Type::kStrictDns),
            place + "endpoint.address: socket_address is required in a cluster of a DNS type");
}

TEST(EndpointTest, HealthAndHashKeyAreTakenOver) {
  constexpr std::string_view kEndpoints = R"(
cluster_name: app
endpoints:
- lb_endpoints:
  - {health_status: HEALTHY, endpoint: {address: {socket_address: &a {address: 10.0.0.1, port_value: 1}}}}
  - {health_status: UNHEALTHY, endpoint: {address: {socket_address: *a}}}
  - {health_status: TIMEOUT, endpoint: {address: {socket_address: *a}}}
  - {health_status: DRAINING, endpoint: {address: {socket_address: *a}}}
  - {health_status: DEGRADED, endpoint: {address: {socket_address: *a}},
     metadata: {filter_metadata: {envoy.lb: {hash_key: key}}}}
)";
  using Health = proxy::Host::Health;
  const Health expected[] = {Health::kHealthy, Health::kUnhealthy, Health::kUnhealthy,
                             Health::kDraining, Health::kDegraded};
  const Cluster cluster = Parse(Cluster::Type::kStatic, kEndpoints);
  const Cluster dns = Parse(Cluster::Type::kStrictDns, kEndpoints);
  ASSERT_EQ(cluster.hosts->hosts.size(), 5u);
  ASSERT_EQ(dns.dns_names.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(cluster.hosts->hosts[i]->health, expected[i]) << i;
    EXPECT_EQ(dns.dns_names[i].health, expected[i]) << i;
    EXPECT_EQ(cluster.hosts->hosts[i]->hash_key, i == 4 ? "key" : "");
    EXPECT_EQ(dns.dns_names[i].hash_key, i == 4 ? "key" : "");
  }
}

TEST(EndpointTest, ALogicalDnsClusterHasOneName) {
  const std::string host = "{endpoint: {address: {socket_address: {address: a, port_value: 1}}}}";
  EXPECT_EQ(ErrorOf(host, Cluster::Type::kLogicalDns), "no error");
  for (const std::string& hosts : {host + ", " + host, std::string()}) {
    EXPECT_EQ(ErrorOf(hosts, Cluster::Type::kLogicalDns),
              "x: endpoints: LOGICAL_DNS clusters must have a single locality_lb_endpoint and a "
              "single lb_endpoint");
  }
}

TEST(EndpointTest, RefusesWhatDoesNotSteerYet) {
  absl::Status status;
  Parse(Cluster::Type::kStatic, "{cluster_name: a, endpoints: [{}, {priority: 1}]}", &status);
  EXPECT_EQ(Message(status), "x: endpoints[1].priority: not supported yet");
  Parse(Cluster::Type::kStatic, "{endpoints: []}", &status);
  EXPECT_EQ(Message(status), "x: cluster_name: value length must be at least 1 characters");
}

TEST(EndpointTest, RefusesWeightsWhoseSumOverflows) {
  const std::string host =
      "{endpoint: {address: {pipe: {path: /x}}}, load_balancing_weight: 4294967295}";
  EXPECT_EQ(ErrorOf(host), "no error");
  EXPECT_EQ(ErrorOf(host + ", " + host),
            "x: endpoints[0].lb_endpoints: the sum of weights of all endpoints in a locality "
            "exceeds 4294967295");
}

}  // namespace
}  // namespace outrigger::control
