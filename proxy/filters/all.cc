#include "proxy/filters/all.h"

#include "proxy/filters/cors/config.h"
#include "proxy/filters/fault/config.h"
#include "proxy/filters/local_ratelimit/config.h"

namespace outrigger::proxy {

std::span<const FilterKind* const> AllFilters() {
  static constexpr const FilterKind* kAll[] = {
      &cors::kKind,
      &fault::kKind,
      &local_ratelimit::kKind,
  };
  return kAll;
}

}  // namespace outrigger::proxy
