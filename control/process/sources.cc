// What the admin and the control API see of the process: functions over its parts, all safe to call
// on the control pool.
#include <malloc.h>
#include <unistd.h>

#include <set>

#include "control/process/server.h"
#include "control/process/signals.h"
#include "control/process/version.h"
#include "scheduler/cpu/thread_usage.h"
#include "scheduler/trace/coroutine_dump.h"
#include "scheduler/trace/pool_trace.h"

namespace outrigger::control {
namespace {

namespace pb = outrigger::control::v1;

struct RequestFigures {
  uint64_t active = 0;
  uint64_t total = 0;
};

// Listeners with one stat_prefix share their counters.
RequestFigures Requests(const proxy::Snapshot& snapshot, const proxy::StatRegistry& stats) {
  RequestFigures figures;
  std::set<std::string_view> seen;
  for (const auto& listener : snapshot.listeners) {
    if (!seen.insert(listener->http.stat_prefix).second) continue;
    figures.active +=
        static_cast<uint64_t>(stats.Sum(listener->http.stats.downstream_rq_active).value);
    figures.total += stats.Sum(listener->http.stats.downstream_rq_total);
  }
  return figures;
}

scheduler::Task<> StopListeningAfter(proxy::WorkerSet& workers, scheduler::Nanos after) {
  const scheduler::Wake wake = co_await scheduler::Sleep(after);
  if (wake == scheduler::Wake::kTimeout) workers.StopListening();
}

pb::State ToState(Phase phase) {
  switch (phase) {
    case Phase::kLive:
      return pb::LIVE;
    case Phase::kDraining:
      return pb::DRAINING;
    default:
      return pb::INITIALIZING;
  }
}

void SetDuration(google::protobuf::Duration& to, scheduler::Nanos nanos) {
  to.set_seconds(nanos / scheduler::kSecond);
  to.set_nanos(static_cast<int32_t>(nanos % scheduler::kSecond));
}

pb::GetCpuPlanResponse DescribeCpus(const RunConfig& config) {
  pb::GetCpuPlanResponse response;
  const scheduler::CpuPlan& plan = config.plan;
  auto& allowance = *response.mutable_allowance();
  allowance.set_cpus(config.allowance.cpus.ToString());
  allowance.set_cpus_source(config.allowance.cpus_source);
  allowance.set_quota(config.allowance.quota.value_or(0));
  allowance.set_quota_source(config.allowance.quota_source);
  response.set_control_cpus(plan.control.ToString());
  response.set_data_cpus(plan.data.ToString());
  const auto threads = scheduler::ReadThreadUsage();
  for (int i = 0; i < plan.Workers(); ++i) {
    auto& worker = *response.add_workers();
    worker.set_name(scheduler::Concat("data:", i));
    worker.set_cpu(static_cast<uint32_t>(plan.worker_cpus[static_cast<size_t>(i)]));
    if (!threads.ok()) continue;
    for (const scheduler::ThreadUsage& thread : *threads) {
      if (thread.name == worker.name()) worker.set_tid(static_cast<uint32_t>(thread.tid));
    }
  }
  for (const std::string* reason :
       {&plan.reasons.allowance, &plan.reasons.place, &plan.reasons.control, &plan.reasons.data,
        &plan.reasons.workers, &plan.reasons.control_procs}) {
    if (!reason->empty()) response.add_reasons(*reason);
  }
  for (const std::string& warning : plan.warnings) response.add_warnings(warning);
  return response;
}

}  // namespace

void Server::RegisterStats() {
  const proxy::ServerStats server = proxy::ServerStats::Make(stats_);
  const auto set = [this](proxy::Gauge gauge, std::function<int64_t()> function) {
    stats_.SetGaugeFunction(gauge, std::move(function));
  };
  stats_.BeforeReading([this] { publisher_.RefreshStats(); });
  set(server.live, [this] { return state_.phase() == Phase::kLive ? 1 : 0; });
  set(server.state, [this] { return static_cast<int64_t>(state_.phase()); });
  set(server.uptime, [this] { return state_.uptime() / scheduler::kSecond; });
  set(server.concurrency, [this] { return int64_t{config_.plan.Workers()}; });
  set(server.total_connections,
      [this] { return workers_ ? static_cast<int64_t>(workers_->connections()) : 0; });
  set(server.memory_allocated, [] { return static_cast<int64_t>(mallinfo2().uordblks); });
  set(server.memory_heap_size, [] { return static_cast<int64_t>(mallinfo2().arena); });
  const proxy::ListenerTableStats listeners = proxy::ListenerTableStats::Make(stats_);
  set(listeners.workers_started, [this] {
    return state_.phase() == Phase::kLive || state_.phase() == Phase::kDraining ? 1 : 0;
  });
}

AdminSources Server::MakeAdminSources() {
  return {
      .version = std::string(kVersion),
      .config_path = flags_.config_path,
      .state = state_,
      .stats = stats_,
      .bootstrap = config_.bootstrap.proto,
      .static_resources = [this] { return *StaticResourcesOf(static_resources_); },
      .allowance = config_.allowance,
      .plan = config_.plan,
      .pools = {&control_, &workers_->pool()},
      .snapshot = [this] { return publisher_.snapshot(); },
      .hosts = [this](const std::string& cluster) { return publisher_.HostsOf(cluster); },
      .addresses = [this](const std::string& name) { return workers_->Addresses(name); },
      .drain_listeners =
          [this](const DrainListeners& order) {
            // All listeners count as inbound: the snapshot does not know their direction yet.
            workers_->Drain();
            if (order.skip_exit) return;
            // Envoy: gracefully, new connections are taken until the drain time is over.
            if (order.graceful) {
              control_.Go("stop listening", StopListeningAfter(*workers_, DrainTime()));
            } else {
              workers_->StopListening();
            }
          },
      .quit = [] { Raise(ProcessSignal::kInterrupt); },
  };
}

std::string Server::Coroutines() {
  return scheduler::DumpCoroutines(control_) + "\n" + scheduler::DumpCoroutines(workers_->pool());
}

ControlSources Server::MakeControlSources() {
  ControlSources sources;
  sources.status = [this] {
    pb::StatusResponse status;
    status.set_version(std::string(kVersion));
    status.set_state(ToState(state_.phase()));
    SetDuration(*status.mutable_uptime(), state_.uptime());
    status.set_pid(static_cast<uint32_t>(getpid()));
    status.set_concurrency(static_cast<uint32_t>(config_.plan.Workers()));
    status.set_control_procs(static_cast<uint32_t>(config_.plan.control_procs));
    const auto snapshot = publisher_.snapshot();
    for (const auto& listener : snapshot->listeners) {
      for (const proxy::Address& address : workers_->Addresses(listener->name)) {
        auto& entry = *status.add_listeners();
        entry.set_name(listener->name);
        entry.set_address(address.text);
      }
    }
    const RequestFigures requests = Requests(*snapshot, stats_);
    status.set_active_connections(workers_->connections());
    status.set_active_requests(requests.active);
    status.set_total_requests(requests.total);
    return status;
  };
  sources.coroutines = [this] { return Coroutines(); };
  sources.trace = [this] { return scheduler::TracePools({&control_}); };
  sources.cpu_plan = [this] { return DescribeCpus(config_); };
  sources.drain = [this](const DrainOrder& order) {
    if (!state_.BeginDrain()) {
      return absl::FailedPreconditionError("the process does not serve, or drains already");
    }
    Drain(order.drain_time.value_or(DrainTime()));
    return absl::OkStatus();
  };
  return sources;
}

}  // namespace outrigger::control
