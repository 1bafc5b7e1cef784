#include "control/resources/load_balancing.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::config::cluster::v3::Cluster;
using proxy::LbOptions;
using Policy = LbOptions::Policy;

const FieldPath kPath("x");

absl::StatusOr<LbOptions> Parse(std::string_view yaml) {
  LbOptions options;
  const absl::Status status = ParseLoadBalancing(FromYaml<Cluster>(yaml), kPath, options);
  if (!status.ok()) return status;
  return options;
}

LbOptions Good(std::string_view yaml) {
  const absl::StatusOr<LbOptions> options = Parse(yaml);
  EXPECT_TRUE(options.ok()) << options.status() << " " << yaml;
  return options.value_or(LbOptions());
}

std::string ErrorOf(std::string_view yaml) { return Message(Parse(yaml).status()); }

// A cluster with this policy as its only extension.
std::string Typed(std::string_view name, std::string_view type, std::string_view fields = "") {
  return absl::StrFormat(
      "load_balancing_policy: {policies: [{typed_extension_config: {name: policy, typed_config: {"
      "'@type': type.googleapis.com/envoy.extensions.load_balancing_policies.%s.v3.%s%s%s}}}]}",
      name, type, fields.empty() ? "" : ", ", fields);
}

TEST(LoadBalancingTest, DefaultsAreEnvoys) {
  EXPECT_EQ(Good("{}"), LbOptions());
  const LbOptions options;
  EXPECT_EQ(options.policy, Policy::kRoundRobin);
  EXPECT_EQ(options.healthy_panic_percent, 50u);
  EXPECT_EQ(options.choice_count, 2u);
  EXPECT_EQ(options.active_request_bias, 1.0);
  EXPECT_EQ(options.min_ring_size, 1024u);
  EXPECT_EQ(options.max_ring_size, 8388608u);
  EXPECT_EQ(options.table_size, 65537u);
}

TEST(LoadBalancingTest, ReadsTheEnumAndItsSettings) {
  EXPECT_EQ(Good("lb_policy: RANDOM").policy, Policy::kRandom);
  EXPECT_EQ(Good("{lb_policy: ROUND_ROBIN, round_robin_lb_config: {}}").policy,
            Policy::kRoundRobin);
  const LbOptions least = Good(
      "{lb_policy: LEAST_REQUEST, least_request_lb_config: {choice_count: 3, "
      "active_request_bias: {default_value: 0.5, runtime_key: k}}}");
  EXPECT_EQ(least.policy, Policy::kLeastRequest);
  EXPECT_EQ(least.choice_count, 3u);
  EXPECT_EQ(least.active_request_bias, 0.5);
  const LbOptions ring = Good(
      "{lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 5, maximum_ring_size: 6, "
      "hash_function: MURMUR_HASH_2}, type: STRICT_DNS, "
      "common_lb_config: {consistent_hashing_lb_config: {use_hostname_for_hashing: true}}}");
  EXPECT_EQ(ring.policy, Policy::kRingHash);
  EXPECT_EQ(ring.min_ring_size, 5u);
  EXPECT_EQ(ring.max_ring_size, 6u);
  EXPECT_EQ(ring.hash_function, LbOptions::HashFunction::kMurmurHash2);
  EXPECT_TRUE(ring.use_hostname_for_hashing);
  const LbOptions maglev = Good("{lb_policy: MAGLEV, maglev_lb_config: {table_size: 7}}");
  EXPECT_EQ(maglev.policy, Policy::kMaglev);
  EXPECT_EQ(maglev.table_size, 7u);
}

TEST(LoadBalancingTest, SettingsOfAnotherPolicyDoNotMatter) {
  EXPECT_EQ(Good("{lb_policy: RANDOM, ring_hash_lb_config: {minimum_ring_size: 5}}").policy,
            Policy::kRandom);
  EXPECT_EQ(Good("{lb_policy: MAGLEV, least_request_lb_config: {choice_count: 1}}").policy,
            Policy::kMaglev);
}

