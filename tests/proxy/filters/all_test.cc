#include "proxy/filters/all.h"

#include <gtest/gtest.h>

#include <set>

namespace outrigger::proxy {
namespace {

TEST(AllFiltersTest, EachIsFoundByATypeOfItsOwn) {
  std::set<std::string_view> types;
  for (const FilterKind* kind : AllFilters()) {
    EXPECT_TRUE(kind->name.starts_with("envoy.filters.http.")) << kind->name;
    EXPECT_TRUE(types.insert(kind->config_type).second) << kind->config_type;
    EXPECT_NE(kind->make, nullptr) << kind->name;
    EXPECT_EQ(kind->settings_type.empty(), kind->make_settings == nullptr) << kind->name;
  }
}

}  // namespace
}  // namespace outrigger::proxy
