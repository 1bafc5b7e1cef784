#include "control/process/server.h"

#include <malloc.h>
#include <sys/prctl.h>

#include <future>
#include <thread>

#include "control/bootstrap/yaml.h"
#include "control/process/signals.h"
#include "control/process/version.h"
#include "google/protobuf/io/coded_stream.h"
#include "proxy/connection/exchange.h"
#include "proxy/filters/all.h"
#include "scheduler/base/log.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

// DNS that does not answer must not keep the process from starting.
constexpr scheduler::Nanos kDnsStartLimit = 5 * scheduler::kSecond;
// A level of a google.protobuf.Struct is three messages; the file's parser bounds the levels.
constexpr int kDeepestMessage = 3 * YamlLimits().max_depth;
constexpr scheduler::Nanos kDrainLook = 20 * scheduler::kMillisecond;

ExitCode CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
      return kBadConfig;
    case absl::StatusCode::kOutOfRange:
      return kBadUsage;
    default:
      return kCannotHave;
  }
}

scheduler::PoolOptions ControlPool(const scheduler::CpuPlan& plan) {
  return {.name = "control",
          .policy = scheduler::Policy::kStealing,
          .affinity = std::vector<scheduler::CpuSet>(static_cast<size_t>(plan.control_procs),
                                                     plan.control)};
}

std::vector<scheduler::CpuSet> DataAffinity(const scheduler::CpuPlan& plan) {
  std::vector<scheduler::CpuSet> sets;
  for (int cpu : plan.worker_cpus) sets.push_back(scheduler::CpuSet{cpu});
  return sets;
}

proxy::AccessLogOptions LogOptions(const RunFlags& flags) {
  return {.flush_interval = flags.file_flush_interval_ms * scheduler::kMillisecond,
          .flush_size = size_t{flags.file_flush_min_size_kb} * 1024};
}

void LogAll(const char* component, const std::vector<std::string>& sentences) {
  for (const std::string& sentence : sentences) OUTRIGGER_LOG(kWarning, component, "%s", sentence);
}

scheduler::Task<> StopAndTell(HttpServer& server, std::promise<void>& stopped) {
  co_await server.Stop();
  stopped.set_value();
}

void StopHttpServer(scheduler::Pool& control, HttpServer* server) {
  if (!server) return;
  std::promise<void> stopped;
  control.Go("stop server", StopAndTell(*server, stopped));
  stopped.get_future().wait();
}

// The static resources of `bootstrap`, serialized, which it has no longer. They are built from
// these bytes: as the file's parser left them they are strewn over the memory that it took, and
// what is built beside them would be, too.
std::string TakeStaticResources(envoy::config::bootstrap::v3::Bootstrap& bootstrap) {
  std::string bytes;
  if (bootstrap.has_static_resources()) {
    Builder::StaticResources resources;
    resources.Swap(bootstrap.mutable_static_resources());
    resources.SerializeToString(&bytes);
  }
  malloc_trim(0);
  return bytes;
}

scheduler::Task<> CutOff(proxy::WorkerSet& workers, scheduler::Nanos after) {
  const scheduler::Wake wake = co_await scheduler::Sleep(after);
  if (wake == scheduler::Wake::kTimeout) workers.CloseConnections();
}

}  // namespace

Server::Server(const RunFlags& flags, RunConfig config)
    : flags_(flags),
      config_(std::move(config)),
      control_(ControlPool(config_.plan)),
      logs_(control_, LogOptions(flags)),
      builder_(stats_, logs_, proxy::AllFilters()),
      publisher_(stats_),
      resolver_({}) {}

Server::~Server() {
  // After a start that failed half way, too: nothing may run when the parts go.
  // First the control side's coroutines, which may be at work on the workers.
  sysmon_.reset();
  control_.Stop();
  workers_.reset();
}