TEST(LoadBalancingTest, ReadsTheExtensions) {
  EXPECT_EQ(Good(Typed("round_robin", "RoundRobin")).policy, Policy::kRoundRobin);
  EXPECT_EQ(Good(Typed("random", "Random")).policy, Policy::kRandom);
  const LbOptions least = Good(Typed("least_request", "LeastRequest", "choice_count: 5"));
  EXPECT_EQ(least.policy, Policy::kLeastRequest);
  EXPECT_EQ(least.choice_count, 5u);
  const LbOptions ring =
      Good(Typed("ring_hash", "RingHash", "minimum_ring_size: 7, hash_function: MURMUR_HASH_2"));
  EXPECT_EQ(ring.policy, Policy::kRingHash);
  EXPECT_EQ(ring.min_ring_size, 7u);
  EXPECT_EQ(ring.hash_function, LbOptions::HashFunction::kMurmurHash2);
  EXPECT_TRUE(Good("{type: STRICT_DNS, " +
                   Typed("ring_hash", "RingHash", "use_hostname_for_hashing: true") + "}")
                  .use_hostname_for_hashing);
  const LbOptions maglev = Good(Typed("maglev", "Maglev", "table_size: 11"));
  EXPECT_EQ(maglev.policy, Policy::kMaglev);
  EXPECT_EQ(maglev.table_size, 11u);
}

TEST(LoadBalancingTest, TheExtensionGoesBeforeTheEnum) {
  EXPECT_EQ(Good("{lb_policy: RING_HASH, " + Typed("maglev", "Maglev") + "}").policy,
            Policy::kMaglev);
  EXPECT_EQ(Good("{common_lb_config: {healthy_panic_threshold: {value: 10.4}}, " +
                 Typed("maglev", "Maglev") + "}")
                .healthy_panic_percent,
            10u);
  EXPECT_THAT(ErrorOf("{common_lb_config: {consistent_hashing_lb_config: {}}, " +
                      Typed("maglev", "Maglev") + "}"),
              ::testing::StartsWith("x: load_balancing_policy: load_balancing_policy cannot be"));
}

TEST(LoadBalancingTest, TheFirstPolicyThatIsKnownIsTaken) {
  const std::string unknown =
      "{typed_extension_config: {name: unknown, typed_config: {'@type': "
      "type.googleapis.com/google.protobuf.Duration, value: 1s}}}";
  const std::string random =
      "{typed_extension_config: {name: r, typed_config: {'@type': "
      "type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random}}}";
  EXPECT_EQ(Good("load_balancing_policy: {policies: [" + unknown + ", " + random + "]}").policy,
            Policy::kRandom);
  EXPECT_EQ(ErrorOf("load_balancing_policy: {policies: [" + unknown + "]}"),
            "x: load_balancing_policy.policies: none of the policies [unknown] is not supported "
            "yet; round_robin, least_request, random, ring_hash and maglev are");
}

