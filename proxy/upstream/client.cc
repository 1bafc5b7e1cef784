#include "proxy/upstream/client.h"

#include "proxy/upstream/pool.h"

namespace outrigger::proxy {

Client::Client(std::shared_ptr<HostPool> pool, UpstreamServices services)
    : pool_(std::move(pool)),
      cluster_(pool_->cluster_ptr()),
      services_(services),
      session_(*this, cluster_->http2_options, cluster_->response_headers),
      idle_timer_(*this),
      started_(services.p.netpoll().Now()) {}

Client::~Client() { services_.p.netpoll().RemoveTimer(idle_timer_); }

size_t Client::capacity() const {
  if (state_ != State::kReady) return 0;
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most == 0) return session_.capacity();
  if (streams_opened_ >= most) return 0;
  return std::min<size_t>(session_.capacity(), most - streams_opened_);
}

Stream& Client::OpenStream() {
  ++streams_opened_;
  return session_.OpenStream();
}

void Client::Drain() {
  if (state_ == State::kConnecting) {
    state_ = State::kClosed;
    if (driver_) driver_->Close();
  } else {
    session_.Drain();
  }
}

void Client::OnWritable() {
  if (driver_) driver_->WantFlush();
}

void Client::OnCapacity() {
  if (state_ != State::kReady) return;
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most != 0 && streams_opened_ >= most && session_.open_streams() == 0) session_.Drain();
  pool_->OnCapacity();
}

void Client::OnIdleTimer() {
  const scheduler::Nanos limit = cluster_->idle_timeout;
  const scheduler::Nanos now = services_.p.netpoll().Now();
  const scheduler::Nanos idle_since = session_.open_streams() ? now : driver_->last_activity();
  if (now - idle_since >= limit) {
    services_.stats.Inc(cluster_->stats.upstream_cx_idle_timeout);
    session_.Drain();
    return;
  }
  // Lazy: looked at once a limit, not moved by each request.
  services_.p.netpoll().AddTimer(idle_timer_, idle_since + limit);
}

scheduler::Task<ErrorCode> Client::Connect() {
  const Cluster& cluster = *cluster_;
  if (state_ == State::kClosed) co_return ErrorCode::kDrain;
  absl::StatusOr<Fd> fd = StartConnect(pool_->host().address);
  if (!fd.ok()) co_return ErrorCode::kConnectFailure;
  const int raw = fd->get();
  driver_.emplace(services_.p, services_.read_buffer, *std::move(fd), session_);
  switch (co_await driver_->socket().poll().Writable(started_ + cluster.connect_timeout)) {
    case scheduler::Wake::kTimeout:
      services_.stats.Inc(cluster.stats.upstream_cx_connect_timeout);
      co_return ErrorCode::kConnectTimeout;
    case scheduler::Wake::kCancelled:
      co_return ErrorCode::kDrain;
    case scheduler::Wake::kReady:
      break;
  }
  if (state_ == State::kClosed) co_return ErrorCode::kDrain;
  connect_errno_ = ConnectError(raw);
  co_return connect_errno_ == 0 ? ErrorCode::kNone : ErrorCode::kConnectFailure;
}

scheduler::Task<> Client::Run(std::unique_ptr<Client> client) {
  HostPool& pool = *client->pool_;
  StatSlab& stats = client->services_.stats;
  const Cluster& cluster = *client->cluster_;
  const ClusterStats& counters = cluster.stats;
  stats.Inc(counters.upstream_cx_total);
  stats.Inc(counters.upstream_cx_http2_total);
  stats.Add(counters.upstream_cx_active, 1);
  ErrorCode end = co_await client->Connect();
  if (end == ErrorCode::kNone) {
    scheduler::Netpoll& netpoll = client->services_.p.netpoll();
    stats.Record(
        counters.upstream_cx_connect_ms,
        static_cast<uint64_t>((netpoll.Now() - client->started_) / scheduler::kMillisecond));
    client->state_ = State::kReady;
    client->was_ready_ = true;
    if (cluster.idle_timeout > 0) {
      netpoll.AddTimer(client->idle_timer_, netpoll.Now() + cluster.idle_timeout);
    }
    pool.OnReady(*client);
    end = co_await client->driver_->Run();
    stats.Add(counters.upstream_cx_rx_bytes_total, client->driver_->counts().received);
    stats.Add(counters.upstream_cx_tx_bytes_total, client->driver_->counts().sent);
    if (end == ErrorCode::kNone) end = ErrorCode::kConnectionClosed;
  } else if (end == ErrorCode::kConnectFailure) {
    stats.Inc(counters.upstream_cx_connect_fail);
  }
  client->state_ = State::kClosed;
  stats.Add(counters.upstream_cx_active, -1);
  stats.Inc(counters.upstream_cx_destroy);
  pool.OnClosed(*client, end);
  client->session_.Abort(ErrorCode::kConnectionClosed);
}

}  // namespace outrigger::proxy
