#include "control/process/run_config.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

RunFlags Yaml(std::string text) {
  RunFlags flags;
  flags.config_yaml = std::move(text);
  return flags;
}

TEST(RunConfigTest, FlagsOverrideTheFilesPlan) {
  RunFlags flags = Yaml("outrigger: {cpu: {concurrency: 3, control_procs: 2}}");
  absl::StatusOr<RunConfig> config = MakeRunConfig(flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->plan.Workers(), 3);
  EXPECT_EQ(config->plan.control_procs, 2);
  flags.concurrency = 5;
  config = MakeRunConfig(flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->plan.Workers(), 5);
  EXPECT_EQ(config->plan.control_procs, 2);
}

TEST(RunConfigTest, NodeOfTheFileBeatsTheFlags) {
  RunFlags flags = Yaml("node: {id: from-file}");
  flags.service_node = "from-flag";
  flags.service_cluster = "cluster-flag";
  const absl::StatusOr<RunConfig> config = MakeRunConfig(flags);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->bootstrap.proto.node().id(), "from-file");
  EXPECT_EQ(config->bootstrap.proto.node().cluster(), "cluster-flag");
}

TEST(RunConfigTest, ErrorsSayWhoIsToBlame) {
  RunFlags flags = Yaml("{}");
  flags.cpus = "0-";
  EXPECT_EQ(MakeRunConfig(flags).status().code(), absl::StatusCode::kOutOfRange);
  const absl::Status in_file = MakeRunConfig(Yaml("outrigger: {cpu: {cpus: 0-}}")).status();
  EXPECT_EQ(in_file.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(in_file.message().find("outrigger.cpu.cpus"), in_file.message().npos) << in_file;
  RunFlags missing;
  missing.config_path = "/nowhere/outrigger.yaml";
  EXPECT_EQ(MakeRunConfig(missing).status().code(), absl::StatusCode::kNotFound);
}

TEST(RunConfigTest, TheControlSocketIsTheFiles) {
  const absl::StatusOr<RunConfig> config =
      MakeRunConfig(Yaml("outrigger: {control_api: {unix_socket: /tmp/x/control.sock}}"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->control_socket, "/tmp/x/control.sock");
}

}  // namespace
}  // namespace outrigger::control
