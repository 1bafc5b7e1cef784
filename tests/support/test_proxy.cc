#include "tests/support/test_proxy.h"

#include <fcntl.h>
#include <poll.h>

#include <future>

#include "gtest/gtest.h"
#include "proxy/access_log/format.h"
#include "proxy/cluster/lb/host_set.h"

namespace outrigger::proxy {
namespace {

constexpr scheduler::Nanos kPatience = 20 * kSecond;
constexpr char kLogFormat[] =
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT%\n";

}  // namespace

TestProxy::TestProxy(size_t workers)
    : control_({.name = "control", .affinity = std::vector<scheduler::CpuSet>(1)}),
      workers_(std::make_unique<WorkerSet>(stats_, std::vector<scheduler::CpuSet>(workers))) {
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  log_read_ = Fd(fds[0]);
  AccessLogOptions options;
  options.flush_size = 1;  // each line at once
  sink_ = std::make_shared<AccessLogSink>(fds[1], control_, options,
                                          std::make_shared<AccessLogFigures>());
  listener.name = "listener";
  listener.address = *Address::Parse("127.0.0.1:0");
  listener.stats = ListenerStats::Make(stats_, "listener");
  listener.http.stats = HttpStats::Make(stats_, "test");
  listener.http.access_logs.push_back(
      {std::make_shared<const AccessLogFormat>(*AccessLogFormat::Text(kLogFormat)), sink_});
  routes.virtual_hosts.push_back({.name = "all"});
  routes.any = 0;
}

TestProxy::~TestProxy() { workers_.reset(); }

Cluster& TestProxy::AddCluster(const std::string& name, const std::vector<Address>& hosts) {
  Cluster& cluster = clusters[name];
  cluster.name = name;
  cluster.http2 = true;
  cluster.stats = ClusterStats::Make(stats_, name);
  std::vector<std::shared_ptr<const Host>> set;
  for (const Address& address : hosts) {
    auto host = std::make_shared<Host>();
    host->address = address;
    set.push_back(std::move(host));
  }
  cluster.hosts = MakeHostSet(std::move(set), cluster.lb);
  return cluster;
}

ClusterRoute& TestProxy::AddRoute(const std::string& path, const std::string& cluster) {
  Route& route = routes.virtual_hosts[0].routes.emplace_back();
  route.name = path;
  route.path = path;
  route.action = ClusterRoute{.cluster = cluster};
  return std::get<ClusterRoute>(route.action);
}

Route& TestProxy::AddDirect(const std::string& path, uint32_t status, const std::string& body) {
  Route& route = routes.virtual_hosts[0].routes.emplace_back();
  route.name = path;
  route.path = path;
  route.action = DirectResponse{status, body};
  return route;
}

std::shared_ptr<const Snapshot> TestProxy::Build() {
  auto snapshot = std::make_shared<Snapshot>();
  auto built = std::make_shared<Listener>(listener);
  built->http.routes = std::make_shared<const RouteConfig>(routes);
  snapshot->listeners.push_back(std::move(built));
  for (const auto& [name, cluster] : clusters) {
    auto built_cluster = std::make_shared<const Cluster>(cluster);
    built_cluster->TakeOverBreakers();
    snapshot->clusters.emplace(built_cluster->name, std::move(built_cluster));
  }
  return snapshot;
}

void TestProxy::Start(StreamHandler handler) {
  const std::shared_ptr<const Snapshot> snapshot = Build();
  const absl::Status bound = workers_->Bind(*snapshot);
  ASSERT_TRUE(bound.ok()) << bound;
  address_ = workers_->Addresses(listener.name).at(0);
  workers_->Start(snapshot, handler);
}

void TestProxy::Apply() {
  workers_->Apply(Build());
  OnWorkers([](scheduler::Processor&) {});  // behind it in each mailbox
}

void TestProxy::OnWorkers(const std::function<void(scheduler::Processor&)>& function) {
  for (int i = 0; i < workers_->pool().procs(); ++i) {
    std::promise<void> done;
    scheduler::Processor& p = workers_->pool().processor(i);
    ASSERT_TRUE(workers_->pool().Post(i, [&] {
      function(p);
      done.set_value();
    }));
    done.get_future().get();
  }
}

bool TestProxy::Eventually(const std::function<bool()>& done) {
  const scheduler::Nanos deadline = scheduler::MonotonicNow() + kPatience;
  while (!done()) {
    if (scheduler::MonotonicNow() > deadline) return false;
    OnWorkers([](scheduler::Processor&) {});
  }
  return true;
}

std::string TestProxy::LogLine() {
  std::string line;
  pollfd poll_fd{log_read_.get(), POLLIN, 0};
  char c = 0;
  while (poll(&poll_fd, 1, 20'000) == 1 && read(log_read_.get(), &c, 1) == 1 && c != '\n')
    line += c;
  return line;
}

}  // namespace outrigger::proxy
