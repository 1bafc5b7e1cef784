#include "proxy/connection/connection_manager.h"

#include <algorithm>
#include <string_view>

#include "proxy/codec/http1/server_codec.h"
#include "proxy/connection/client_cert.h"
#include "scheduler/base/log.h"

namespace outrigger::proxy {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 3.4
// A client that connects and says nothing.
constexpr scheduler::Nanos kFirstBytesTimeout = 30 * kSecond;
// From a head's first byte to its last, where request_headers_timeout says nothing: long enough for
// any link, and an end to whoever holds a connection by half a head.
constexpr scheduler::Nanos kHeadTimeout = 60 * kSecond;
// How long the requests of a peer that resets most of them wait (h2o's figure).
constexpr scheduler::Nanos kSuspectDelay = 100 * scheduler::kMillisecond;

}  // namespace

ConnectionManager::ConnectionManager(Shard& shard, std::shared_ptr<ActiveListener> active,
                                     List& list, DateCache& dates)
    : shard_(shard),
      active_(std::move(active)),
      list_(list),
      dates_(dates),
      id_(static_cast<uint64_t>(shard.id) << 48 | shard.next_connection++),
      opened_(shard.Now()),
      listener_active_(active_->listener->stats.downstream_cx_active),
      http_active_(active_->listener->http.stats.downstream_cx_active),
      uses_tls_(active_->listener->tls != nullptr),
      timer_(*this),
      idle_since_(opened_) {
  http1_rules_.limits.max_bytes = http().request_headers.max_bytes;
  http1_rules_.limits.max_count = http().request_headers.max_count;
  if (uses_tls_) http1_rules_.scheme = "https";
  list_.Add(*this);
  const Listener& listener = *active_->listener;
  shard_.stats.Inc(listener.stats.downstream_cx_total);
  shard_.stats.Inc(listener_active_);
  shard_.stats.Inc(listener.http.stats.downstream_cx_total);
  shard_.stats.Inc(http_active_);
  if (!uses_tls_) return;
  shard_.stats.Inc(listener.http.stats.downstream_cx_ssl_total);
  shard_.stats.Inc(listener.http.stats.downstream_cx_ssl_active);
}

ConnectionManager::~ConnectionManager() {
  shard_.p.netpoll().RemoveTimer(timer_);
  list_.Remove(*this);
  const Listener& listener = *active_->listener;
  const uint64_t ms = static_cast<uint64_t>((shard_.Now() - opened_) / scheduler::kMillisecond);
  shard_.stats.Dec(listener_active_);
  shard_.stats.Inc(listener.stats.downstream_cx_destroy);
  shard_.stats.Record(listener.stats.downstream_cx_length_ms, ms);
  shard_.stats.Dec(http_active_);
  if (uses_tls_) shard_.stats.Dec(listener.http.stats.downstream_cx_ssl_active);
  shard_.stats.Inc(listener.http.stats.downstream_cx_destroy);
  shard_.stats.Record(listener.http.stats.downstream_cx_length_ms, ms);
}

scheduler::Task<ErrorCode> ConnectionManager::ShakeHands(scheduler::Processor& p, int fd) {
  const std::shared_ptr<const Listener> listener = active_->listener;
  if (!listener->tls) co_return ErrorCode::kNone;
  tls_ = std::make_unique<TlsTransport>(listener->tls, fd);
  scheduler::PollFd poll(p.netpoll(), fd);
  const scheduler::Nanos limit = listener->handshake_timeout;
  const TlsHandshake result =
      co_await FinishHandshake(*tls_, poll, limit > 0 ? shard_.Now() + limit : scheduler::kNever);
  if (result == TlsHandshake::kCancelled) co_return ErrorCode::kDrain;
  if (result == TlsHandshake::kTimeout) {
    shard_.stats.Inc(listener->stats.downstream_cx_transport_socket_connect_timeout);
    co_return ErrorCode::kConnectTimeout;
  }
  tls_->Count(shard_.stats);
  if (result == TlsHandshake::kDone) {
    tls_peer_ = tls_->Describe();
    co_return ErrorCode::kNone;
  }
  // A stranger can make any number of these.
  OUTRIGGER_LOG(kDebug, "tls", "listener \"%s\": handshake failed: %s", listener->name,
                tls_->failure().empty() ? "closed by the peer" : tls_->failure());
  co_return ErrorCode::kConnectFailure;
}

