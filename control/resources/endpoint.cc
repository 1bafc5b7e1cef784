#include "control/resources/endpoint.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/cluster/lb/host_set.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace endpoint = envoy::config::endpoint::v3;
using proxy::Cluster;
using proxy::Host;
using Hosts = std::vector<std::shared_ptr<const Host>>;

// What does not depend on where the endpoint is.
struct Traits {
  uint32_t weight = 1;
  Host::Health health = Host::Health::kHealthy;
  std::string hash_key;
};

// Envoy: TIMEOUT is a health check of the control plane's that had no answer.
Host::Health ToHealth(core::HealthStatus status) {
  switch (status) {
    case core::UNHEALTHY:
    case core::TIMEOUT:
      return Host::Health::kUnhealthy;
    case core::DRAINING:
      return Host::Health::kDraining;
    case core::DEGRADED:
      return Host::Health::kDegraded;
    default:
      return Host::Health::kHealthy;
  }
}

std::string HashKeyOf(const core::Metadata& metadata) {
  const auto lb = metadata.filter_metadata().find("envoy.lb");
  if (lb == metadata.filter_metadata().end()) return "";
  const auto key = lb->second.fields().find("hash_key");
  return key == lb->second.fields().end() ? "" : key->second.string_value();
}

absl::Status AddDnsName(const endpoint::Endpoint& proto, Traits traits, const FieldPath& path,
                        Cluster& to) {
  if (!proto.address().has_socket_address()) {
    return path["address"].Error("socket_address is required in a cluster of a DNS type");
  }
  OUTRIGGER_ASSIGN_OR_RETURN(NamedPort named, ParseSocketAddress(proto.address().socket_address(),
                                                                 path["address.socket_address"]));
  to.dns_names.push_back({std::move(named.name), proto.hostname(), named.port, traits.weight,
                          traits.health, std::move(traits.hash_key)});
  return absl::OkStatus();
}

absl::Status AddHost(const endpoint::Endpoint& proto, Traits traits, const FieldPath& path,
                     Hosts& to) {
  OUTRIGGER_ASSIGN_OR_RETURN(proxy::Address address,
                             ParseAddress(proto.address(), path["address"]));
  to.push_back(std::make_shared<Host>(Host{std::move(address), proto.hostname(), traits.weight,
                                           traits.health, std::move(traits.hash_key)}));
  return absl::OkStatus();
}

absl::Status ParseLbEndpoint(const endpoint::LbEndpoint& proto, const FieldPath& path,
                             uint64_t& weight_sum, Hosts& hosts, Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"endpoint", "health_status", "metadata", "load_balancing_weight"}));
  if (!proto.has_endpoint()) return path["endpoint"].Error("value is required");
  if (!core::HealthStatus_IsValid(proto.health_status())) {
    return path["health_status"].Error("value must be one of the defined enum values");
  }
  Traits traits{1, ToHealth(proto.health_status()), HashKeyOf(proto.metadata())};
  OUTRIGGER_READ(proto, path, load_balancing_weight, traits.weight, 1);
  weight_sum += traits.weight;
  const FieldPath host = path["endpoint"];
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.endpoint(), host, {"address", "hostname"}));
  if (to.type != Cluster::Type::kStatic) {
    return AddDnsName(proto.endpoint(), std::move(traits), host, to);
  }
  return AddHost(proto.endpoint(), std::move(traits), host, hosts);
}

absl::Status ParseLocality(const endpoint::LocalityLbEndpoints& proto, const FieldPath& path,
                           Hosts& hosts, Cluster& to) {
  // The locality and its weight steer nothing in Envoy either, without locality weighted balancing.
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"locality", "lb_endpoints", "load_balancing_weight"}));
  uint32_t locality_weight = 1;
  OUTRIGGER_READ(proto, path, load_balancing_weight, locality_weight, 1);
  uint64_t weight_sum = 0;
  for (int i = 0; i < proto.lb_endpoints_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseLbEndpoint(proto.lb_endpoints(i), path.At("lb_endpoints", i), weight_sum, hosts, to));
  }
  if (weight_sum > std::numeric_limits<uint32_t>::max()) {
    return path["lb_endpoints"].Error(
        "the sum of weights of all endpoints in a locality exceeds 4294967295");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseLoadAssignment(const endpoint::ClusterLoadAssignment& proto,
                                 const FieldPath& path, Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"cluster_name", "endpoints"}));
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.cluster_name(), path["cluster_name"]));
  Hosts hosts;
  for (int i = 0; i < proto.endpoints_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseLocality(proto.endpoints(i), path.At("endpoints", i), hosts, to));
  }
  if (to.type == Cluster::Type::kStatic) to.hosts = proxy::MakeHostSet(std::move(hosts), to.lb);
  if (to.type != Cluster::Type::kLogicalDns || to.dns_names.size() == 1) return absl::OkStatus();
  return path["endpoints"].Error(
      "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint");
}

}  // namespace outrigger::control