ExitCode Server::Start() {
  state_.Set(Phase::kInitializing);
  RegisterStats();
  LogAll("config", config_.bootstrap.warnings);
  for (const std::string& path : config_.bootstrap.unknown_fields) {
    OUTRIGGER_LOG(kWarning, "config", "%s: unknown field, skipped", path);
  }
  LogAll("cpu", config_.allowance.notes);
  LogAll("cpu", config_.plan.warnings);
  DescribePlan();
  // The main thread waits for signals; it must not do that on a data CPU.
  if (absl::Status bound = scheduler::BindThisThread(config_.plan.control); !bound.ok()) {
    OUTRIGGER_LOG(kWarning, "cpu", "main runs unbound: %s", bound.message());
  }
  dns_ = std::make_unique<ClusterDns>(control_, resolver_, publisher_, stats_);
  static_resources_ = TakeStaticResources(config_.bootstrap.proto);
  if (absl::Status built = BuildSnapshot(static_resources_); !built.ok()) {
    return static_cast<ExitCode>(Fail(CodeOf(built), flags_.config_path, built));
  }
  workers_ = std::make_unique<proxy::WorkerSet>(stats_, DataAffinity(config_.plan));
  if (ExitCode code = Listen(); code != kDone) return code;
  sysmon_ = std::make_unique<scheduler::Sysmon>(
      std::vector<scheduler::Pool*>{&control_, &workers_->pool()}, config_.plan.control,
      config_.debug);
  StartWorkers();
  return kDone;
}

absl::StatusOr<Builder::StaticResources> Server::StaticResourcesOf(const std::string& serialized) {
  Builder::StaticResources resources;
  google::protobuf::io::CodedInputStream bytes(reinterpret_cast<const uint8_t*>(serialized.data()),
                                               static_cast<int>(serialized.size()));
  bytes.SetRecursionLimit(kDeepestMessage);
  if (!resources.ParseFromCodedStream(&bytes)) {
    return absl::InvalidArgumentError("static_resources: nested too deeply");
  }
  return resources;
}

absl::StatusOr<std::shared_ptr<const proxy::Snapshot>> Server::Build(
    const std::string& static_resources, std::vector<std::string>& warnings) {
  OUTRIGGER_ASSIGN_OR_RETURN(const Builder::StaticResources resources,
                             StaticResourcesOf(static_resources));
  return builder_.Build(resources, warnings);
}

absl::Status Server::BuildSnapshot(const std::string& static_resources) {
  std::vector<std::string> warnings;
  OUTRIGGER_ASSIGN_OR_RETURN(auto snapshot, Build(static_resources, warnings));
  // The messages, which are gone by now, took more than what was built of them.
  malloc_trim(0);
  LogAll("config", warnings);
  publisher_.Publish(snapshot);
  dns_->Update(*snapshot);
  return absl::OkStatus();
}

ExitCode Server::Listen() {
  absl::Status bound = workers_->Bind(*publisher_.snapshot());
  if (!bound.ok()) return static_cast<ExitCode>(Fail(kCannotHave, "", bound));
  if (config_.bootstrap.proto.has_admin()) {
    absl::StatusOr<std::unique_ptr<HttpServer>> admin =
        ListenAdmin(config_.bootstrap.proto.admin(), MakeAdminSources());
    if (!admin.ok()) {
      return static_cast<ExitCode>(Fail(CodeOf(admin.status()), "admin", admin.status()));
    }
    admin_ = *std::move(admin);
    admin_->Start(control_);
    OUTRIGGER_LOG(kInfo, "main", "admin address: %s", admin_->address().text);
  }
  if (!config_.control_socket.empty()) {
    absl::StatusOr<std::unique_ptr<HttpServer>> api = ListenGrpc(
        {.socket_path = config_.control_socket}, ControlApiMethods(MakeControlSources()));
    if (!api.ok()) {
      return static_cast<ExitCode>(Fail(kCannotHave, "outrigger.control_api", api.status()));
    }
    control_api_ = *std::move(api);
    control_api_->Start(control_);
    OUTRIGGER_LOG(kInfo, "main", "control API: unix:%s", config_.control_socket);
  }
  return kDone;
}

void Server::StartWorkers() {
  // Names are resolved before the first request can ask for them.
  std::promise<void> resolved;
  dns_->WhenInitialised(kDnsStartLimit, [&resolved] { resolved.set_value(); });
  resolved.get_future().wait();
  workers_->Start(publisher_.snapshot(), &proxy::Exchange::Handle);
  subscription_ = publisher_.Subscribe(
      {[this](std::shared_ptr<const proxy::Snapshot> snapshot) { workers_->Apply(snapshot); },
       [this](const HostUpdate& update) { workers_->SetHosts(update.cluster, update.hosts); }});
  state_.Set(Phase::kLive);
  OUTRIGGER_LOG(kInfo, "main", "all dependencies initialized. starting workers");
}

void Server::DescribePlan() const {
  const scheduler::CpuPlan& plan = config_.plan;
  OUTRIGGER_LOG(kInfo, "cpu", "control: %d procs on CPUs %s; data: %d workers on CPUs %s%s",
                plan.control_procs, plan.control.ToString(), plan.Workers(), plan.data.ToString(),
                plan.shared ? " (one CPU: shared)" : "");
}

