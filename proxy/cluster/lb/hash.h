// hash.h: the hashes that consistent-hash tables are made with, and what is hashed of a host. They
// are Envoy's, bit by bit: proxies of both kinds send a key to the same host.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/snapshot/cluster.h"

namespace outrigger::proxy {

uint64_t XxHash(std::string_view key, uint64_t seed = 0);
// MurmurHash2 of 64 bits with the seed that libstdc++ uses.
uint64_t MurmurHash2(std::string_view key);

// envoy.lb's hash_key of the endpoint's metadata, else its host name or its address.
std::string_view HashKey(const Host& host, const LbOptions& options);

}  // namespace outrigger::proxy
