#include "control/process/run_config.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "control/service/socket_path.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

// The default socket's folder is there in the container; elsewhere the control API is opt-in.
std::string ControlSocket(const envoy::config::bootstrap::v3::Bootstrap& bootstrap) {
  const std::string& set = bootstrap.outrigger().control_api().unix_socket();
  if (!set.empty()) return set;
  const std::string folder = std::filesystem::path(kDefaultControlSocket).parent_path();
  return access(folder.c_str(), W_OK | X_OK) == 0 ? std::string(kDefaultControlSocket) : "";
}

}  // namespace

absl::StatusOr<RunConfig> MakeRunConfig(const RunFlags& flags) {
  RunConfig config;
  OUTRIGGER_ASSIGN_OR_RETURN(config.bootstrap, LoadBootstrap({flags.config_path, flags.config_yaml,
                                                              flags.allow_unknown_static_fields}));
  envoy::config::bootstrap::v3::Bootstrap& proto = config.bootstrap.proto;
  if (proto.has_dynamic_resources()) {
    return absl::UnimplementedError(
        "dynamic_resources: not supported yet; put listeners and clusters in static_resources");
  }
  if (!flags.service_node.empty() && proto.node().id().empty()) {
    proto.mutable_node()->set_id(flags.service_node);
  }
  if (!flags.service_cluster.empty() && proto.node().cluster().empty()) {
    proto.mutable_node()->set_cluster(flags.service_cluster);
  }
  const auto& cpu = proto.outrigger().cpu();
  const bool cpus_by_flag = !flags.cpus.empty();
  absl::StatusOr<scheduler::CpuAllowance> allowance =
      scheduler::DetectCpuAllowance(cpus_by_flag ? flags.cpus : cpu.cpus());
  if (!allowance.ok()) {
    if (cpus_by_flag) return absl::OutOfRangeError(allowance.status().message());
    return absl::InvalidArgumentError(
        scheduler::Concat("outrigger.cpu.cpus: ", allowance.status().message()));
  }
  config.allowance = *std::move(allowance);
  scheduler::CpuPlanRequest request;
  request.concurrency = static_cast<int>(flags.concurrency ? flags.concurrency : cpu.concurrency());
  request.control_procs =
      static_cast<int>(flags.control_procs ? flags.control_procs : cpu.control_procs());
  OUTRIGGER_ASSIGN_OR_RETURN(config.plan, scheduler::MakeCpuPlan(config.allowance, request));
  const char* debug = std::getenv("OUTRIGGER_DEBUG");
  absl::StatusOr<scheduler::DebugOptions> options =
      scheduler::ParseDebugOptions(debug ? debug : "");
  if (!options.ok()) return absl::OutOfRangeError(options.status().message());
  config.debug = *options;
  config.control_socket = ControlSocket(proto);
  return config;
}

}  // namespace outrigger::control