scheduler::Task<ErrorCode> ConnectionManager::ChooseCodec(scheduler::Processor& p, int fd,
                                                          Slice& first) {
  const HttpListenerOptions::CodecType type = http().codec;
  bool http2 = type == HttpListenerOptions::CodecType::kHttp2;
  if (type == HttpListenerOptions::CodecType::kAuto && tls_ && !tls_->alpn().empty()) {
    http2 = tls_->alpn() == "h2";
  } else if (type == HttpListenerOptions::CodecType::kAuto) {
    // AUTO: the client's first bytes tell (Envoy's http_inspector rule).
    std::vector<char> start;
    scheduler::PollFd poll(p.netpoll(), fd);
    const scheduler::Nanos deadline = shard_.Now() + kFirstBytesTimeout;
    while (true) {
      char buffer[1024];
      const IoResult got =
          tls_ ? tls_->Read(buffer, sizeof(buffer)) : ReadFrom(fd, buffer, sizeof(buffer));
      if (got.kind == IoResult::Kind::kBytes) {
        start.insert(start.end(), buffer, buffer + got.bytes);
        const size_t compare = std::min(start.size(), kPreface.size());
        if (!std::equal(start.begin(), start.begin() + static_cast<ptrdiff_t>(compare),
                        kPreface.begin())) {
          break;
        }
        http2 = compare == kPreface.size();
        if (http2) break;
        continue;
      }
      if (got.kind != IoResult::Kind::kAgain) co_return ErrorCode::kConnectionClosed;
      if (co_await poll.Readable(deadline) != scheduler::Wake::kReady) {
        co_return ErrorCode::kIdleTimeout;
      }
    }
    first = Slice::Copy({start.data(), start.size()});
  }
  MakeCodec(http2);
  co_return ErrorCode::kNone;
}

std::string_view ConnectionManager::client_cert_element() {
  if (!tls_peer_ || !tls_peer_->presented) return {};
  if (client_cert_as_ != active_->listener) {
    client_cert_as_ = active_->listener;
    client_cert_element_ = ClientCertElement(http().client_cert_details, *tls_peer_);
  }
  return client_cert_element_;
}

void ConnectionManager::MakeCodec(bool http2) {
  const HttpListenerOptions& options = http();  // now: it may have changed while this waited
  if (http2) {
    auto session = std::make_unique<http2::ServerSession>(
        *this, options.http2, options.request_headers,
        http2::SessionStats{&shard_.stats, options.stats.http2});
    http2_ = session.get();
    codec_ = std::move(session);
    keepalive_.emplace(options.http2, shard_.Now(), shard_.random.Next());
    shard_.stats.Inc(options.stats.downstream_cx_http2_total);
  } else {
    codec_ = std::make_unique<http1::Http1ServerCodec>(*this, http1_rules_);
    shard_.stats.Inc(options.stats.downstream_cx_http1_total);
  }
}

scheduler::Task<> ConnectionManager::Serve(Shard& shard, std::shared_ptr<ActiveListener> active,
                                           List& list, DateCache& dates, Fd fd) {
  ConnectionManager self(shard, std::move(active), list, dates);
  if (self.listener()->address.is_ip()) SetNoDelay(fd.get());
  Slice first;
  ErrorCode end = co_await self.ShakeHands(shard.p, fd.get());
  if (end != ErrorCode::kNone) co_return;
  end = co_await self.ChooseCodec(shard.p, fd.get(), first);
  if (end != ErrorCode::kNone) co_return;
  self.driver_.emplace(shard.p, shard.read_buffer, std::move(fd), *self.codec_,
                       std::move(self.tls_));
  self.local_ = self.driver_->socket().LocalAddress();
  self.peer_ = self.driver_->socket().PeerAddress();
  self.OnTimer();               // arms
  self.OnStall(/*head=*/true);  // the preface's
  if (shard.draining) self.Drain();
  end = co_await self.driver_->Run(std::exchange(first, {}));
  if (end == ErrorCode::kProtocol) self.CountFault();
  self.codec_->Abort(end == ErrorCode::kNone ? ErrorCode::kConnectionClosed : end);
  // The requests see their streams' errors and end; they use this object until then.
  while (self.requests_ > 0) {
    const scheduler::Wake wake = co_await self.requests_done_.Wait("requests to end");
    // When the pool stops, no wait lasts; the requests, cancelled too, need turns of their own.
    if (wake == scheduler::Wake::kCancelled) co_await scheduler::Yield();
  }
  const HttpStats& stats = self.http().stats;
  shard.stats.Add(stats.downstream_cx_rx_bytes_total, self.driver_->counts().received);
  shard.stats.Add(stats.downstream_cx_tx_bytes_total, self.driver_->counts().sent);
}

void ConnectionManager::CountFault() {
  const HttpStats& stats = http().stats;
  if (http2_ && http2_->reset_flood()) {
    shard_.stats.Inc(stats.downstream_rq_too_many_premature_resets);
  } else if (http2_ && http2_->head_timeout()) {
    shard_.stats.Inc(stats.downstream_rq_header_timeout);
  } else {
    shard_.stats.Inc(stats.downstream_cx_protocol_error);
  }
}

void ConnectionManager::OnRequest(Stream& stream) {
  ++requests_;
  ++requests_seen_;
  scheduler::Go("request", RunRequest(stream));
}

