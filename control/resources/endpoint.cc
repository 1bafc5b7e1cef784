#include "control/resources/endpoint.h"

#include <limits>
#include <memory>
#include <utility>

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace endpoint = envoy::config::endpoint::v3;
using proxy::Cluster;
using proxy::Host;
using proxy::HostSet;

absl::Status CheckHealth(core::HealthStatus status, const FieldPath& path) {
  if (status == core::UNKNOWN || status == core::HEALTHY) return absl::OkStatus();
  return path.NotSupported("a health status other than HEALTHY or UNKNOWN", "");
}

absl::Status AddDnsName(const endpoint::Endpoint& proto, uint32_t weight, const FieldPath& path,
                        Cluster& to) {
  if (!proto.address().has_socket_address()) {
    return path["address"].Error("socket_address is required in a cluster of type STRICT_DNS");
  }
  OUTRIGGER_ASSIGN_OR_RETURN(NamedPort named, ParseSocketAddress(proto.address().socket_address(),
                                                                 path["address.socket_address"]));
  to.dns_names.push_back({std::move(named.name), proto.hostname(), named.port, weight});
  return absl::OkStatus();
}

absl::Status AddHost(const endpoint::Endpoint& proto, uint32_t weight, const FieldPath& path,
                     HostSet& to) {
  OUTRIGGER_ASSIGN_OR_RETURN(proxy::Address address,
                             ParseAddress(proto.address(), path["address"]));
  to.hosts.push_back(std::make_shared<Host>(Host{std::move(address), proto.hostname(), weight}));
  return absl::OkStatus();
}

absl::Status ParseLbEndpoint(const endpoint::LbEndpoint& proto, const FieldPath& path,
                             uint64_t& weight_sum, HostSet& hosts, Cluster& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"endpoint", "health_status", "metadata", "load_balancing_weight"}));
  if (!proto.has_endpoint()) return path["endpoint"].Error("value is required");
  OUTRIGGER_RETURN_IF_ERROR(CheckHealth(proto.health_status(), path["health_status"]));
  uint32_t weight = 1;
  OUTRIGGER_READ(proto, path, load_balancing_weight, weight, 1);
  weight_sum += weight;
  const FieldPath host = path["endpoint"];
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.endpoint(), host, {"address", "hostname"}));
  if (to.type == Cluster::Type::kStrictDns) return AddDnsName(proto.endpoint(), weight, host, to);
  return AddHost(proto.endpoint(), weight, host, hosts);
}

absl::Status ParseLocality(const endpoint::LocalityLbEndpoints& proto, const FieldPath& path,
                           HostSet& hosts, Cluster& to) {
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
  auto hosts = std::make_shared<HostSet>();
  for (int i = 0; i < proto.endpoints_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseLocality(proto.endpoints(i), path.At("endpoints", i), *hosts, to));
  }
  if (to.type == Cluster::Type::kStatic) to.hosts = std::move(hosts);
  return absl::OkStatus();
}

}  // namespace outrigger::control
