// hosts.h: host sets for the tests of load balancers, and what a balancer picks of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/cluster/lb/host_set.h"
#include "proxy/cluster/lb/load_balancer.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {

// "10.0.0.1:80", "10.0.0.2:80", ...: one of each weight.
inline std::vector<std::shared_ptr<const Host>> HostsOf(const std::vector<uint32_t>& weights) {
  std::vector<std::shared_ptr<const Host>> hosts;
  for (const uint32_t weight : weights) {
    auto host = std::make_shared<Host>();
    host->address = *Address::Parse(scheduler::Concat("10.0.0.", hosts.size() + 1, ":80"));
    host->weight = weight;
    hosts.push_back(std::move(host));
  }
  return hosts;
}

inline std::vector<std::shared_ptr<const Host>> WithHealth(
    const std::vector<Host::Health>& healths) {
  std::vector<std::shared_ptr<const Host>> hosts =
      HostsOf(std::vector<uint32_t>(healths.size(), 1));
  for (size_t i = 0; i < hosts.size(); ++i) {
    auto host = std::make_shared<Host>();
    host->address = hosts[i]->address;
    host->health = healths[i];
    hosts[i] = std::move(host);
  }
  return hosts;
}

// A balancer as a worker has it, with a known sequence of random numbers.
class Balanced {
 public:
  Balanced(const LbOptions& options, std::vector<std::shared_ptr<const Host>> hosts,
           uint32_t seed = 0)
      : options_(options), balancer_(LoadBalancer::Make(options, seed)) {
    SetHosts(std::move(hosts));
  }
  void SetHosts(std::vector<std::shared_ptr<const Host>> hosts) {
    set = MakeHostSet(std::move(hosts), options_);
    LoadBalancer::Counters counters;
    for (const auto& host : set->hosts) counters.push_back(&host->counters.Of(0));
    balancer_->SetHosts(set, std::move(counters));
  }

  std::optional<uint32_t> Pick() { return balancer_->Pick({random}); }
  std::optional<uint32_t> PickFor(uint64_t hash) {
    return balancer_->Pick({.random = random, .hash = hash});
  }
  std::optional<uint32_t> PickOther(std::vector<std::shared_ptr<const Host>> avoid,
                                    uint32_t attempts,
                                    std::optional<uint64_t> hash = std::nullopt) {
    return balancer_->Pick({random, hash, avoid, attempts});
  }
  // "abca": the hosts of so many picks by their place; '-': none.
  std::string Picks(int count) {
    std::string picks;
    for (int i = 0; i < count; ++i) {
      const std::optional<uint32_t> host = Pick();
      picks += host ? static_cast<char>('a' + *host) : '-';
    }
    return picks;
  }
  std::map<uint32_t, int> Shares(int count) {
    std::map<uint32_t, int> shares;
    for (int i = 0; i < count; ++i) ++shares[Pick().value()];
    return shares;
  }
  // So many requests more are under way to a host.
  void AddActive(uint32_t host, int count) {
    HostCounters::Add(set->hosts[host]->counters.Of(0).rq_active, count);
  }

  std::shared_ptr<const HostSet> set;
  Random random{Random::Seed{1}};

 private:
  const LbOptions options_;
  std::unique_ptr<LoadBalancer> balancer_;
};

}  // namespace outrigger::proxy
