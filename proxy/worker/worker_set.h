// worker_set.h: the data pool: all workers, their threads and their listening sockets. What the
// control side sees of the data plane; every call becomes an item in the workers' mailboxes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proxy/worker/worker.h"
#include "scheduler/base/mutex.h"
#include "scheduler/pool.h"

namespace outrigger::proxy {

// Runs on: any thread outside of the data pool. Owner: the process. Thread-safety: any, but for
// Bind, Start, Stop and destruction: the owner.
class WorkerSet {
 public:
  // One worker for each CPU set, bound to it.
  WorkerSet(StatRegistry& stats, std::vector<scheduler::CpuSet> affinity);
  ~WorkerSet();

  // Opens a socket for each worker on every address of every listener, before any worker accepts:
  // an address in use fails here and not half way. The error names listener and address.
  absl::Status Bind(const Snapshot& snapshot);
  // Hands the clusters to every worker, then lets them accept.
  void Start(std::shared_ptr<const Snapshot> snapshot, StreamHandler handler);
  // A new configuration of the listeners that were started, and all clusters.
  void Apply(const std::shared_ptr<const Snapshot>& snapshot);
  void SetHosts(const std::string& cluster, const std::shared_ptr<const HostSet>& hosts);

  // Open connections finish what they have and close; new ones are still taken.
  void Drain();
  // Cuts open connections off.
  void CloseConnections();
  // New connections are refused from now on. Open ones go on.
  void StopListening();
  // Ends every coroutine and thread. Idempotent.
  void Stop();

  // Figures.
  size_t connections() const;
  scheduler::Pool& pool() { return *pool_; }
  // The bound addresses of a listener (ephemeral ports resolved).
  std::vector<Address> Addresses(const std::string& listener) const;

 private:
  struct Bound {
    std::string listener;
    Address address;
    std::vector<Fd> fds;  // one a worker; or one for all, if the address cannot be shared
  };
  using HostsByCluster = std::map<std::string, std::shared_ptr<const HostSet>>;
  // Host sets on their way to a worker, however many as one item of its mailbox: thousands of
  // clusters are resolved at once.
  struct HostInbox {
    scheduler::Mutex mutex;
    HostsByCluster hosts OUTRIGGER_GUARDED_BY(mutex);
    bool posted OUTRIGGER_GUARDED_BY(mutex) = false;
  };

  void TakeHosts(size_t i);  // on that worker
  absl::Status BindAddress(const Listener& listener, const Address& address);

  StatRegistry& stats_;
  const size_t count_;
  std::vector<HostInbox> inboxes_;
  std::vector<Bound> bound_;  // closed last: see acceptor.h
  std::vector<StatSlab*> slabs_;
  std::unique_ptr<scheduler::Pool> pool_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace outrigger::proxy
