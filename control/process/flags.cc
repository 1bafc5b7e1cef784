#include "control/process/flags.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "CLI/CLI.hpp"

namespace outrigger::control {
namespace {

constexpr uint32_t kMaxConcurrency = 1024;

void AddConfigFlags(CLI::App& app, RunFlags& run) {
  app.add_option("-c,--config-path", run.config_path,
                 "Bootstrap file, YAML or JSON (Envoy's schema)");
  app.add_option("--config-yaml", run.config_yaml, "YAML merged over the file");
  app.add_flag("--allow-unknown-static-fields", run.allow_unknown_static_fields,
               "Skip unknown fields with a warning instead of an error");
  app.add_option("--concurrency", run.concurrency,
                 "Number of data workers; 0: the CPU allowance less the control CPUs")
      ->check(CLI::Range(0u, kMaxConcurrency));
  app.add_option("--control-procs", run.control_procs,
                 "Number of processors of the control pool; 0: as many as control CPUs")
      ->check(CLI::Range(0u, kMaxConcurrency));
  app.add_option("--cpus", run.cpus, "CPUs to use, as a list: 0-3,5");
  app.add_option("--service-cluster", run.service_cluster, "node.cluster, where the file has none");
  app.add_option("--service-node", run.service_node, "node.id, where the file has none");
}

// Flags of Envoy's that istio's agent passes and that change nothing here.
struct Accepted {
  std::string component_log_level, local_address_ip_version, log_format, base_id, restart_epoch,
      mode, parent_shutdown_time_s;
  bool disable_hot_restart = false, skip_deprecated_logs = false, enable_fine_grain_logging = false;
};

void AddRunFlags(CLI::App& app, RunFlags& run, std::string& level, std::string& strategy,
                 Accepted& accepted) {
  AddConfigFlags(app, run);
  app.add_option("-l,--log-level", level,
                 "trace, debug, info, warning, error, critical or off (default info)");
  app.add_option("--drain-time-s", run.drain_time_s,
                 "Longest time to drain connections after TERM (default 600)");
  app.add_option("--drain-strategy", strategy, "gradual (default) or immediate")
      ->check(CLI::IsMember({"gradual", "immediate"}));
  app.add_option("--file-flush-interval-msec", run.file_flush_interval_ms,
                 "How often access logs are written (default 1000)")
      ->check(CLI::Range(1u, 3'600'000u));
  app.add_option("--file-flush-min-size-kb", run.file_flush_min_size_kb,
                 "Size at which access logs are written at once (default 64)")
      ->check(CLI::Range(1u, 1024u * 1024u));
  const std::string same = "Accepted for Envoy's sake; changes nothing";
  app.add_option("--component-log-level", accepted.component_log_level, same);
  app.add_option("--local-address-ip-version", accepted.local_address_ip_version, same)
      ->check(CLI::IsMember({"v4", "v6"}));
  app.add_option("--log-format", accepted.log_format, same);
  app.add_option("--base-id", accepted.base_id, same);
  app.add_option("--restart-epoch", accepted.restart_epoch, same);
  app.add_option("--parent-shutdown-time-s", accepted.parent_shutdown_time_s, same);
  app.add_flag("--disable-hot-restart", accepted.disable_hot_restart, same);
  app.add_flag("--skip-deprecated-logs", accepted.skip_deprecated_logs, same);
}

void AddEchoFlags(CLI::App& app, EchoFlags& echo) {
  app.add_option("--listen", echo.listen, "IP:PORT, [IPv6]:PORT or unix:PATH; may be repeated")
      ->required();
  app.add_option("--concurrency", echo.concurrency, "Number of workers (default 1)")
      ->check(CLI::Range(1u, kMaxConcurrency));
  app.add_option("--cpus", echo.cpus, "CPUs to use, as a list: 0-3,5");
}

void AddCtlFlags(CLI::App& app, CtlOptions& ctl) {
  app.require_subcommand(1);
  for (const auto& [name, text] :
       {std::pair("status", "State, uptime, listeners, connections, requests"),
        std::pair("cpu", "The CPU plan: who runs where, and why"),
        std::pair("drain", "Finish open connections; new ones are still taken"),
        std::pair("coroutines", "All control coroutines: what each waits for, who awaits whom"),
        std::pair("trace", "What the control pool did last, in JSON for ui.perfetto.dev")}) {
    CLI::App* command = app.add_subcommand(name, text);
    command->add_option("--socket", ctl.socket, "Socket of the control API")
        ->envname("OUTRIGGER_CONTROL_SOCKET");
    command->add_flag("--json", ctl.json, "Print JSON");
    command->callback([&ctl, name = std::string(name)] { ctl.command = name; });
  }
}

void AddInjectFlags(CLI::App& app, InjectFlags& inject) {
  app.add_option("-f,--file", inject.file, "Kubernetes objects, YAML; - reads standard input")
      ->required();
  app.add_option("--image", inject.image, "Image of the sidecar");
  app.add_option("--config-map", inject.config_map, "ConfigMap with outrigger.yaml");
  app.add_option("--metrics-port", inject.metrics_port, "Port to announce to Prometheus; 0: none");
}

void AddSweepFlags(CLI::App& app, SweepOptions& sweep) {
  app.add_flag("--article", sweep.article,
               "Tasks that only calculate, on 1, 4, 8 and on 4, 8, 16 processors")
      ->required();
  app.add_option("--procs", sweep.procs, "Numbers of processors instead: 1,4,8")
      ->delimiter(',')
      ->check(CLI::Range(1u, kMaxConcurrency));
  app.add_option("--tasks", sweep.tasks, "Number of tasks (default 1000)")
      ->check(CLI::Range(1u, 1'000'000u));
  app.add_option("--work", sweep.work, "Multiplications of each (default 1000000)")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000'000}));
  app.add_flag("--json", sweep.json, "Print JSON");
}

}  // namespace

std::optional<Flags> ParseFlags(int argc, const char* const* argv, int& exit_code) {
  Flags flags;
  std::string level = "info", strategy = "gradual";
  Accepted accepted;
  CLI::App app("Outrigger: a service-mesh sidecar with Envoy's API", "outrigger");
  app.require_subcommand(1);
  CLI::App* run = app.add_subcommand("run", "Run the sidecar (the default when -c is given)");
  AddRunFlags(*run, flags.run, level, strategy, accepted);
  CLI::App* validate = app.add_subcommand("validate", "Check a bootstrap file and exit");
  AddConfigFlags(*validate, flags.run);
  CLI::App* echo =
      app.add_subcommand("echo", "Run the built-in HTTP/1.1, h2c and gRPC echo upstream");
  AddEchoFlags(*echo, flags.echo);
  CLI::App* ctl = app.add_subcommand("ctl", "Talk to a running sidecar");
  AddCtlFlags(*ctl, flags.ctl);
  CLI::App* inject = app.add_subcommand("inject", "Add the sidecar to pods in a YAML file");
  AddInjectFlags(*inject, flags.inject);
  CLI::App* sweep =
      app.add_subcommand("sweep", "Measure the scheduler with different numbers of processors");
  AddSweepFlags(*sweep, flags.sweep);
  CLI::App* version = app.add_subcommand("version", "Print the version");

  // Envoy's form: flags and no subcommand. Parsed back to front, as CLI11 wants a vector.
  std::vector<std::string> args;
  for (int i = argc - 1; i > 0; --i) args.emplace_back(argv[i]);
  if (!args.empty()) {
    const std::string& first = args.back();
    if (first == "--version") {
      args.back() = "version";
    } else if (first.starts_with("-") && first != "-h" && first != "--help") {
      args.emplace_back("run");
    }
  }
  try {
    app.parse(args);
    if ((*run || *validate) && flags.run.config_path.empty() && flags.run.config_yaml.empty()) {
      throw CLI::RequiredError("-c FILE (or --config-yaml)");  // house: the door catches
    }
    if (!scheduler::ParseLogLevel(level, flags.run.log_level)) {
      throw CLI::ValidationError(  // house: the door catches
          "--log-level", "unknown level '" + level + "'");
    }
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  flags.run.drain_immediately = strategy == "immediate";
  using Command = Flags::Command;
  flags.command = *run        ? Command::kRun
                  : *validate ? Command::kValidate
                  : *echo     ? Command::kEcho
                  : *ctl      ? Command::kCtl
                  : *inject   ? Command::kInject
                  : *sweep    ? Command::kSweep
                              : Command::kVersion;
  (void)version;
  return flags;
}

}  // namespace outrigger::control
