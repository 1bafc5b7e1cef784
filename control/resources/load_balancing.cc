#include "control/resources/load_balancing.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb.h"
#include "envoy/extensions/load_balancing_policies/random/v3/random.pb.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb.h"
#include "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::cluster::v3;
namespace policies = envoy::extensions::load_balancing_policies;
using policies::least_request::v3::LeastRequest;
using policies::maglev::v3::Maglev;
using policies::ring_hash::v3::RingHash;
using policies::round_robin::v3::RoundRobin;
using proxy::LbOptions;
using Policy = LbOptions::Policy;
using RandomPolicy = policies::random::v3::Random;

constexpr uint64_t kMostRing = 8 << 20;
constexpr uint64_t kMostTable = 5000011;

bool IsPrime(uint64_t n) {
  if (n < 2) return false;
  for (uint64_t divisor = 2; divisor * divisor <= n; ++divisor) {
    if (n % divisor == 0) return false;
  }
  return true;
}

// What follows is said alike by the fields of a cluster and by the messages of the extensions.

template <typename Config>
absl::Status ReadLeastRequest(const Config& proto, const FieldPath& path, LbOptions& to) {
  to.policy = Policy::kLeastRequest;
  OUTRIGGER_READ(proto, path, choice_count, to.choice_count, 2);
  if (!proto.has_active_request_bias()) return absl::OkStatus();
  to.active_request_bias = proto.active_request_bias().default_value();
  if (to.active_request_bias >= 0) return absl::OkStatus();
  return path["active_request_bias.default_value"].Error(
      "value must be greater than or equal to 0");
}

template <typename Config>
absl::Status ReadRingHash(const Config& proto, const FieldPath& path, LbOptions& to) {
  to.policy = Policy::kRingHash;
  OUTRIGGER_READ(proto, path, minimum_ring_size, to.min_ring_size, 0, kMostRing);
  OUTRIGGER_READ(proto, path, maximum_ring_size, to.max_ring_size, 0, kMostRing);
  if (!Config::HashFunction_IsValid(proto.hash_function())) {
    return path["hash_function"].Error("value must be one of the defined enum values");
  }
  if (proto.hash_function() == Config::MURMUR_HASH_2) {
    to.hash_function = LbOptions::HashFunction::kMurmurHash2;
  }
  if (to.min_ring_size <= to.max_ring_size) return absl::OkStatus();
  return path["minimum_ring_size"].Error(
      absl::StrFormat("ring hash: minimum_ring_size (%d) > maximum_ring_size (%d)",
                      to.min_ring_size, to.max_ring_size));
}

template <typename Config>
absl::Status ReadMaglev(const Config& proto, const FieldPath& path, LbOptions& to) {
  to.policy = Policy::kMaglev;
  OUTRIGGER_READ(proto, path, table_size, to.table_size, 0, kMostTable);
  if (IsPrime(to.table_size)) return absl::OkStatus();
  return path["table_size"].Error("the table size of maglev must be a prime number");
}

template <typename Config>
absl::Status ReadConsistentHashing(const Config& proto, const FieldPath& path,
                                   const v3::Cluster& cluster, LbOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"use_hostname_for_hashing"}));
  if (proto.use_hostname_for_hashing() && cluster.type() == v3::Cluster::STATIC) {
    return path["use_hostname_for_hashing"].Error(
        "hosts of a cluster of type STATIC have no hostname to hash");
  }
  to.use_hostname_for_hashing |= proto.use_hostname_for_hashing();
  return absl::OkStatus();
}

// Weights of localities steer nothing while at most one of them has any. A hash policy would give
// nothing to a locality without a weight.
absl::Status CheckLocalityWeighted(const v3::Cluster& cluster, const FieldPath& path,
                                   Policy policy) {
  const auto& localities = cluster.load_assignment().endpoints();
  const auto weighs = [](const auto& locality) {
    return locality.load_balancing_weight().value() > 0;
  };
  const bool hashes = policy == Policy::kRingHash || policy == Policy::kMaglev;
  const bool steers =
      hashes ? localities.size() > 1 || !std::all_of(localities.begin(), localities.end(), weighs)
             : localities.size() > 1 && std::any_of(localities.begin(), localities.end(), weighs);
  if (!steers) return absl::OkStatus();
  return path["locality_weighted_lb_config"].NotSupported("balancing by the weights of localities",
                                                          "");
}