void Server::Wait() {
  while (true) {
    switch (*WaitForSignal()) {
      case ProcessSignal::kTerminate:
        return Stop(/*graceful=*/true);
      case ProcessSignal::kInterrupt:
        return Stop(/*graceful=*/false);
      case ProcessSignal::kReload:
        Reload();
        break;
      case ProcessSignal::kDump:
        DumpToStderr();
    }
  }
}

// As Go does on SIGQUIT, but we go on: a sidecar that is looked at must not take its app along.
void Server::DumpToStderr() {
  const std::string text = Coroutines();
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

void Server::Reload() {
  absl::StatusOr<LoadedBootstrap> loaded =
      LoadBootstrap({flags_.config_path, flags_.config_yaml, flags_.allow_unknown_static_fields});
  const absl::Status status =
      loaded.ok() ? BuildSnapshot(TakeStaticResources(loaded->proto)) : loaded.status();
  if (!status.ok()) {
    OUTRIGGER_LOG(kError, "config", "reload refused, the old configuration stays: %s",
                  status.message());
    return;
  }
  OUTRIGGER_LOG(kInfo, "config",
                "reloaded clusters, routes and listener settings; new or removed "
                "listeners, node, admin and CPU fields need a restart");
}

void Server::Drain(std::optional<scheduler::Nanos> cut_off) {
  OUTRIGGER_LOG(kInfo, "main", "draining");
  workers_->Drain();
  if (cut_off) control_.Go("cut off after drain", CutOff(*workers_, *cut_off));
}

void Server::Stop(bool graceful) {
  // 1. Downstream connections finish what they have. New ones are still taken, since others may not
  //    know yet that we leave, until none is open or the time is up. A second signal cuts it short.
  state_.Set(Phase::kDraining);
  if (graceful) {
    Drain(std::nullopt);
    const scheduler::Nanos deadline = scheduler::MonotonicNow() + DrainTime();
    while (workers_->connections() > 0 && scheduler::MonotonicNow() < deadline) {
      const std::optional<ProcessSignal> signal = WaitForSignal(kDrainLook);
      if (signal == ProcessSignal::kDump) DumpToStderr();
      if (signal == ProcessSignal::kTerminate || signal == ProcessSignal::kInterrupt) break;
    }
  }
  // 2. No new connections; what is left is cut off, and its coroutines end. Their log lines go
  // over.
  publisher_.Unsubscribe(subscription_);
  workers_->StopListening();
  workers_->Stop();
  // 3. The admin and the control API, which answered until here. Then nobody asks the workers'
  // figures.
  StopHttpServer(control_, admin_.get());
  StopHttpServer(control_, control_api_.get());
  // 4. The control side's coroutines end: some of them know the workers.
  control_.Stop();
  sysmon_.reset();
  dns_.reset();
  // 5. The workers' last log lines are handed over and written out.
  workers_.reset();
  logs_.Sync();
  OUTRIGGER_LOG(kInfo, "main", "exiting");
}

int RunServer(const RunFlags& flags) {
  scheduler::SetLogLevel(flags.log_level);
  prctl(PR_SET_NAME, "main");
  // One a thread: a worker that shares one waits for a control thread that lost its CPU under the
  // arena's lock.
  mallopt(M_ARENA_MAX, 1024);
  absl::StatusOr<RunConfig> config = MakeRunConfig(flags);
  if (!config.ok()) return Fail(CodeOf(config.status()), "", config.status());
  Server server(flags, *std::move(config));
  const ExitCode started = server.Start();
  if (started != kDone) return started;
  server.Wait();
  return kDone;
}

int RunValidate(const RunFlags& flags) {
  absl::StatusOr<RunConfig> config = MakeRunConfig(flags);
  absl::Status status = config.status();
  if (status.ok()) {
    proxy::StatRegistry stats;
    scheduler::Pool control({.name = "control", .affinity = std::vector<scheduler::CpuSet>(1)});
    proxy::AccessLogFiles logs(control, {});
    std::vector<std::string> warnings;
    status = Builder(stats, logs, proxy::AllFilters())
                 .Build(config->bootstrap.proto.static_resources(), warnings)
                 .status();
    LogAll("config", warnings);
  }
  if (!status.ok()) return Fail(CodeOf(status), "", status);
  std::printf("configuration '%s' OK\n", flags.config_path.c_str());
  return kDone;
}

}  // namespace outrigger::control
