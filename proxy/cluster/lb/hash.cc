#include "proxy/cluster/lb/hash.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

namespace outrigger::proxy {

static_assert(std::endian::native == std::endian::little);

uint64_t XxHash(std::string_view key, uint64_t seed) { return XXH64(key.data(), key.size(), seed); }

// Austin Appleby's MurmurHash64A (public domain), with libstdc++'s mixing of each word.
uint64_t MurmurHash2(std::string_view key) {
  constexpr uint64_t kSeed = 0xc70f6907;
  constexpr uint64_t kMul = 0xc6a4a7935bd1e995;
  const auto mix = [](uint64_t word) { return word ^ (word >> 47); };
  uint64_t hash = kSeed ^ (key.size() * kMul);
  while (key.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, key.data(), 8);
    hash = (hash ^ (mix(word * kMul) * kMul)) * kMul;
    key.remove_prefix(8);
  }
  if (!key.empty()) {
    uint64_t word = 0;
    std::memcpy(&word, key.data(), key.size());
    hash = (hash ^ word) * kMul;
  }
  return mix(mix(hash) * kMul);
}

std::string_view HashKey(const Host& host, const LbOptions& options) {
  if (!host.hash_key.empty()) return host.hash_key;
  return options.use_hostname_for_hashing ? host.hostname : host.address.text;
}

}  // namespace outrigger::proxy
