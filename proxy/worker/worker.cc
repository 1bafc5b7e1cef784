#include "proxy/worker/worker.h"

namespace outrigger::proxy {

void Worker::Apply(std::shared_ptr<const Snapshot> snapshot) { shard_.upstreams.Apply(*snapshot); }

void Worker::Listen(std::shared_ptr<const ConnectionOptions> options, int fd) {
  accept_loops_.push_back(scheduler::Go(
      "accept", AcceptConnections(shard_, std::move(options), connections_, dates_, fd)));
}

void Worker::SetHosts(const std::string& cluster, std::shared_ptr<const HostSet> hosts) {
  shard_.upstreams.SetHosts(cluster, std::move(hosts));
}

void Worker::Drain() {
  shard_.draining = true;
  connections_.DrainAll();
}

void Worker::StopListening() {
  for (scheduler::JoinHandle& loop : accept_loops_) loop.Cancel();
  accept_loops_.clear();
}

}  // namespace outrigger::proxy
