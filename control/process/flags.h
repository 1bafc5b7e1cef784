// flags.h: the command line, parsed and checked: `outrigger SUBCOMMAND ...`, and Envoy's own form
// `outrigger -c FILE ...`, which is `run`. The only door to CLI11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/ctl/ctl.h"
#include "control/process/echo.h"
#include "control/sweep/sweep.h"
#include "scheduler/base/log.h"

namespace outrigger::control {

// `run` and `validate`. Empty text and 0: not given.
struct RunFlags {
  std::string config_path;
  std::string config_yaml;
  bool allow_unknown_static_fields = false;
  uint32_t concurrency = 0;
  uint32_t control_procs = 0;
  std::string cpus;
  scheduler::LogLevel log_level = scheduler::LogLevel::kInfo;
  uint32_t drain_time_s = 600;
  bool drain_immediately = false;
  uint32_t file_flush_interval_ms = 1000;
  uint32_t file_flush_min_size_kb = 64;
  std::string service_cluster;
  std::string service_node;
};

struct InjectFlags {
  std::string file;
  std::string image;
  std::string config_map;
  uint32_t metrics_port = 0;
};

struct Flags {
  enum class Command : uint8_t { kRun, kValidate, kEcho, kCtl, kInject, kSweep, kVersion };
  Command command = Command::kRun;
  RunFlags run;
  EchoFlags echo;
  InjectFlags inject;
  CtlOptions ctl;
  SweepOptions sweep;
};

// nullopt: the process ends with `exit_code` (help was shown: 0; bad usage: 2, explained on
// stderr).
std::optional<Flags> ParseFlags(int argc, const char* const* argv, int& exit_code);

}  // namespace outrigger::control
