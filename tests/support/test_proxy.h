// test_proxy.h: a data plane in the test's process, on an ephemeral port of the loopback: a
// WorkerSet, a configuration made by hand, its stats and its access log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/access_log/sink.h"
#include "proxy/connection/connection_manager.h"
#include "proxy/worker/worker_set.h"
#include "scheduler/pool.h"

namespace outrigger::proxy {

// Owner: the test. Thread-safety: confined to its thread.
class TestProxy {
 public:
  explicit TestProxy(size_t workers = 1);
  ~TestProxy();

  // --- Before Start(), or before Apply().
  Listener listener;
  RouteConfig routes;  // one virtual host, "*"
  std::map<std::string, Cluster> clusters;
  Cluster& AddCluster(const std::string& name, const std::vector<Address>& hosts);
  // `path` is a prefix. The reference is good until the next route is added.
  ClusterRoute& AddRoute(const std::string& path, const std::string& cluster);
  Route& AddDirect(const std::string& path, uint32_t status, const std::string& body);

  void Start(StreamHandler handler);
  // What stands above now, under the open connections; returns when every worker has it.
  void Apply();
  void Stop() { workers_->Stop(); }

  const Address& address() const { return address_; }
  WorkerSet& workers() { return *workers_; }
  StatRegistry& stats() { return stats_; }
  uint64_t Get(Counter counter) const { return stats_.Sum(counter); }
  int64_t Get(Gauge gauge) const { return stats_.Sum(gauge).value; }
  const HttpStats& http() const { return listener.http.stats; }
  const ClusterStats& cluster(const std::string& name) { return clusters.at(name).stats; }

  // Runs on each worker, one after the other, between two of its turns.
  void OnWorkers(const std::function<void(scheduler::Processor&)>& function);
  // Turns of the workers go by until `done`; false after 20 s.
  bool Eventually(const std::function<bool()>& done);

  // The next line of the access log: status, flags, details, bytes received and sent.
  std::string LogLine();

 private:
  std::shared_ptr<const Snapshot> Build();

  StatRegistry stats_;
  Fd log_read_;  // goes after the last line was written
  scheduler::Pool control_;
  std::shared_ptr<AccessLogSink> sink_;
  std::unique_ptr<WorkerSet> workers_;
  Address address_;
};

}  // namespace outrigger::proxy
