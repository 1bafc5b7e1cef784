// resource_test.h: what the tests of control/resources and control/assembly share: protos from
// YAML, and what parsers need beside them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "control/bootstrap/known_types.h"
#include "control/bootstrap/proto_from_yaml.h"
#include "control/resources/core.h"
#include "proxy/filters/all.h"
#include "scheduler/pool.h"

namespace outrigger::control {

template <typename Proto>
Proto FromYaml(std::string_view yaml) {
  LinkKnownTypes();
  Proto proto;
  const absl::StatusOr<YamlNode> node = ParseYaml(yaml, "test.yaml");
  EXPECT_TRUE(node.ok()) << node.status();
  if (node.ok()) {
    const absl::Status status = ProtoFromYaml(*node, "test.yaml", proto);
    EXPECT_TRUE(status.ok()) << status << "\n" << yaml;
  }
  return proto;
}

inline std::string Message(const absl::Status& status) {
  return status.ok() ? "no error" : std::string(status.message());
}

// A text in which each `$name` is replaced.
inline std::string Replace(std::string text, std::string_view name, std::string_view value) {
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
    text.replace(at, name.size(), value);
    at += value.size();
  }
  return text;
}

class ResourceTest : public ::testing::Test {
 protected:
  ResourceTest()
      : pool_({.name = "control",
               .policy = scheduler::Policy::kStealing,
               .affinity = std::vector<scheduler::CpuSet>(1)}),
        files_(pool_, {}),
        inputs_{stats_, files_, warnings_, proxy::AllFilters(), filter_names_} {}
  ~ResourceTest() override { pool_.Stop(); }

  proxy::StatRegistry stats_;
  scheduler::Pool pool_;
  proxy::AccessLogFiles files_;
  std::vector<std::string> warnings_;
  FilterNames filter_names_;
  ResourceInputs inputs_;
};

// The inputs alone, for functions outside of a fixture.
struct FreeInputs final : ResourceTest {
  void TestBody() override {}
  using ResourceTest::inputs_;
};

}  // namespace outrigger::control
