// config.h: the policy of the cors filter, extensions.filters.http.cors.v3.CorsPolicy. Only routes
// have one; the chain's message is empty.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/filters/filter_kind.h"
#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy::cors {

extern const FilterKind kKind;

// Unset fields are those of the level around, where that has a policy.
// Thread-safety: immutable.
struct Policy final : FilterSettings {
  Policy() : FilterSettings(kKind) {}

  std::vector<StringMatcher> allow_origins;
  std::string allow_methods;  // empty: unset, as the next ones
  std::string allow_headers;
  std::string expose_headers;
  std::string max_age;
  std::optional<bool> allow_credentials;
  std::optional<bool> allow_private_network_access;
  std::optional<bool> forward_not_matching_preflights;
  Fraction enabled{100, 100};  // of the most specific policy alone, as shadow
  Fraction shadow;
};

// `specific`, with the fields of `general` where it has none.
std::shared_ptr<const FilterSettings> Combine(const FilterSettings& specific,
                                              const FilterSettings& general);

}  // namespace outrigger::proxy::cors
