// server.h: `outrigger run`: every part of the sidecar, named and wired here, with the pool it runs
// on. Start order is the order of the members; the stop order is Stop()'s numbered steps.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "control/admin/admin.h"
#include "control/assembly/builder.h"
#include "control/assembly/publisher.h"
#include "control/dns/cluster_dns.h"
#include "control/process/exit_code.h"
#include "control/process/run_config.h"
#include "control/service/control_service.h"
#include "control/service/server_state.h"
#include "proxy/worker/worker_set.h"

namespace outrigger::control {

// Runs on: main (Start, Wait, Stop). Owner: RunServer. Thread-safety: confined to main; what the
// admin and the control API ask for comes as signals to main, or as mailbox items to the workers.
class Server {
 public:
  Server(const RunFlags& flags, RunConfig config);
  ~Server();

  // kDone, or why not: everything that may fail fails before the first connection is accepted.
  ExitCode Start();
  // Until the process is told to end; serves HUP meanwhile.
  void Wait();
  // Drains (if `graceful`) and ends all parts.
  void Stop(bool graceful);

 private:
  static absl::StatusOr<Builder::StaticResources> StaticResourcesOf(const std::string& serialized);
  absl::StatusOr<std::shared_ptr<const proxy::Snapshot>> Build(const std::string& static_resources,
                                                               std::vector<std::string>& warnings);
  absl::Status BuildSnapshot(const std::string& static_resources);
  ExitCode Listen();
  void StartWorkers();
  void Reload();
  std::string Coroutines();
  void DumpToStderr();
  // Any thread: open connections finish and close; those left after `cut_off` (if any) are cut off.
  void Drain(std::optional<scheduler::Nanos> cut_off);
  scheduler::Nanos DrainTime() const {
    return scheduler::Nanos{flags_.drain_time_s} * scheduler::kSecond;
  }
  void DescribePlan() const;
  void RegisterStats();
  AdminSources MakeAdminSources();
  ControlSources MakeControlSources();

  const RunFlags flags_;
  RunConfig config_;
  std::string static_resources_;  // config_'s own, serialized: a fifth of the memory
  ServerState state_;
  proxy::StatRegistry stats_;
  scheduler::Pool control_;     // threads control:N
  proxy::AccessLogFiles logs_;  // written on control
  Builder builder_;
  Publisher publisher_;
  Resolver resolver_;                          // control
  std::unique_ptr<ClusterDns> dns_;            // control
  std::unique_ptr<HttpServer> admin_;          // control
  std::unique_ptr<HttpServer> control_api_;    // control
  std::unique_ptr<proxy::WorkerSet> workers_;  // threads data:N
  std::unique_ptr<scheduler::Sysmon> sysmon_;  // its own thread
  uint64_t subscription_ = 0;
};

// The exit code.
int RunServer(const RunFlags& flags);
int RunValidate(const RunFlags& flags);

}  // namespace outrigger::control
