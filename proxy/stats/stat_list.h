// stat_list.h: makes of a list X(name, kind, help) a struct of handles that knows its rows. For
// scopes that one part of the proxy keeps to itself, such as a filter's; the others are scopes.h.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "proxy/stats/stats.h"

#define OUTRIGGER_STAT_MEMBER(name, Kind, help) Kind name;
#define OUTRIGGER_STAT_DESC(name, Kind, help) {#name, StatKind::k##Kind, help},
#define OUTRIGGER_STAT_TAKE(name, Kind, help) stats.name = Kind{slot++};

// `prefix`, `family` and `tags` as StatRegistry::AddScope() takes them.
#define OUTRIGGER_STAT_STRUCT(Struct, LIST)                                                      \
  struct Struct {                                                                                \
    LIST(OUTRIGGER_STAT_MEMBER)                                                                  \
    static Struct Make(StatRegistry& registry, std::string_view prefix, std::string_view family, \
                       std::vector<StatTag> tags) {                                              \
      static constexpr StatDesc kRows[] = {LIST(OUTRIGGER_STAT_DESC)};                           \
      Struct stats;                                                                              \
      uint32_t slot = registry.AddScope(prefix, family, std::move(tags), kRows);                 \
      if (slot == 0) return stats;                                                               \
      LIST(OUTRIGGER_STAT_TAKE)                                                                  \
      return stats;                                                                              \
    }                                                                                            \
  }
