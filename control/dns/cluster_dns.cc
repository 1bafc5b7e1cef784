#include "control/dns/cluster_dns.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/lb/host_set.h"
#include "scheduler/base/log.h"

namespace outrigger::control {
namespace {

using proxy::Cluster;
using proxy::Host;
using proxy::HostSet;
using scheduler::kSecond;
using scheduler::MutexLock;
using scheduler::Nanos;
using scheduler::Task;
using scheduler::Wake;

// Of one look-up, all its tries together.
constexpr Nanos kLookupTimeout = 10 * kSecond;
// A record with a tiny TTL must not turn into a busy loop.
constexpr Nanos kLeastTtl = 1 * kSecond;

Nanos AfterSuccess(const Cluster& cluster, const DnsAnswer& answer) {
  if (!cluster.respect_dns_ttl || answer.ips.empty() || answer.ttl == 0) return cluster.dns_refresh;
  return std::max(answer.ttl, kLeastTtl);
}

// `failures` is at least 1.
Nanos AfterFailure(const Cluster& cluster, uint32_t failures) {
  if (cluster.dns_failure_refresh == 0) return cluster.dns_refresh;
  Nanos pause = cluster.dns_failure_refresh;
  for (uint32_t i = 1; i < failures && pause < cluster.dns_failure_refresh_max; ++i) pause *= 2;
  return std::min(pause, std::max(cluster.dns_failure_refresh_max, cluster.dns_failure_refresh));
}

std::vector<proxy::Address> AddressesOf(const DnsAnswer& answer, uint32_t port) {
  std::vector<proxy::Address> addresses;
  for (const std::string& ip : answer.ips) {
    auto address = proxy::Address::Ip(ip, port);
    if (address.ok()) addresses.push_back(*std::move(address));
  }
  return addresses;
}

using HostsByAddress = std::map<std::string, std::shared_ptr<const Host>>;

HostsByAddress ByAddress(const HostSet* set) {
  HostsByAddress hosts;
  if (!set) return hosts;
  for (const auto& host : set->hosts) hosts.emplace(host->address.text, host);
  return hosts;
}

// The old host if it is the same in all that matters: its place in memory is what connections hang
// on.
std::shared_ptr<const Host> KeepOrMake(const HostsByAddress& old, const proxy::Address& address,
                                       const proxy::DnsName& name) {
  const std::string& hostname = name.hostname.empty() ? name.name : name.hostname;
  if (const auto it = old.find(address.text); it != old.end()) {
    const Host& host = *it->second;
    if (host.weight == name.weight && host.hostname == hostname && host.health == name.health &&
        host.hash_key == name.hash_key) {
      return it->second;
    }
  }
  return std::make_shared<Host>(Host{address, hostname, name.weight, name.health, name.hash_key});
}

}  // namespace

ClusterDns::ClusterDns(scheduler::Pool& pool, Resolver& resolver, Publisher& publisher,
                       proxy::StatRegistry& stats)
    : pool_(pool), resolver_(resolver), publisher_(publisher), stats_(stats) {}

void ClusterDns::Update(const proxy::Snapshot& snapshot) {
  {
    MutexLock lock(mutex_);
    std::map<std::string, std::shared_ptr<Watch>> before = std::exchange(watches_, {});
    for (const auto& [key, cluster] : snapshot.clusters) {
      if (cluster->type == Cluster::Type::kStatic) continue;
      const std::string& name = cluster->name;
      const auto old = before.find(name);
      if (old == before.end()) {
        watches_.emplace(name, Start(cluster, nullptr));
      } else if (old->second->cluster == cluster) {
        watches_.insert(before.extract(old));
      } else {
        watches_.emplace(name, Start(cluster, old->second.get()));
      }
    }
    for (const auto& [name, watch] : before) Retire(*watch);
  }
  Notify();
}

std::shared_ptr<ClusterDns::Watch> ClusterDns::Start(std::shared_ptr<const Cluster> cluster,
                                                     const Watch* before) {
  auto watch = std::make_shared<Watch>();
  const size_t count = cluster->dns_names.size();
  watch->cluster = std::move(cluster);
  watch->names.resize(count);
  watch->untried = count;
  // The publisher left the old hosts in place for the changed cluster; hosts that stay keep their
  // connections.
  if (before && before->hosts) {
    watch->hosts = before->hosts;
    watch->inherited = true;
    // The tables of another policy are of no use to this one.
    if (!(before->cluster->lb == watch->cluster->lb)) {
      watch->hosts = proxy::MakeHostSet(before->hosts->hosts, watch->cluster->lb);
      publisher_.PublishHosts({watch->cluster->name, watch->hosts});
    }
  }
  if (count == 0) PublishIfChanged(*watch);
  for (size_t i = 0; i < count; ++i) {
    watch->names[i].g = pool_.Go("cluster dns", Refresh(*this, watch, i));
  }
  return watch;
}

void ClusterDns::Retire(Watch& watch) {
  watch.retired = true;
  for (Name& name : watch.names) name.g.Cancel();
}

Task<> ClusterDns::Refresh(ClusterDns& self, std::shared_ptr<Watch> watch, size_t index) {
  const Cluster& cluster = *watch->cluster;
  while (true) {
    self.stats_.Inc(cluster.stats.update_attempt);
    const absl::StatusOr<DnsAnswer> answer = co_await self.resolver_.Resolve(
        cluster.dns_names[index].name, cluster.dns_family, kLookupTimeout);
    if (absl::IsCancelled(answer.status())) co_return;
    const Nanos pause = self.Apply(*watch, index, answer);
    self.Notify();
    if (co_await scheduler::Sleep(pause) == Wake::kCancelled) co_return;
  }
}

Nanos ClusterDns::Apply(Watch& watch, size_t index, const absl::StatusOr<DnsAnswer>& answer) {
  MutexLock lock(mutex_);
  // Its successor publishes now. The sleep that follows sees the cancellation.
  if (watch.retired) return 0;
  const Cluster& cluster = *watch.cluster;
  Name& name = watch.names[index];
  if (!std::exchange(name.tried, true)) --watch.untried;

  // One that has a host keeps it rather than to have none, and Envoy calls that a failure.
  const bool logical = cluster.type == Cluster::Type::kLogicalDns;
  const bool good = answer.ok() && !(logical && answer->ips.empty());
  if (good) {
    name.failures = 0;
    stats_.Inc(cluster.stats.update_success);
    if (answer->ips.empty()) stats_.Inc(cluster.stats.update_empty);
    name.addresses = AddressesOf(*answer, cluster.dns_names[index].port);
  } else {
    if (++name.failures == 1) {
      OUTRIGGER_LOG(kWarning, "dns", "cluster \"%s\" keeps its hosts: %s", cluster.name,
                    answer.ok() ? "its name has no address" : answer.status().message());
    }
    stats_.Inc(cluster.stats.update_failure);
  }
  if (watch.untried == 0 && (watch.inherited || !watch.hosts)) {
    // From here on the hosts are what this cluster's own names gave, even if that is nothing.
    watch.inherited = false;
    PublishIfChanged(watch);
  } else if (good && !watch.inherited) {
    PublishIfChanged(watch);
  }
  if (!good) return AfterFailure(cluster, name.failures);
  const Nanos pause = AfterSuccess(cluster, *answer);
  if (cluster.dns_jitter == 0) return pause;
  return pause + static_cast<Nanos>(random_.Below(static_cast<uint64_t>(cluster.dns_jitter)));
}

void ClusterDns::PublishIfChanged(Watch& watch) {
  const Cluster& cluster = *watch.cluster;
  const HostsByAddress old = ByAddress(watch.hosts.get());
  HostsByAddress seen;
  std::vector<std::shared_ptr<const Host>> hosts;
  bool changed = watch.hosts == nullptr;
  for (size_t i = 0; i < watch.names.size(); ++i) {
    for (const proxy::Address& address : watch.names[i].addresses) {
      // The first one, wherever the others are.
      if (cluster.type == Cluster::Type::kLogicalDns && !hosts.empty()) break;
      if (seen.contains(address.text)) continue;
      std::shared_ptr<const Host> host = KeepOrMake(old, address, cluster.dns_names[i]);
      const auto it = old.find(address.text);
      changed |= it == old.end() || it->second != host;
      seen.emplace(address.text, host);
      hosts.push_back(std::move(host));
    }
  }
  // Servers rotate their records: the same hosts in another order are no change.
  changed |= hosts.size() != old.size();
  if (!changed) {
    stats_.Inc(cluster.stats.update_no_rebuild);
    return;
  }
  watch.hosts = proxy::MakeHostSet(std::move(hosts), cluster.lb);
  publisher_.PublishHosts({cluster.name, watch.hosts});
}

bool ClusterDns::Initialised() const {
  return std::all_of(watches_.begin(), watches_.end(), [](const auto& entry) {
    return !entry.second->cluster->wait_for_warm || entry.second->untried == 0;
  });
}

void ClusterDns::WhenInitialised(Nanos bound, std::function<void()> done) {
  {
    MutexLock lock(mutex_);
    when_initialised_ = std::move(done);
    expire_ = pool_.Go("cluster dns bound", Expire(*this, bound));
  }
  Notify();
}

Task<> ClusterDns::Expire(ClusterDns& self, Nanos bound) {
  if (co_await scheduler::Sleep(bound) == Wake::kCancelled) co_return;
  std::function<void()> done;
  {
    MutexLock lock(self.mutex_);
    done = std::exchange(self.when_initialised_, nullptr);
  }
  if (!done) co_return;
  OUTRIGGER_LOG(kWarning, "dns", "starting although some clusters were not resolved in %d ms",
                bound / scheduler::kMillisecond);
  done();
}

void ClusterDns::Notify() {
  std::function<void()> done;
  {
    MutexLock lock(mutex_);
    if (!when_initialised_ || !Initialised()) return;
    done = std::exchange(when_initialised_, nullptr);
    expire_.Cancel();
  }
  done();
}

}  // namespace outrigger::control