// Without a local cluster (cluster_manager.local_cluster_name) zones steer nothing.
template <typename Config>
absl::Status CheckZoneAware(const Config& proto, const FieldPath& path) {
  return AllowOnly(proto, path, {"routing_enabled", "min_cluster_size"});
}

absl::Status CheckLocality(const policies::common::v3::LocalityLbConfig& proto,
                           const FieldPath& path, const v3::Cluster& cluster, Policy policy) {
  if (proto.has_locality_weighted_lb_config()) return CheckLocalityWeighted(cluster, path, policy);
  return CheckZoneAware(proto.zone_aware_lb_config(), path["zone_aware_lb_config"]);
}

absl::Status ReadCommon(const v3::Cluster& cluster, const FieldPath& path, LbOptions& to) {
  const v3::Cluster::CommonLbConfig& proto = cluster.common_lb_config();
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"healthy_panic_threshold", "zone_aware_lb_config", "locality_weighted_lb_config",
                 "consistent_hashing_lb_config"}));
  if (proto.has_healthy_panic_threshold()) {
    const double percent = proto.healthy_panic_threshold().value();
    if (!(percent >= 0 && percent <= 100)) {
      return path["healthy_panic_threshold"].Error("value must be inside range [0, 100]");
    }
    to.healthy_panic_percent = static_cast<uint32_t>(std::lround(percent));
  }
  if (proto.has_locality_weighted_lb_config()) {
    OUTRIGGER_RETURN_IF_ERROR(CheckLocalityWeighted(cluster, path, to.policy));
  }
  OUTRIGGER_RETURN_IF_ERROR(
      CheckZoneAware(proto.zone_aware_lb_config(), path["zone_aware_lb_config"]));
  return ReadConsistentHashing(proto.consistent_hashing_lb_config(),
                               path["consistent_hashing_lb_config"], cluster, to);
}

absl::Status ReadTyped(const RoundRobin& proto, const FieldPath& path, const v3::Cluster& cluster,
                       LbOptions& to) {
  to.policy = Policy::kRoundRobin;
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"locality_lb_config"}));
  return CheckLocality(proto.locality_lb_config(), path["locality_lb_config"], cluster, to.policy);
}

absl::Status ReadTyped(const LeastRequest& proto, const FieldPath& path, const v3::Cluster& cluster,
                       LbOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"choice_count", "active_request_bias", "locality_lb_config"}));
  OUTRIGGER_RETURN_IF_ERROR(ReadLeastRequest(proto, path, to));
  return CheckLocality(proto.locality_lb_config(), path["locality_lb_config"], cluster, to.policy);
}

absl::Status ReadTyped(const RandomPolicy& proto, const FieldPath& path, const v3::Cluster& cluster,
                       LbOptions& to) {
  to.policy = Policy::kRandom;
  return CheckLocality(proto.locality_lb_config(), path["locality_lb_config"], cluster, to.policy);
}

absl::Status ReadTyped(const RingHash& proto, const FieldPath& path, const v3::Cluster& cluster,
                       LbOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"hash_function", "minimum_ring_size", "maximum_ring_size", "use_hostname_for_hashing",
       "consistent_hashing_lb_config", "locality_weighted_lb_config"}));
  OUTRIGGER_RETURN_IF_ERROR(ReadRingHash(proto, path, to));
  if (proto.has_locality_weighted_lb_config()) {
    OUTRIGGER_RETURN_IF_ERROR(CheckLocalityWeighted(cluster, path, to.policy));
  }
  policies::common::v3::ConsistentHashingLbConfig hashing = proto.consistent_hashing_lb_config();
  if (!proto.has_consistent_hashing_lb_config()) {
    hashing.set_use_hostname_for_hashing(proto.use_hostname_for_hashing());
  }
  return ReadConsistentHashing(hashing, path["consistent_hashing_lb_config"], cluster, to);
}

absl::Status ReadTyped(const Maglev& proto, const FieldPath& path, const v3::Cluster& cluster,
                       LbOptions& to) {
  OUTRIGGER_RETURN_IF_ERROR(ReadMaglev(proto, path, to));
  if (proto.has_locality_weighted_lb_config()) {
    OUTRIGGER_RETURN_IF_ERROR(CheckLocalityWeighted(cluster, path, to.policy));
  }
  return ReadConsistentHashing(proto.consistent_hashing_lb_config(),
                               path["consistent_hashing_lb_config"], cluster, to);
}

