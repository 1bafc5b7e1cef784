#include "control/inject/sidecar.h"

#include <gtest/gtest.h>

#include <string>

namespace outrigger::control {
namespace {

absl::StatusOr<SidecarSettings> Read(std::string_view yaml) {
  const absl::StatusOr<YamlNode> node = ParseYaml(yaml, "test");
  if (!node.ok()) return node.status();
  return ReadAnnotations(*node);
}

std::string Error(std::string_view yaml) { return std::string(Read(yaml).status().message()); }

TEST(Annotations, EachAloneKeepsTheOthersDefaults) {
  const SidecarSettings defaults;
  auto settings = Read("outrigger.dev/proxy-cpu-request: 250m");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->cpu_request, "250m");
  EXPECT_EQ(settings->cpu_limit, defaults.cpu_limit);
  EXPECT_EQ(settings->memory_request, defaults.memory_request);
  EXPECT_EQ(settings->memory_limit, defaults.memory_limit);

  settings = Read("outrigger.dev/proxy-memory-limit: 1Gi");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->memory_limit, "1Gi");
  EXPECT_EQ(settings->memory_request, defaults.memory_request);
  EXPECT_EQ(settings->cpu_request, defaults.cpu_request);
}

TEST(Annotations, BadQuantityNamesTheAnnotationAndTheReason) {
  EXPECT_EQ(Error("outrigger.dev/proxy-cpu-limit: two"),
            "annotation outrigger.dev/proxy-cpu-limit: 'two': not a quantity: write a number with "
            "one of the suffixes m, k, M, G, Ki, Mi, Gi or none");
  EXPECT_EQ(Error("outrigger.dev/proxy-memory-request: 64m"),
            "annotation outrigger.dev/proxy-memory-request: '64m': thousandths of a byte; did you "
            "mean 64Mi?");
}

TEST(Annotations, RequestAboveLimitNamesTheOneThatWasWrittenAndTheOneToAdd) {
  EXPECT_EQ(Error("outrigger.dev/proxy-cpu-request: \"3\""),
            "annotation outrigger.dev/proxy-cpu-request: the request 3 is above the limit 2; set "
            "outrigger.dev/proxy-cpu-limit too");
  EXPECT_EQ(Error("outrigger.dev/proxy-memory-limit: 32Mi"),
            "annotation outrigger.dev/proxy-memory-limit: the request 64Mi is above the limit "
            "32Mi; set outrigger.dev/proxy-memory-request too");
}

TEST(Annotations, NumberWithoutQuotesIsRefusedAsTheApiServerWould) {
  EXPECT_EQ(Error("outrigger.dev/proxy-cpu-limit: 2"),
            "annotation outrigger.dev/proxy-cpu-limit: must be a string: write \"2\" in quotes");
  EXPECT_TRUE(Read("outrigger.dev/proxy-cpu-limit: \"2\"").ok());
  EXPECT_TRUE(Read("outrigger.dev/proxy-cpu-limit: 2000m").ok());
  EXPECT_FALSE(Read("outrigger.dev/proxy-cpu-limit: [2]").ok());
}

TEST(Annotations, InterceptionTakesNoneOnly) {
  EXPECT_TRUE(Read("outrigger.dev/interception: none").ok());
  EXPECT_EQ(Error("outrigger.dev/interception: redirect"),
            "annotation outrigger.dev/interception: 'redirect': this version redirects no "
            "traffic, so 'none' is the one value it takes");
}

TEST(Annotations, TenantIsReadAndKeptSafeForTheEnvironment) {
  EXPECT_EQ(Read("outrigger.dev/tenant: gold-1")->tenant, "gold-1");
  EXPECT_FALSE(Read("outrigger.dev/tenant: \"\"").ok());
  EXPECT_FALSE(Read("outrigger.dev/tenant: $(SECRET)").ok());
  EXPECT_FALSE(Read("outrigger.dev/tenant: " + std::string(64, 'a')).ok());
}

TEST(Annotations, UnknownNameOfOursIsRefusedAndOthersAreLeftAlone) {
  EXPECT_EQ(Error("outrigger.dev/proxy-cpu: 1m"),
            "annotation outrigger.dev/proxy-cpu: not known: is it misspelt?");
  EXPECT_EQ(Error("outrigger.dev/inject: disabled"),
            "annotation outrigger.dev/inject: this is a label: move it to the pod's labels");
  EXPECT_TRUE(Read("example.com/proxy-cpu-limit: 17").ok());
}

TEST(Container, CarriesSettingsImageAndTenant) {
  SidecarSettings settings;
  settings.cpu_limit = "1500m";
  settings.tenant = "gold";
  InjectOptions options;
  options.image = "registry.example/outrigger:9";
  const YamlNode container = SidecarContainer(options, settings);
  EXPECT_EQ(container.Find("name")->text, "outrigger-proxy");
  EXPECT_EQ(container.Find("image")->text, "registry.example/outrigger:9");
  EXPECT_EQ(container.Find("restartPolicy")->text, "Always");
  EXPECT_EQ(container.Find("resources")->Find("limits")->Find("cpu")->text, "1500m");
  const YamlNode& last = container.Find("env")->items.back();
  EXPECT_EQ(last.Find("name")->text, "OUTRIGGER_TENANT");
  EXPECT_EQ(last.Find("value")->text, "gold");
}

}  // namespace
}  // namespace outrigger::control
