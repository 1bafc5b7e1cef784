#include "proxy/worker/worker.h"

namespace outrigger::proxy {

void Worker::Apply(std::shared_ptr<const Snapshot> snapshot) {
  shard_.upstreams.Apply(snapshot);
  for (const auto& listener : snapshot->listeners) {
    const auto active = listeners_.find(listener->name);
    if (active != listeners_.end()) active->second->Set(listener);
  }
}

void Worker::Listen(std::shared_ptr<const Listener> listener, StreamHandler handler, int fd) {
  std::shared_ptr<ActiveListener>& active = listeners_[listener->name];
  if (!active) active = std::make_shared<ActiveListener>(std::move(listener), handler);
  scheduler::Go("accept", AcceptConnections(shard_, active, connections_, dates_, fd));
}

void Worker::SetHosts(const std::string& cluster, std::shared_ptr<const HostSet> hosts) {
  shard_.upstreams.SetHosts(cluster, std::move(hosts));
}

void Worker::Drain() {
  shard_.draining = true;
  connections_.DrainAll();
}

}  // namespace outrigger::proxy
