// admin.h: the HTTP admin, Envoy's paths and forms, plus /cpu and /scheduler. Runs on the control
// pool, so that no scrape is felt on the data path. Knows the process only through AdminSources.
// Changes are made by POST alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/service/http_server.h"
#include "control/service/server_state.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/snapshot/snapshot.h"
#include "proxy/stats/stats.h"
#include "scheduler/cpu/allowance.h"
#include "scheduler/cpu/cpu_plan.h"
#include "scheduler/pool.h"

namespace outrigger::control {

// POST /drain_listeners.
struct DrainListeners {
  bool graceful = false;      // go on accepting until the drain time is over
  bool inbound_only = false;  // leave outbound listeners alone
  bool skip_exit = false;     // drain the connections, never stop listening
};

// References and functions outlive the server; functions are called on the control pool, several at
// once, and are quick.
struct AdminSources {
  std::string version;
  std::string config_path;
  ServerState& state;
  const proxy::StatRegistry& stats;
  // As started with; static_resources is empty there, but absent if it was.
  const envoy::config::bootstrap::v3::Bootstrap& bootstrap;
  std::function<envoy::config::bootstrap::v3::Bootstrap::StaticResources()> static_resources;
  const scheduler::CpuAllowance& allowance;
  const scheduler::CpuPlan& plan;
  std::vector<scheduler::Pool*> pools;
  std::function<std::shared_ptr<const proxy::Snapshot>()> snapshot;
  std::function<std::shared_ptr<const proxy::HostSet>(const std::string& cluster)> hosts;
  std::function<std::vector<proxy::Address>(const std::string& listener)> addresses;
  std::function<void(const DrainListeners& order)> drain_listeners;
  std::function<void()> quit;
};

// A handler's answer.
struct AdminReply {
  int status = 200;
  std::string type = "text/plain; charset=UTF-8";
  std::string body;
};

struct AdminPage {
  std::string_view path;
  std::string_view help;
  AdminReply (*handle)(const AdminSources& sources, const ControlRequest& request);
  bool post = false;                                                       // changes something
  std::vector<std::pair<std::string_view, std::string_view>> params = {};  // name and help
};

// All pages but the index, in the order of the help text. Those that ServeAdmin() answers itself
// have no handler here.
const std::vector<AdminPage>& AdminPages();

// Answers one request.
scheduler::Task<> ServeAdmin(const AdminSources& sources, const ControlRequest& request,
                             ResponseWriter& writer);

// A listening server on admin.address, to Start() and Stop().
absl::StatusOr<std::unique_ptr<HttpServer>> ListenAdmin(
    const envoy::config::bootstrap::v3::Admin& config, AdminSources sources);

}  // namespace outrigger::control
