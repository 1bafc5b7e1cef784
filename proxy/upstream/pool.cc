#include "proxy/upstream/pool.h"

#include <algorithm>
#include <utility>

namespace outrigger::proxy {
namespace {

// Connections that one event may start: a burst of requests must not become one of connections.
constexpr int kConnectsAtOnce = 3;

}  // namespace

HostPool::HostPool(LocalRef<ClusterView> view, std::shared_ptr<const Host> host,
                   UpstreamServices services)
    : view_(std::move(view)),
      host_(std::move(host)),
      counters_(&host_->counters.Of(services.p.id())),
      services_(services) {}

void HostPool::Set(LocalRef<ClusterView> view, std::shared_ptr<const Host> host) {
  const bool other_security = !cluster().tls != !view->cluster().tls;
  view_ = std::move(view);
  for (const Connection& connection : connections_) {
    // One that is not ready yet is told when it is.
    if (!connection.client->was_ready()) continue;
    if (other_security || !Wanted(*connection.client)) connection.client->Drain();
  }
  if (host == host_) return;
  host_ = std::move(host);
  HostCounters* counters = &host_->counters.Of(services_.p.id());
  if (counters == counters_) return;
  // What is open is this pool's alone, and goes with it.
  for (auto gauge :
       {&HostCounters::cx_active, &HostCounters::rq_active, &HostCounters::rq_pending_active}) {
    const auto open = static_cast<int64_t>((counters_->*gauge).load(std::memory_order_relaxed));
    HostCounters::Add(counters_->*gauge, -open);
    HostCounters::Add(counters->*gauge, open);
  }
  counters_ = counters;
}

void HostPool::CountAnswer(uint32_t status, bool timed_out) {
  if (timed_out) HostCounters::Add(counters_->rq_timeout);
  HostCounters::Add(status >= 500 ? counters_->rq_error : counters_->rq_success);
}

Client* HostPool::Usable(bool http2) {
  if (!http2) {
    while (!free_.empty() && free_.back()->capacity() == 0) free_.pop_back();
    return free_.empty() ? nullptr : free_.back();
  }
  for (const Connection& connection : connections_) {
    if (connection.client->http2() && connection.client->capacity() > 0) return connection.client;
  }
  return nullptr;
}

Stream* HostPool::Acquire(PendingStream& pending) {
  pending.Clear();
  if (retired_) {
    pending.error = {ErrorCode::kNoHealthyHost, Side::kLocal, /*retry=*/true};
    return nullptr;
  }
  pending.pool_ = LocalRef<HostPool>(this);
  pending.view_ = view_;
  // Those who wait go first.
  if (queue(pending).size == 0) {
    if (Client* client = Usable(pending.http2)) return Open(*client, pending);
  }
  if (!view_->breaker(pending.high_priority).TryTake(Resource::kPendingRequests)) {
    Overflow(pending, view_->cluster().stats.upstream_rq_pending_overflow);
    return nullptr;
  }
  Enqueue(pending);
  ConnectForQueues(pending.http2);
  return nullptr;
}

Stream* HostPool::Open(Client& client, PendingStream& pending) {
  const ClusterStats& stats = pending.view_->cluster().stats;
  if (!pending.view_->breaker(pending.high_priority).TryTake(Resource::kRequests)) {
    Overflow(pending, stats.upstream_rq_active_overflow);
    return nullptr;
  }
  services_.stats.Inc(stats.upstream_rq_total);
  services_.stats.Inc(stats.upstream_rq_active);
  HostCounters::Add(counters_->rq_total);
  HostCounters::Add(counters_->rq_active);
  pending.place_ = PendingStream::Place::kOpen;
  if (!client.http2()) free_.pop_back();  // Usable() took it from there
  pending.stream = &client.OpenStream();
  pending.stream->SetCloseListener(&pending);
  const uint32_t most = cluster().max_requests_per_connection;
  if (most != 0 && client.streams_opened() == most) {
    services_.stats.Inc(stats.upstream_cx_max_requests);
  }
  return pending.stream;
}

void HostPool::Overflow(PendingStream& pending, Counter counter) {
  services_.stats.Inc(counter);
  pending.error = {ErrorCode::kOverflow, Side::kLocal, false};
}

void HostPool::Leave(PendingStream& pending) {
  const ClusterStats& stats = pending.view_->cluster().stats;
  if (pending.place_ == PendingStream::Place::kQueued) {
    services_.stats.Inc(stats.upstream_rq_cancelled);
    Dequeue(pending);
    DrainIfDone();
  } else {
    services_.stats.Dec(stats.upstream_rq_active);
    HostCounters::Add(counters_->rq_active, -1);
    pending.view_->breaker(pending.high_priority).GiveBack(Resource::kRequests);
    pending.place_ = PendingStream::Place::kNone;
  }
}

void HostPool::Enqueue(PendingStream& pending) {
  const ClusterStats& stats = pending.view_->cluster().stats;
  services_.stats.Inc(stats.upstream_rq_pending_total);
  services_.stats.Inc(stats.upstream_rq_pending_active);
  HostCounters::Add(counters_->rq_pending_active);
  pending.place_ = PendingStream::Place::kQueued;
  Queue& queue = this->queue(pending);
  pending.prev_ = queue.tail;
  pending.next_ = nullptr;
  (queue.tail ? queue.tail->next_ : queue.head) = &pending;
  queue.tail = &pending;
  ++queue.size;
}

void HostPool::Dequeue(PendingStream& pending) {
  Queue& queue = this->queue(pending);
  (pending.prev_ ? pending.prev_->next_ : queue.head) = pending.next_;
  (pending.next_ ? pending.next_->prev_ : queue.tail) = pending.prev_;
  pending.place_ = PendingStream::Place::kNone;
  --queue.size;
  HostCounters::Add(counters_->rq_pending_active, -1);
  services_.stats.Dec(pending.view_->cluster().stats.upstream_rq_pending_active);
  pending.view_->breaker(pending.high_priority).GiveBack(Resource::kPendingRequests);
}

size_t HostPool::StreamsPerConnection(bool http2) const {
  if (!http2) return 1;
  const Cluster& cluster = view_->cluster();
  size_t streams = cluster.http2_options.max_concurrent_streams;
  if (cluster.max_requests_per_connection != 0) {
    streams = std::min<size_t>(streams, cluster.max_requests_per_connection);
  }
  // A full connection shows how many the peer lets in; not one that is at its last requests.
  const uint64_t most = cluster.max_requests_per_connection;
  for (const Connection& connection : connections_) {
    const Client& client = *connection.client;
    if (!client.http2() || client.state() != Client::State::kReady || client.draining()) continue;
    if (most != 0 && client.streams_opened() >= most) continue;
    streams = std::min(streams, std::max<size_t>(client.open_streams(), 1));
  }
  return streams;
}

void HostPool::ConnectForQueues(bool http2) {
  const Lane& lane = lanes_[http2];
  if (lane.waiting() == 0) return;  // as a rule
  for (int i = 0; i < kConnectsAtOnce; ++i) {
    if (lane.waiting() <= lane.connecting * StreamsPerConnection(http2)) return;
    if (!ConnectForOne(http2)) return;
  }
}

bool HostPool::ConnectForOne(bool http2) {
  for (const bool high_priority : {true, false}) {
    if (lanes_[http2].queues[high_priority].size > 0 && Connect(http2, high_priority)) return true;
  }
  return false;
}

bool HostPool::Connect(bool http2, bool high_priority) {
  CircuitBreaker& breaker = view_->breaker(high_priority);
  const bool allowed = breaker.TryTake(Resource::kConnections);
  if (!allowed) {
    services_.stats.Inc(view_->cluster().stats.upstream_cx_overflow);
    // Other hosts or workers have them all. Without a single connection, those who wait here would
    // wait for ever: Envoy lets each pool have one.
    const bool has_one =
        std::any_of(connections_.begin(), connections_.end(),
                    [&](const Connection& open) { return open.client->http2() == http2; });
    if (has_one) return false;
    breaker.Take(Resource::kConnections);
  }
  auto client = std::make_unique<Client>(LocalRef<HostPool>(this), http2, services_);
  connections_.push_back({client.get(), view_, high_priority});
  ++lanes_[http2].connecting;
  HostCounters::Add(counters_->cx_total);
  HostCounters::Add(counters_->cx_active);
  scheduler::Go("upstream connection", Client::Run(std::move(client)));
  return allowed;
}

void HostPool::OnReady(Client& client) {
  --lanes_[client.http2()].connecting;
  OnCapacity(client);
}

void HostPool::OnCapacity(Client& client) {
  if (!Wanted(client)) client.Drain();
  if (!client.http2() && client.capacity() > 0) free_.push_back(&client);
  Serve(client.http2());
}

void HostPool::Serve(bool http2) {
  for (const bool high_priority : {true, false}) {
    while (PendingStream* pending = lanes_[http2].queues[high_priority].head) {
      Client* client = Usable(http2);
      if (!client) break;
      Dequeue(*pending);
      Open(*client, *pending);
      pending->signal->Set();
    }
  }
  ConnectForQueues(http2);
  DrainIfDone();
}

void HostPool::OnClosed(Client& client, ErrorCode code) {
  const auto gone = std::find_if(connections_.begin(), connections_.end(),
                                 [&](const Connection& c) { return c.client == &client; });
  gone->view->breaker(gone->high_priority).GiveBack(Resource::kConnections);
  connections_.erase(gone);
  std::erase(free_, &client);
  HostCounters::Add(counters_->cx_active, -1);
  if (!client.was_ready()) {
    Lane& lane = lanes_[client.http2()];
    --lane.connecting;
    HostCounters::Add(counters_->cx_connect_fail);
    Fail(lane, code, client);
  } else {
    Serve(client.http2());
  }
  Serve(!client.http2());  // its permit may be what those of the other version wait for
}

void HostPool::Fail(Lane& lane, ErrorCode code, const Client& client) {
  for (Queue& queue : lane.queues) {
    while (PendingStream* pending = queue.head) {
      services_.stats.Inc(pending->view_->cluster().stats.upstream_rq_pending_failure_eject);
      Dequeue(*pending);
      pending->error = {code, Side::kUpstream, /*retry=*/true};
      pending->connect_errno = client.connect_errno();
      pending->transport_failure = client.transport_failure();
      pending->signal->Set();
    }
  }
  DrainIfDone();
}

void HostPool::Retire() {
  retired_ = true;
  DrainIfDone();
}

void HostPool::DrainIfDone() {
  if (!retired_ || waiting() > 0 || std::exchange(draining_, true)) return;
  for (const Connection& connection : std::vector<Connection>(connections_)) {
    connection.client->Drain();
  }
}

}  // namespace outrigger::proxy
