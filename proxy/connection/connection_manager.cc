#include "proxy/connection/connection_manager.h"

#include <algorithm>
#include <string_view>

#include "proxy/codec/http1/server_codec.h"
#include "proxy/codec/http2/session.h"

namespace outrigger::proxy {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 3.4
// A client that connects and says nothing.
constexpr scheduler::Nanos kFirstBytesTimeout = 30 * kSecond;

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
      timer_(*this) {
  http1_rules_.limits.max_bytes = http().request_headers.max_bytes;
  http1_rules_.limits.max_count = http().request_headers.max_count;
  list_.Add(*this);
  const Listener& listener = *active_->listener;
  shard_.stats.Inc(listener.stats.downstream_cx_total);
  shard_.stats.Inc(listener_active_);
  shard_.stats.Inc(listener.http.stats.downstream_cx_total);
  shard_.stats.Inc(http_active_);
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
  shard_.stats.Inc(listener.http.stats.downstream_cx_destroy);
  shard_.stats.Record(listener.http.stats.downstream_cx_length_ms, ms);
}

scheduler::Task<ErrorCode> ConnectionManager::ChooseCodec(scheduler::Processor& p, Fd& fd,
                                                          Slice& first) {
  const HttpListenerOptions::CodecType type = http().codec;
  bool http2 = type == HttpListenerOptions::CodecType::kHttp2;
  if (type == HttpListenerOptions::CodecType::kAuto) {
    // AUTO: the client's first bytes tell (Envoy's http_inspector rule).
    std::vector<char> start;
    scheduler::PollFd poll(p.netpoll(), fd.get());
    const scheduler::Nanos deadline = shard_.Now() + kFirstBytesTimeout;
    while (true) {
      char buffer[1024];
      const ssize_t n = recv(fd.get(), buffer, sizeof(buffer), 0);
      if (n == 0) co_return ErrorCode::kConnectionClosed;
      if (n > 0) {
        start.insert(start.end(), buffer, buffer + n);
        const size_t compare = std::min(start.size(), kPreface.size());
        if (!std::equal(start.begin(), start.begin() + static_cast<ptrdiff_t>(compare),
                        kPreface.begin())) {
          break;
        }
        http2 = compare == kPreface.size();
        if (http2) break;
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) co_return ErrorCode::kConnectionClosed;
      if (co_await poll.Readable(deadline) != scheduler::Wake::kReady) {
        co_return ErrorCode::kIdleTimeout;
      }
    }
    first = Slice::Copy({start.data(), start.size()});
  }
  const HttpListenerOptions& options = http();  // now: it may have changed while this waited
  if (http2) {
    codec_ = std::make_unique<http2::ServerSession>(*this, options.http2, options.request_headers);
    shard_.stats.Inc(options.stats.downstream_cx_http2_total);
  } else {
    codec_ = std::make_unique<http1::Http1ServerCodec>(*this, http1_rules_);
    shard_.stats.Inc(options.stats.downstream_cx_http1_total);
  }
  co_return ErrorCode::kNone;
}

scheduler::Task<> ConnectionManager::Serve(Shard& shard, std::shared_ptr<ActiveListener> active,
                                           List& list, DateCache& dates, Fd fd) {
  ConnectionManager self(shard, std::move(active), list, dates);
  if (self.listener()->address.is_ip()) SetNoDelay(fd.get());
  Slice first;
  if (co_await self.ChooseCodec(shard.p, fd, first) != ErrorCode::kNone) co_return;
  self.driver_.emplace(shard.p, shard.read_buffer, std::move(fd), *self.codec_);
  self.local_ = self.driver_->socket().LocalAddress();
  self.peer_ = self.driver_->socket().PeerAddress();
  self.OnTimer();  // arms
  if (shard.draining) self.Drain();
  const ErrorCode end = co_await self.driver_->Run(std::exchange(first, {}));
  if (end == ErrorCode::kProtocol) shard.stats.Inc(self.http().stats.downstream_cx_protocol_error);
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

void ConnectionManager::OnRequest(Stream& stream) {
  ++requests_;
  scheduler::Go("request", RunRequest(stream));
}

scheduler::Task<> ConnectionManager::RunRequest(Stream& stream) {
  // Also when the handler panics: the connection waits for this.
  struct AtEnd {
    ~AtEnd() {
      if (--self.requests_ == 0) self.requests_done_.Set();
    }
    ConnectionManager& self;
  } at_end{*this};
  co_await active_->handler(*this, stream);
}

void ConnectionManager::OnWritable() {
  if (driver_) driver_->WantFlush();
}

void ConnectionManager::OnTimer() {
  const HttpListenerOptions& options = http();
  const scheduler::Nanos now = shard_.Now();
  if (draining_) {
    // A peer that does not acknowledge the notice is told no to new streams all the same.
    codec_->EndDrain();
    if (codec_->open_streams() == 0) driver_->Close();
    return;
  }
  scheduler::Nanos next = scheduler::kNever;
  if (options.idle_timeout > 0) {
    const scheduler::Nanos since = requests_ > 0 ? now : driver_->last_activity();
    if (now - since >= options.idle_timeout) {
      shard_.stats.Inc(options.stats.downstream_cx_idle_timeout);
      return Drain();
    }
    next = since + options.idle_timeout;
  }
  if (options.max_connection_duration > 0) {
    if (now - opened_ >= options.max_connection_duration) {
      shard_.stats.Inc(options.stats.downstream_cx_max_duration_reached);
      return Drain();
    }
    next = std::min(next, opened_ + options.max_connection_duration);
  }
  // Lazy: looked at when it may be due, not moved by each request.
  if (next != scheduler::kNever) shard_.p.netpoll().AddTimer(timer_, next);
}

void ConnectionManager::Drain() {
  if (!driver_ || draining_) return;
  draining_ = true;
  shard_.stats.Inc(http().stats.downstream_cx_drain_close);
  codec_->Drain();
  shard_.p.netpoll().AddTimer(timer_, shard_.Now() + http().drain_timeout);
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
