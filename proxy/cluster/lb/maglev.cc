#include "proxy/cluster/lb/maglev.h"

#include <algorithm>
#include <limits>

#include "proxy/cluster/lb/hash.h"

namespace outrigger::proxy {
namespace {

constexpr uint32_t kFree = std::numeric_limits<uint32_t>::max();

// One host at its work: the places of the table in its own order.
struct Filler {
  std::string_view key;
  uint32_t host;
  double weight;  // the sum is 1
  double target = 0;
  uint64_t place = 0;
  uint64_t skip = 0;
};

std::vector<Filler> MakeFillers(const HostSet& set, const LbOptions& options) {
  double sum = 0;
  for (const uint32_t host : set.preferred) sum += set.hosts[host]->weight;
  std::vector<Filler> fillers;
  for (const uint32_t host : set.preferred) {
    const std::string_view key = HashKey(*set.hosts[host], options);
    Filler filler{key, host, set.hosts[host]->weight / sum};
    filler.place = XxHash(key) % options.table_size;
    filler.skip = XxHash(key, 1) % (options.table_size - 1) + 1;
    fillers.push_back(filler);
  }
  // The order of the configuration must not matter.
  std::stable_sort(fillers.begin(), fillers.end(),
                   [](const Filler& a, const Filler& b) { return a.key < b.key; });
  return fillers;
}

}  // namespace

std::vector<uint32_t> MakeMaglevTable(const HostSet& set, const LbOptions& options) {
  if (set.preferred.empty()) return {};
  std::vector<Filler> fillers = MakeFillers(set, options);
  double heaviest = 0;
  for (const Filler& filler : fillers) heaviest = std::max(heaviest, filler.weight);
  std::vector<uint32_t> table(options.table_size, kFree);
  size_t filled = 0;
  for (uint32_t round = 1; filled < table.size(); ++round) {
    for (Filler& filler : fillers) {
      if (filled == table.size()) break;
      // The heaviest host takes a place in each round, one of a third of its weight in every third.
      if (round * filler.weight < filler.target) continue;
      filler.target += heaviest;
      while (table[filler.place] != kFree) {
        filler.place = (filler.place + filler.skip) % table.size();
      }
      table[filler.place] = filler.host;
      ++filled;
    }
  }
  return table;
}

std::optional<uint32_t> Maglev::PickOnce(const PickCriteria& context, uint32_t attempt) {
  const std::vector<uint32_t>& table = hosts().maglev;
  // Hosts of before the policy changed have no table; those to come do.
  if (table.empty()) return PickAny(hosts().preferred, context.random);
  uint64_t hash = context.hash ? *context.hash : context.random.Next();
  // Most bits change, so that the retries of one host spread over the others.
  if (attempt > 0) hash ^= ~uint64_t{0} - attempt + 1;
  return table[hash % table.size()];
}

}  // namespace outrigger::proxy
