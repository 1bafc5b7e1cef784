// filters.h: the HTTP filters of a connection manager, and what routes say about them, as the data
// plane reads them. What a filter does is proxy/filters'.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace outrigger::proxy {

class Filter;
struct FilterKind;

// A filter's name in its chain, interned by the control side: routes refer to filters by name, and
// no request compares strings for that.
using FilterName = uint32_t;

// http_connection_manager.v3.HttpFilter
struct ChainedFilter {
  FilterName name = 0;
  const FilterKind* kind = nullptr;
  std::shared_ptr<const Filter> filter;
  bool disabled = false;  // unless a route enables it
};
// In the order of the request's way. The router, which is always the last, is not in it.
using FilterChain = std::vector<ChainedFilter>;

// What a route may set for one kind of filter; a filter derives its own.
struct FilterSettings {
  explicit FilterSettings(const FilterKind& of) : kind(of) {}
  virtual ~FilterSettings() = default;
  // Settings under the name of a filter of another kind concern nobody.
  const FilterKind& kind;
};

// An entry of typed_per_filter_config. That it is there enables the filter, or disables it.
struct FilterOverride {
  FilterName name = 0;
  bool disabled = false;
  std::shared_ptr<const FilterSettings> settings;  // null: the chain's own
};
// Of the route table, the virtual host, the route and the weighted cluster in one, by name; the
// most specific wins.
using FilterOverrides = std::vector<FilterOverride>;

}  // namespace outrigger::proxy