scheduler::Task<> ConnectionManager::RunRequest(Stream& stream) {
  // Also when the handler panics: the connection waits for this.
  struct AtEnd {
    ~AtEnd() {
      if (--self.requests_ > 0) return;
      self.idle_since_ = self.shard_.Now();
      self.requests_done_.Set();
    }
    ConnectionManager& self;
  } at_end{*this};
  const uint32_t most = http().max_requests_per_connection;
  if (most != 0 && requests_seen_ >= most && !draining_) {
    shard_.stats.Inc(http().stats.downstream_cx_max_requests_reached);
    Drain();
  }
  if (codec_->suspect()) {
    co_await scheduler::Sleep(kSuspectDelay);
    if (stream.error) {
      stream.Release();
      co_return;
    }
  }
  co_await active_->handler(*this, stream);
}

void ConnectionManager::OnWritable() {
  if (driver_) driver_->WantFlush();
}

StallLimits ConnectionManager::Limits() const {
  const HttpListenerOptions& options = http();
  // A head that does not end stops all streams, so it has a limit in any case.
  const Nanos head = options.request_headers_timeout;
  return {head > 0 ? head : kHeadTimeout, options.stream_idle_timeout};
}

void ConnectionManager::OnStall(bool head) {
  const StallLimits limits = Limits();
  // An answer is looked at first after half of its time.
  const Nanos wait = head ? limits.head : limits.answer / 2;
  if (wait > 0) ArmTimer(shard_.Now() + wait);
}

void ConnectionManager::ArmTimer(scheduler::Nanos deadline) {
  if (!timer_.armed() || deadline < timer_.deadline) shard_.p.netpoll().AddTimer(timer_, deadline);
}

// Lazy: looked at when something may be due, not moved by each request.
void ConnectionManager::OnTimer() {
  const scheduler::Nanos now = shard_.Now();
  scheduler::Nanos next = CheckPeer(now);
  next = std::min(next, CheckAge(now));
  if (next != scheduler::kNever) ArmTimer(next);
}

scheduler::Nanos ConnectionManager::CheckPeer(scheduler::Nanos now) {
  const StallLimits limits = Limits();
  scheduler::Nanos next = codec_->EndStalled(now, limits);
  if (limits.answer > 0 && driver_->blocked_since() != scheduler::kNever) {
    const scheduler::Nanos end = driver_->blocked_since() + limits.answer;
    if (now >= end) driver_->Close();
    next = std::min(next, std::max(end, now + kSecond));
  }
  if (!keepalive_) return next;
  switch (keepalive_->Check(now, http2_->pings_unanswered() == 0, driver_->last_received())) {
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
  return std::min(next, keepalive_->next());
}

scheduler::Nanos ConnectionManager::CheckAge(scheduler::Nanos now) {
  const HttpListenerOptions& options = http();
  if (draining_) {
    if (now < drain_ends_) return drain_ends_;
    // A peer that does not acknowledge the notice is told no to new streams all the same.
    codec_->EndDrain();
    if (codec_->open_streams() == 0) driver_->Close();
    return scheduler::kNever;
  }
  scheduler::Nanos next = scheduler::kNever;
  if (options.idle_timeout > 0) {
    const scheduler::Nanos since = requests_ > 0 || codec_->open_streams() > 0 ? now : idle_since_;
    next = since + options.idle_timeout;
    if (now >= next) {
      shard_.stats.Inc(options.stats.downstream_cx_idle_timeout);
      Drain();
      return drain_ends_;
    }
  }
  if (options.max_connection_duration > 0) {
    if (now - opened_ >= options.max_connection_duration) {
      shard_.stats.Inc(options.stats.downstream_cx_max_duration_reached);
      Drain();
      return drain_ends_;
    }
    next = std::min(next, opened_ + options.max_connection_duration);
  }
  return next;
}

void ConnectionManager::Drain() {
  if (!driver_ || draining_) return;
  draining_ = true;
  shard_.stats.Inc(http().stats.downstream_cx_drain_close);
  codec_->Drain();
  drain_ends_ = shard_.Now() + http().drain_timeout;
  ArmTimer(drain_ends_);
  OnWritable();
}

void ConnectionManager::List::Add(ConnectionManager& connection) {
  connection.next_ = head_;
  if (head_) head_->prev_ = &connection;
  head_ = &connection;
  size_.store(size() + 1, std::memory_order_relaxed);
}

void ConnectionManager::List::Remove(ConnectionManager& connection) {
  (connection.prev_ ? connection.prev_->next_ : head_) = connection.next_;
  if (connection.next_) connection.next_->prev_ = connection.prev_;
  size_.store(size() - 1, std::memory_order_relaxed);
}

void ConnectionManager::List::CloseAll() {
  for (ConnectionManager* connection = head_; connection; connection = connection->next_) {
    connection->Close();
  }
}

void ConnectionManager::List::DrainAll() {
  for (ConnectionManager* connection = head_; connection; connection = connection->next_) {
    connection->Drain();
  }
}

}  // namespace outrigger::proxy