TEST(LoadBalancingTest, RefusesValuesOutOfRange) {
  EXPECT_EQ(ErrorOf("{lb_policy: LEAST_REQUEST, least_request_lb_config: {choice_count: 1}}"),
            "x: least_request_lb_config.choice_count: value must be greater than or equal to 2");
  EXPECT_EQ(ErrorOf("{lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 10, "
                    "maximum_ring_size: 5}}"),
            "x: ring_hash_lb_config.minimum_ring_size: ring hash: minimum_ring_size (10) > "
            "maximum_ring_size (5)");
  EXPECT_EQ(ErrorOf("{lb_policy: RING_HASH, ring_hash_lb_config: {minimum_ring_size: 8388609}}"),
            "x: ring_hash_lb_config.minimum_ring_size: value must be inside range [0, 8388608]");
  for (const int size : {0, 1, 4, 65536, 5000009}) {
    EXPECT_EQ(
        ErrorOf(absl::StrFormat("{lb_policy: MAGLEV, maglev_lb_config: {table_size: %d}}", size)),
        "x: maglev_lb_config.table_size: the table size of maglev must be a prime number")
        << size;
  }
  EXPECT_EQ(ErrorOf("{lb_policy: MAGLEV, maglev_lb_config: {table_size: 5000012}}"),
            "x: maglev_lb_config.table_size: value must be inside range [0, 5000011]");
  EXPECT_EQ(ErrorOf("common_lb_config: {healthy_panic_threshold: {value: 101}}"),
            "x: common_lb_config.healthy_panic_threshold: value must be inside range [0, 100]");
  EXPECT_EQ(ErrorOf("lb_policy: LOAD_BALANCING_POLICY_CONFIG"),
            "x: load_balancing_policy: value is required");
  EXPECT_EQ(ErrorOf("{lb_policy: RING_HASH, common_lb_config: {consistent_hashing_lb_config: "
                    "{use_hostname_for_hashing: true}}}"),
            "x: common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing: hosts of "
            "a cluster of type STATIC have no hostname to hash");
}

TEST(LoadBalancingTest, RefusesWhatWouldSteerOtherwise) {
  EXPECT_EQ(ErrorOf("lb_policy: CLUSTER_PROVIDED"),
            "x: lb_policy: CLUSTER_PROVIDED is not supported yet");
  EXPECT_EQ(ErrorOf("{lb_policy: RING_HASH, common_lb_config: {consistent_hashing_lb_config: "
                    "{hash_balance_factor: 150}}}"),
            "x: common_lb_config.consistent_hashing_lb_config.hash_balance_factor: not supported "
            "yet");
  EXPECT_EQ(ErrorOf(Typed("ring_hash", "RingHash", "hash_balance_factor: 150")),
            "x: load_balancing_policy.policies[0].typed_extension_config.typed_config."
            "hash_balance_factor: not supported yet");
  EXPECT_EQ(ErrorOf("round_robin_lb_config: {slow_start_config: {}}"),
            "x: round_robin_lb_config.slow_start_config: not supported yet");
  EXPECT_EQ(ErrorOf("common_lb_config: {zone_aware_lb_config: {fail_traffic_on_panic: true}}"),
            "x: common_lb_config.zone_aware_lb_config.fail_traffic_on_panic: not supported yet");
  EXPECT_EQ(ErrorOf("common_lb_config: {close_connections_on_host_set_change: true}"),
            "x: common_lb_config.close_connections_on_host_set_change: not supported yet");
}

TEST(LoadBalancingTest, LocalitiesHoldWhereTheySteerNothing) {
  const std::string weighted = "common_lb_config: {locality_weighted_lb_config: {}}";
  const auto assignment = [](std::string_view endpoints) {
    return absl::StrFormat(", load_assignment: {cluster_name: x, endpoints: [%s]}", endpoints);
  };
  EXPECT_EQ(Good("common_lb_config: {zone_aware_lb_config: {min_cluster_size: 3}}"), LbOptions());
  Good("{" + weighted + "}");
  Good("{" + weighted + assignment("{load_balancing_weight: 3}") + "}");
  Good("{" + weighted + assignment("{}, {}") + "}");
  const std::string error =
      "x: common_lb_config.locality_weighted_lb_config: balancing by the weights of localities is "
      "not supported yet";
  EXPECT_EQ(ErrorOf("{" + weighted + assignment("{load_balancing_weight: 3}, {}") + "}"), error);
  // Envoy's hash policies leave a locality without a weight out.
  Good("{lb_policy: MAGLEV, " + weighted + assignment("{load_balancing_weight: 3}") + "}");
  EXPECT_EQ(ErrorOf("{lb_policy: MAGLEV, " + weighted + assignment("{}") + "}"), error);
}

}  // namespace
}  // namespace outrigger::control
