#include "proxy/cluster/lb/ring_hash.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "proxy/cluster/lb/hash.h"

namespace outrigger::proxy {

std::vector<RingPoint> MakeRing(const HostSet& set, const LbOptions& options) {
  std::vector<RingPoint> ring;
  if (set.preferred.empty()) return ring;
  double sum = 0;
  for (const uint32_t host : set.preferred) sum += set.hosts[host]->weight;
  double least = 1.0;
  for (const uint32_t host : set.preferred) least = std::min(least, set.hosts[host]->weight / sum);
  // The lightest host gets a whole number of points, if the largest ring has room for that.
  const double scale =
      std::min(std::ceil(least * static_cast<double>(options.min_ring_size)) / least,
               static_cast<double>(options.max_ring_size));
  ring.reserve(static_cast<size_t>(std::ceil(scale)));
  // Shares that are no whole numbers: the running sums even them out.
  double made = 0, due = 0;
  for (const uint32_t host : set.preferred) {
    std::string key(HashKey(*set.hosts[host], options));
    key += '_';
    const size_t stem = key.size();
    due += scale * (set.hosts[host]->weight / sum);
    for (uint64_t i = 0; made < due; ++i, ++made) {
      key.resize(stem);
      key += std::to_string(i);
      const bool murmur = options.hash_function == LbOptions::HashFunction::kMurmurHash2;
      ring.push_back({murmur ? MurmurHash2(key) : XxHash(key), host});
    }
  }
  std::sort(ring.begin(), ring.end(),
            [](const RingPoint& a, const RingPoint& b) { return a.hash < b.hash; });
  return ring;
}

std::optional<uint32_t> RingHash::PickOnce(const PickCriteria& context, uint32_t attempt) {
  const std::vector<RingPoint>& ring = hosts().ring;
  // Hosts of before the policy changed have no table; those to come do.
  if (ring.empty()) return PickAny(hosts().preferred, context.random);
  const uint64_t hash = context.hash ? *context.hash : context.random.Next();
  const auto point = std::lower_bound(ring.begin(), ring.end(), hash,
                                      [](const RingPoint& a, uint64_t b) { return a.hash < b; });
  // Past the end is the beginning again. A further attempt goes on along the ring.
  const auto place = static_cast<size_t>(point - ring.begin()) + attempt;
  return ring[place % ring.size()].host;
}

}  // namespace outrigger::proxy
