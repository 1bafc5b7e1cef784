// name_map.h: hash maps by name, for look-ups that requests make.
#pragma once

#include <xxhash.h>

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace outrigger::proxy {

// Names come from configuration, not from requests: no seed.
struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return XXH3_64bits(name.data(), name.size()); }
};

// The name lives in (or as long as) the value.
template <typename Value>
using NameMap = absl::flat_hash_map<std::string_view, Value, NameHash, std::equal_to<>>;
template <typename Value>
using OwnedNameMap = absl::flat_hash_map<std::string, Value, NameHash, std::equal_to<>>;

}  // namespace outrigger::proxy