// Sets `known`, if the policy is a T.
template <typename T>
absl::Status TryTyped(const google::protobuf::Any& any, const FieldPath& path,
                      const v3::Cluster& cluster, LbOptions& to, bool& known) {
  if (known || !any.Is<T>()) return absl::OkStatus();
  known = true;
  OUTRIGGER_ASSIGN_OR_RETURN(const T proto, proxy::Unpack<T>(any, path));
  return ReadTyped(proto, path, cluster, to);
}

absl::Status ReadPolicies(const v3::Cluster& cluster, const FieldPath& path, LbOptions& to) {
  const auto& common = cluster.common_lb_config();
  if (common.has_zone_aware_lb_config() || common.has_locality_weighted_lb_config() ||
      common.has_consistent_hashing_lb_config()) {
    return path.Error(
        "load_balancing_policy cannot be combined with zone_aware_lb_config, "
        "locality_weighted_lb_config or consistent_hashing_lb_config of common_lb_config");
  }
  std::vector<std::string> names;
  for (int i = 0; i < cluster.load_balancing_policy().policies_size(); ++i) {
    const auto& extension = cluster.load_balancing_policy().policies(i).typed_extension_config();
    const FieldPath policy = path.At("policies", i);
    const FieldPath place = policy["typed_extension_config.typed_config"];
    const google::protobuf::Any& any = extension.typed_config();
    bool known = false;
    OUTRIGGER_RETURN_IF_ERROR(TryTyped<RoundRobin>(any, place, cluster, to, known));
    OUTRIGGER_RETURN_IF_ERROR(TryTyped<LeastRequest>(any, place, cluster, to, known));
    OUTRIGGER_RETURN_IF_ERROR(TryTyped<RandomPolicy>(any, place, cluster, to, known));
    OUTRIGGER_RETURN_IF_ERROR(TryTyped<RingHash>(any, place, cluster, to, known));
    OUTRIGGER_RETURN_IF_ERROR(TryTyped<Maglev>(any, place, cluster, to, known));
    if (known) return absl::OkStatus();
    names.push_back(extension.name());
  }
  return path["policies"].NotSupported(
      absl::StrFormat("none of the policies [%s]", absl::StrJoin(names, ", ")),
      "round_robin, least_request, random, ring_hash and maglev are");
}

absl::Status ReadEnum(const v3::Cluster& proto, const FieldPath& path, LbOptions& to) {
  switch (proto.lb_policy()) {
    case v3::Cluster::ROUND_ROBIN:
      to.policy = Policy::kRoundRobin;
      return AllowOnly(proto.round_robin_lb_config(), path["round_robin_lb_config"], {});
    case v3::Cluster::LEAST_REQUEST: {
      const FieldPath place = path["least_request_lb_config"];
      OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.least_request_lb_config(), place,
                                          {"choice_count", "active_request_bias"}));
      return ReadLeastRequest(proto.least_request_lb_config(), place, to);
    }
    case v3::Cluster::RANDOM:
      to.policy = Policy::kRandom;
      return absl::OkStatus();
    case v3::Cluster::RING_HASH:
      return ReadRingHash(proto.ring_hash_lb_config(), path["ring_hash_lb_config"], to);
    case v3::Cluster::MAGLEV:
      return ReadMaglev(proto.maglev_lb_config(), path["maglev_lb_config"], to);
    case v3::Cluster::LOAD_BALANCING_POLICY_CONFIG:
      return path["load_balancing_policy"].Error("value is required");
    default:
      return path["lb_policy"].NotSupported(v3::Cluster::LbPolicy_Name(proto.lb_policy()), "");
  }
}

}  // namespace

absl::Status ParseLoadBalancing(const v3::Cluster& proto, const FieldPath& path, LbOptions& to) {
  if (proto.has_load_balancing_policy()) {
    OUTRIGGER_RETURN_IF_ERROR(ReadPolicies(proto, path["load_balancing_policy"], to));
  } else {
    OUTRIGGER_RETURN_IF_ERROR(ReadEnum(proto, path, to));
  }
  return ReadCommon(proto, path["common_lb_config"], to);
}

}  // namespace outrigger::control
