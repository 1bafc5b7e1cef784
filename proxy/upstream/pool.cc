#include "proxy/upstream/pool.h"

#include <algorithm>

namespace outrigger::proxy {

HostPool::HostPool(std::shared_ptr<const Cluster> cluster, std::shared_ptr<const Host> host,
                   UpstreamServices services)
    : cluster_(std::move(cluster)), host_(std::move(host)), services_(services) {}

Client* HostPool::Usable() {
  for (Client* client : clients_) {
    if (client->capacity() > 0) return client;
  }
  return nullptr;
}

Stream* HostPool::Acquire(PendingStream& pending) {
  // Those who wait go first.
  if (pending_ == 0) {
    if (Client* client = Usable()) return &client->OpenStream();
  }
  if (pending_ >= cluster_->circuit_breakers.max_pending_requests) {
    services_.stats.Inc(cluster_->stats.upstream_rq_pending_overflow);
    pending.error = {ErrorCode::kOverflow, Side::kLocal, false};
    return nullptr;
  }
  services_.stats.Inc(cluster_->stats.upstream_rq_pending_total);
  services_.stats.Add(cluster_->stats.upstream_rq_pending_active, 1);
  pending.pool = this;
  pending.prev = pending_tail_;
  pending.next = nullptr;
  (pending_tail_ ? pending_tail_->next : pending_head_) = &pending;
  pending_tail_ = &pending;
  ++pending_;
  if (connecting_ == 0) Connect();
  return nullptr;
}

void HostPool::Cancel(PendingStream& pending) {
  if (pending.pool != this) return;
  (pending.prev ? pending.prev->next : pending_head_) = pending.next;
  (pending.next ? pending.next->prev : pending_tail_) = pending.prev;
  pending.pool = nullptr;
  --pending_;
  services_.stats.Add(cluster_->stats.upstream_rq_pending_active, -1);
}

void HostPool::Connect() {
  if (clients_.size() >= std::max<uint32_t>(cluster_->circuit_breakers.max_connections, 1)) {
    services_.stats.Inc(cluster_->stats.upstream_cx_overflow);
    return;  // the queue waits for a stream of an open connection
  }
  auto client = std::make_unique<Client>(shared_from_this(), services_);
  clients_.push_back(client.get());
  ++connecting_;
  scheduler::Go("upstream connection", Client::Run(std::move(client)));
}

void HostPool::OnReady(Client&) {
  --connecting_;
  Serve();
}

void HostPool::OnCapacity() { Serve(); }

void HostPool::Serve() {
  while (PendingStream* pending = pending_head_) {
    Client* client = Usable();
    if (!client) {
      if (connecting_ == 0) Connect();
      return;
    }
    Cancel(*pending);
    pending->stream = &client->OpenStream();
    pending->signal->Set();
  }
}

void HostPool::OnClosed(Client& client, ErrorCode code) {
  std::erase(clients_, &client);
  if (!client.was_ready()) {
    --connecting_;
    Fail(code, client.connect_errno());
  } else if (!retired_) {
    Serve();
  }
}

void HostPool::Fail(ErrorCode code, int connect_errno) {
  while (PendingStream* pending = pending_head_) {
    Cancel(*pending);
    pending->error = {code, Side::kUpstream, /*retry=*/true};
    pending->connect_errno = connect_errno;
    pending->signal->Set();
  }
}

void HostPool::Retire() {
  retired_ = true;
  Fail(ErrorCode::kNoHealthyHost);
  for (Client* client : std::vector<Client*>(clients_)) client->Drain();
}

}  // namespace outrigger::proxy
