#include "proxy/upstream/client.h"

#include <algorithm>

#include "proxy/upstream/pool.h"

namespace outrigger::proxy {

Client::Client(LocalRef<HostPool> pool, bool http2, UpstreamServices services)
    : pool_(std::move(pool)),
      cluster_(pool_->cluster_ptr()),
      services_(services),
      http1_rules_{{cluster_->response_headers.max_bytes, cluster_->response_headers.max_count},
                   cluster_->http1_trailers},
      keepalive_(cluster_->http2_options, services.p.netpoll().Now(),
                 static_cast<uint64_t>(scheduler::MonotonicNow())),
      timer_(*this),
      idle_since_(services.p.netpoll().Now()),
      started_(idle_since_) {
  if (http2) {
    auto session = std::make_unique<http2::ClientSession>(
        *this, cluster_->http2_options, cluster_->response_headers,
        http2::SessionStats{&services.stats, cluster_->stats.http2});
    http2_ = session.get();
    codec_ = std::move(session);
  } else {
    auto codec = std::make_unique<http1::Http1ClientCodec>(*this, http1_rules_);
    http1_ = codec.get();
    codec_ = std::move(codec);
  }
}

Client::~Client() { services_.p.netpoll().RemoveTimer(timer_); }

size_t Client::capacity() const {
  if (state_ != State::kReady) return 0;
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most != 0 && streams_opened_ >= most) return 0;
  if (http1_) return http1_->capacity();
  return most == 0 ? http2_->capacity()
                   : std::min<size_t>(http2_->capacity(), most - streams_opened_);
}

Stream& Client::OpenStream() {
  ++streams_opened_;
  if (http1_) return http1_->OpenStream();
  if (keepalive_.WantsPing(services_.p.netpoll().Now(), driver_->last_activity())) {
    http2_->Ping();
    keepalive_.Sent(services_.p.netpoll().Now());
    ArmTimer(keepalive_.next());
  }
  return http2_->OpenStream();
}

void Client::Drain() {
  if (state_ == State::kConnecting) {
    state_ = State::kClosed;
    if (driver_) driver_->Close();
  } else {
    codec_->Drain();
  }
}

void Client::OnWritable() {
  if (!driver_) return;
  // Nobody waits for what is left of a request that was given up, and the peer may take no more.
  if (http1_ && http1_->finished()) return driver_->Close();
  driver_->WantFlush();
}

void Client::OnCapacity() {
  if (state_ != State::kReady) return;
  idle_since_ = services_.p.netpoll().Now();
  if (!draining_ && (http2_ ? http2_->goaway_received() : http1_->close_received())) {
    draining_ = true;
    services_.stats.Inc(cluster_->stats.upstream_cx_close_notify);
  }
  const uint32_t most = cluster_->max_requests_per_connection;
  if (most != 0 && streams_opened_ >= most && codec_->open_streams() == 0) codec_->Drain();
  // The answer came before the peer had taken the request, and it takes no more of it.
  if (http1_ && driver_->blocked_since() != scheduler::kNever) {
    codec_->Drain();
    driver_->Close();
  }
  pool_->OnCapacity(*this);
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
  if (limit <= 0 || draining()) return scheduler::kNever;
  const scheduler::Nanos end = (codec_->open_streams() ? now : idle_since_) + limit;
  if (now < end) return end;
  services_.stats.Inc(cluster_->stats.upstream_cx_idle_timeout);
  codec_->Drain();
  return scheduler::kNever;
}

scheduler::Nanos Client::CheckKeepalive(scheduler::Nanos now) {
  if (!http2_) return scheduler::kNever;
  switch (keepalive_.Check(now, http2_->pings_unanswered() == 0, driver_->last_received())) {
    case http2::Keepalive::Act::kPing:
      http2_->Ping();
      break;
    case http2::Keepalive::Act::kGiveUp:
      http2_->Count(&Http2Stats::keepalive_timeout);
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
  driver_.emplace(services_.p, services_.read_buffer, *std::move(fd), *codec_);
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
  stats.Inc(client->http2_ ? counters.upstream_cx_http2_total : counters.upstream_cx_http1_total);
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
    if (end == ErrorCode::kNone) end = ErrorCode::kConnectionClosed;
  } else if (end == ErrorCode::kConnectFailure) {
    stats.Inc(counters.upstream_cx_connect_fail);
  }
  client->state_ = State::kClosed;
  stats.Add(counters.upstream_cx_active, -1);
  stats.Inc(counters.upstream_cx_destroy);
  pool.OnClosed(*client, end);
  client->codec_->Abort(end);
  if (client->codec_->failed()) stats.Inc(counters.upstream_cx_protocol_error);
}

}  // namespace outrigger::proxy
