// worker.h: one P of the data pool at work: its shard, its listeners' accept loops, its
// connections. Control reaches it only through its mailbox.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/listener/acceptor.h"

namespace outrigger::proxy {

// Runs on: its worker, but for what says any. Owner: WorkerSet. Thread-safety: confined.
class Worker {
 public:
  Worker(int id, scheduler::Processor& p, StatSlab& stats) : shard_(id, p, stats) {}

  // Takes over the clusters, and the settings and routes of the listeners it serves.
  void Apply(std::shared_ptr<const Snapshot> snapshot);
  // Accepts on `fd`, which outlives the worker.
  void Listen(std::shared_ptr<const Listener> listener, StreamHandler handler, int fd);
  void SetHosts(const std::string& cluster, std::shared_ptr<const HostSet> hosts);
  // Every connection finishes what it has; new ones too, one by one.
  void Drain();

  // Cuts open connections off.
  void CloseConnections() { connections_.CloseAll(); }

  size_t connections() const { return connections_.size(); }
  Shard& shard() { return shard_; }

 private:
  Shard shard_;
  ConnectionManager::List connections_;
  DateCache dates_;
  std::map<std::string, std::shared_ptr<ActiveListener>> listeners_;  // by name
};

}  // namespace outrigger::proxy
