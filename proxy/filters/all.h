// all.h: the one list of HTTP filters. control/process hands it to the parsers.
#pragma once

#include <span>

#include "proxy/filters/filter_kind.h"

namespace outrigger::proxy {

std::span<const FilterKind* const> AllFilters();

}  // namespace outrigger::proxy
