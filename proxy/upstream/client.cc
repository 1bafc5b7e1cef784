#include "proxy/upstream/client.h"

#include <algorithm>

#include "proxy/upstream/pool.h"

namespace outrigger::proxy {

Client::Client(LocalRef<HostPool> pool, UpstreamServices services)
    : pool_(std::move(pool)),
      cluster_(pool_->cluster_ptr()),
      services_(services),
      session_(*this, cluster_->http2_options, cluster_->response_headers,
               {&services.stats, cluster_->stats.http2}),
      keepalive_(cluster_->http2_options, services.p.netpoll().Now(),
                 static_cast<uint64_t>(scheduler::MonotonicNow())),
      timer_(*this),
      idle_since_(services.p.netpoll().Now()),
      started_(idle_since_) {}

Client::~Client() { services_.p.netpoll().RemoveTimer(timer_); }

size_t Client::capacity() const {
  if (state_ != State::kReady) return 0;
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most == 0) return session_.capacity();
  if (streams_opened_ >= most) return 0;
  return std::min<size_t>(session_.capacity(), most - streams_opened_);
}

Stream& Client::OpenStream() {
  ++streams_opened_;
  if (keepalive_.WantsPing(services_.p.netpoll().Now(), driver_->last_activity())) {
    session_.Ping();
    keepalive_.Sent(services_.p.netpoll().Now());
    ArmTimer(keepalive_.next());
  }
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
  idle_since_ = services_.p.netpoll().Now();
  if (!draining_ && session_.goaway_received()) {
    draining_ = true;
    services_.stats.Inc(cluster_->stats.upstream_cx_close_notify);
  }
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most != 0 && streams_opened_ >= most && session_.open_streams() == 0) session_.Drain();
  pool_->OnCapacity();
}

void Client::ArmTimer(scheduler::Nanos deadline) {
  if (!timer_.armed() || deadline < timer_.deadline) {
    services_.p.netpoll().AddTimer(timer_, deadline);
  }
}

void Client::OnTimer() {
  const scheduler::Nanos now = services_.p.netpoll().Now();
  const scheduler::Nanos next = std::min(CheckIdle(now), CheckKeepalive(now));
  if (next != scheduler::kNever) ArmTimer(next);
}

scheduler::Nanos Client::CheckIdle(scheduler::Nanos now) {
  const scheduler::Nanos limit = cluster_->idle_timeout;
  if (limit <= 0 || session_.draining()) return scheduler::kNever;
  const scheduler::Nanos end = (session_.open_streams() ? now : idle_since_) + limit;
  if (now < end) return end;
  services_.stats.Inc(cluster_->stats.upstream_cx_idle_timeout);
  session_.Drain();
  return scheduler::kNever;
}

scheduler::Nanos Client::CheckKeepalive(scheduler::Nanos now) {
  switch (keepalive_.Check(now, session_.pings_unanswered() == 0, driver_->last_received())) {
    case http2::Keepalive::Act::kPing:
      session_.Ping();
      break;
    case http2::Keepalive::Act::kGiveUp:
      session_.Count(&Http2Stats::keepalive_timeout);
      driver_->Close();
      return scheduler::kNever;
    case http2::Keepalive::Act::kNone:
      break;
  }
  return keepalive_.next();
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
    case scheduler::Wake::kClosed:  // of channels alone
      break;
  }
  if (state_ == State::kClosed) co_return ErrorCode::kDrain;
  connect_errno_ = ConnectError(raw);
  if (connect_errno_ != 0) co_return ErrorCode::kConnectFailure;
  if (!cluster.tls) co_return ErrorCode::kNone;
  const TlsHandshake result =
      co_await driver_->StartTls(cluster.tls, started_ + cluster.connect_timeout);
  if (state_ == State::kClosed) co_return ErrorCode::kDrain;
  co_return AfterHandshake(result);
}

ErrorCode Client::AfterHandshake(TlsHandshake result) {
  const TlsTransport& tls = *driver_->tls();
  switch (result) {
    case TlsHandshake::kTimeout:
      services_.stats.Inc(cluster_->stats.upstream_cx_connect_timeout);
      return ErrorCode::kConnectTimeout;
    case TlsHandshake::kCancelled:
      return ErrorCode::kDrain;
    case TlsHandshake::kDone:
      tls.Count(services_.stats);
      return ErrorCode::kNone;
    case TlsHandshake::kFailed:
      break;
  }
  tls.Count(services_.stats);
  // Without a word of the library's the peer has closed, as Envoy tells it.
  if (tls.failure().empty()) return ErrorCode::kConnectionClosed;
  transport_failure_ = tls.failure();
  return ErrorCode::kConnectFailure;
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
    client->idle_since_ = netpoll.Now();
    client->OnTimer();  // arms
    pool.OnReady(*client);
    end = co_await client->driver_->Run();
    stats.Add(counters.upstream_cx_rx_bytes_total, client->driver_->counts().received);
    stats.Add(counters.upstream_cx_tx_bytes_total, client->driver_->counts().sent);
    if (end == ErrorCode::kProtocol) stats.Inc(counters.upstream_cx_protocol_error);
    if (end == ErrorCode::kNone) end = ErrorCode::kConnectionClosed;
  } else if (end == ErrorCode::kConnectFailure) {
    stats.Inc(counters.upstream_cx_connect_fail);
  }
  client->state_ = State::kClosed;
  stats.Add(counters.upstream_cx_active, -1);
  stats.Inc(counters.upstream_cx_destroy);
  pool.OnClosed(*client, end);
  client->session_.Abort(end == ErrorCode::kProtocol ? end : ErrorCode::kConnectionClosed);
}

}  // namespace outrigger::proxy
