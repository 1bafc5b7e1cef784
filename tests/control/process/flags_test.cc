#include "control/process/flags.h"

#include <vector>

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

std::optional<Flags> Parse(std::vector<const char*> args, int& exit_code) {
  args.insert(args.begin(), "outrigger");
  return ParseFlags(static_cast<int>(args.size()), args.data(), exit_code);
}

Flags Good(std::vector<const char*> args) {
  int exit_code = -1;
  std::optional<Flags> flags = Parse(std::move(args), exit_code);
  EXPECT_TRUE(flags.has_value()) << "exit code " << exit_code;
  return flags.value_or(Flags());
}

int Refused(std::vector<const char*> args) {
  int exit_code = -1;
  EXPECT_FALSE(Parse(std::move(args), exit_code).has_value());
  return exit_code;
}

TEST(FlagsTest, RunHasEnvoysDefaults) {
  const Flags flags = Good({"run", "-c", "a.yaml"});
  EXPECT_EQ(flags.command, Flags::Command::kRun);
  EXPECT_EQ(flags.run.config_path, "a.yaml");
  EXPECT_EQ(flags.run.concurrency, 0u);
  EXPECT_EQ(flags.run.drain_time_s, 600u);
  EXPECT_EQ(flags.run.log_level, scheduler::LogLevel::kInfo);
  EXPECT_FALSE(flags.run.drain_immediately);
}

TEST(FlagsTest, WithoutASubcommandItIsRun) {
  const Flags flags = Good({"-c", "a.yaml", "--concurrency", "2"});
  EXPECT_EQ(flags.command, Flags::Command::kRun);
  EXPECT_EQ(flags.run.concurrency, 2u);
}

// The command line of istio's agent (pkg/envoy/proxy.go).
TEST(FlagsTest, TakesWhatIstiosAgentPasses) {
  const Flags flags = Good({"-c",
                            "etc/istio/proxy/envoy-rev.json",
                            "--drain-time-s",
                            "45",
                            "--drain-strategy",
                            "immediate",
                            "--local-address-ip-version",
                            "v4",
                            "--file-flush-interval-msec",
                            "1000",
                            "--disable-hot-restart",
                            "--allow-unknown-static-fields",
                            "-l",
                            "warning",
                            "--component-log-level",
                            "misc:error",
                            "--config-yaml",
                            "{}",
                            "--concurrency",
                            "2",
                            "--skip-deprecated-logs",
                            "--file-flush-min-size-kb",
                            "64",
                            "--service-cluster",
                            "a",
                            "--service-node",
                            "b"});
  EXPECT_EQ(flags.run.drain_time_s, 45u);
  EXPECT_TRUE(flags.run.drain_immediately);
  EXPECT_TRUE(flags.run.allow_unknown_static_fields);
  EXPECT_EQ(flags.run.log_level, scheduler::LogLevel::kWarning);
  EXPECT_EQ(flags.run.service_node, "b");
}

TEST(FlagsTest, EachSubcommandIsKnown) {
  EXPECT_EQ(Good({"validate", "-c", "a"}).command, Flags::Command::kValidate);
  EXPECT_EQ(Good({"inject", "-f", "-"}).command, Flags::Command::kInject);
  EXPECT_EQ(Good({"version"}).command, Flags::Command::kVersion);
  EXPECT_EQ(Good({"--version"}).command, Flags::Command::kVersion);
  EXPECT_EQ(Good({"sweep", "--article"}).command, Flags::Command::kSweep);
  const Flags echo = Good({"echo", "--listen", "127.0.0.1:0", "--listen", "unix:/tmp/x"});
  EXPECT_EQ(echo.echo.listen, (std::vector<std::string>{"127.0.0.1:0", "unix:/tmp/x"}));
  const Flags ctl = Good({"ctl", "status", "--json", "--socket", "/tmp/s"});
  EXPECT_EQ(ctl.ctl.command, "status");
  EXPECT_EQ(ctl.ctl.socket, "/tmp/s");
  EXPECT_TRUE(ctl.ctl.json);
}

TEST(FlagsTest, ASweepHasTheArticlesSizes) {
  const SweepOptions article = Good({"sweep", "--article"}).sweep;
  EXPECT_TRUE(article.procs.empty());
  EXPECT_EQ(article.tasks, 1000u);
  EXPECT_EQ(article.work, 1'000'000u);
  EXPECT_FALSE(article.json);
  const SweepOptions own =
      Good({"sweep", "--article", "--procs", "1,16", "--tasks", "2", "--work", "3", "--json"})
          .sweep;
  EXPECT_EQ(own.procs, (std::vector<uint32_t>{1, 16}));
  EXPECT_EQ(own.tasks, 2u);
  EXPECT_EQ(own.work, 3u);
  EXPECT_TRUE(own.json);
  EXPECT_EQ(Refused({"sweep"}), 2);
  EXPECT_EQ(Refused({"sweep", "--article", "--procs", "1,0"}), 2);
  EXPECT_EQ(Refused({"sweep", "--article", "--procs", "many"}), 2);
  EXPECT_EQ(Refused({"sweep", "--article", "--tasks", "0"}), 2);
}

TEST(FlagsTest, BadUsageIsTwo) {
  EXPECT_EQ(Refused({}), 2);
  EXPECT_EQ(Refused({"run"}), 2);
  EXPECT_EQ(Refused({"fly"}), 2);
  EXPECT_EQ(Refused({"ctl"}), 2);
  EXPECT_EQ(Refused({"echo"}), 2);
  EXPECT_EQ(Refused({"run", "-c", "a", "--no-such-flag"}), 2);
  EXPECT_EQ(Refused({"run", "-c", "a", "--concurrency", "-1"}), 2);
  EXPECT_EQ(Refused({"run", "-c", "a", "--concurrency", "1025"}), 2);
  EXPECT_EQ(Refused({"run", "-c", "a", "-l", "loud"}), 2);
  EXPECT_EQ(Refused({"run", "-c", "a", "--drain-strategy", "never"}), 2);
}

TEST(FlagsTest, HelpIsZero) {
  EXPECT_EQ(Refused({"--help"}), 0);
  EXPECT_EQ(Refused({"run", "--help"}), 0);
}

}  // namespace
}  // namespace outrigger::control
