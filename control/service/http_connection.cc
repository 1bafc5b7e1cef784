#include "control/service/http_connection.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "control/service/http_exchange.h"
#include "proxy/codec/http1/server_codec.h"
#include "scheduler/base/log.h"

namespace outrigger::control {
namespace {

using scheduler::Wake;

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kOutBytes = 256 * 1024;
constexpr int kMaxIovecs = 64;
// Turns that move bytes before the others of the pool get theirs.
constexpr int kTurnsInARow = 32;
// A close with bytes unread resets the connection, and the peer may lose our last answer with it.
constexpr scheduler::Nanos kLinger = scheduler::kSecond;
constexpr size_t kLingerBytes = 1 << 20;

}  // namespace

HttpConnection::Descriptor::~Descriptor() { close(fd); }

HttpConnection::HttpConnection(const HttpConnectionOptions& options, int fd)
    : options_(options),
      descriptor_{fd},
      poll_(scheduler::CurrentPool().netpoll(), fd),
      idle_since_(scheduler::Now()) {}

HttpConnection::~HttpConnection() {
  // The handlers' frames go first: they use the streams.
  exchanges_.clear();
  codec_.reset();
}

void HttpConnection::OnRequest(proxy::Stream& stream) {
  exchanges_.push_back(std::make_unique<HttpExchange>(options_, stream));
  head_since_ = 0;
}

scheduler::Task<> HttpConnection::Serve() {
  Wake wake = Wake::kReady;
  for (int turn = 1; wake == Wake::kReady && !failed_; ++turn) {
    co_await RunExchanges();
    if (codec_) codec_->Produce(out_, kOutBytes);
    bool progress = WriteSome();
    progress |= ReadSome();
    progress |= std::any_of(exchanges_.begin(), exchanges_.end(),
                            [](const auto& exchange) { return exchange->CanRun(); });
    if (failed_) break;
    if (turn % kTurnsInARow == 0) co_await scheduler::Yield();
    if (progress) continue;
    if (!out_.empty()) {
      wake = co_await poll_.Writable(scheduler::Now() + options_.stall_timeout);
      continue;
    }
    if (codec_ && codec_->finished()) break;
    if (read_closed_) {
      if (!codec_ || eof_told_) break;
      eof_told_ = true;
      codec_->OnEof();
      continue;
    }
    wake = co_await poll_.Readable(std::min(ReadDeadline(), NextWake()));
    if (wake == Wake::kTimeout && scheduler::Now() >= NextWake()) {
      wake = Wake::kReady;  // a handler's time has come, not the peer's
    } else {
      may_read_ = true;
    }
  }
  if (codec_) codec_->Abort(proxy::ErrorCode::kConnectionClosed);
  exchanges_.clear();
  if (wake == Wake::kReady && !failed_ && !read_closed_) co_await LingeringClose();
}

scheduler::Task<> HttpConnection::RunExchanges() {
  for (size_t i = 0; i < exchanges_.size();) {
    HttpExchange& exchange = *exchanges_[i];
    if (exchange.CanRun()) co_await exchange.task().Run();
    if (!exchange.task().done()) {
      ++i;
      continue;
    }
    if (exchange.task().panicked()) {
      OUTRIGGER_LOG(kError, "http", "a handler of the control server ended by an exception");
    }
    exchanges_.erase(exchanges_.begin() + static_cast<ptrdiff_t>(i));
    if (exchanges_.empty()) idle_since_ = scheduler::Now();
  }
}

bool HttpConnection::WriteSome() {
  if (out_.empty()) return false;
  iovec parts[kMaxIovecs];
  int count = 0;
  for (const proxy::Slice& slice : out_) {
    if (count == kMaxIovecs) break;
    parts[count++] = {const_cast<char*>(slice.data()), slice.size()};
  }
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = static_cast<size_t>(count);
  const ssize_t n = sendmsg(descriptor_.fd, &message, MSG_NOSIGNAL);
  if (n < 0) {
    failed_ = errno != EAGAIN && errno != EINTR;
    return errno == EINTR;
  }
  out_.Drain(static_cast<size_t>(n));
  return true;
}

bool HttpConnection::ReadSome() {
  if (!may_read_ || read_closed_ || (codec_ && codec_->reading_paused())) return false;
  proxy::Block* block = proxy::Block::New(kReadBytes);
  const ssize_t n = recv(descriptor_.fd, block->data(), kReadBytes, 0);
  if (n > 0) Received(proxy::Slice(block, block->data(), static_cast<size_t>(n)));
  block->Unref();
  if (n > 0) return true;
  if (n == 0) {
    read_closed_ = true;
    return true;
  }
  if (errno == EINTR) return true;
  may_read_ = false;
  failed_ = errno != EAGAIN;
  return false;
}

void HttpConnection::Received(proxy::Slice input) {
  last_read_ = scheduler::Now();
  if (head_since_ == 0 && exchanges_.empty() && http1_) head_since_ = last_read_;
  if (!codec_) {
    preface_ += input.view();
    const size_t compared = std::min(preface_.size(), kHttp2Preface.size());
    const bool preface =
        preface_.compare(0, compared, kHttp2Preface, 0, compared) == 0 && options_.http2;
    if (preface && compared < kHttp2Preface.size()) return;
    http1_ = !preface;
    if (http1_) {
      codec_ = std::make_unique<proxy::http1::Http1ServerCodec>(*this, options_.http1);
    } else {
      codec_ = options_.http2(*this);
      head_since_ = 0;
    }
    input = proxy::Slice::Copy(std::exchange(preface_, {}));
  }
  // A refusal is something to write; finished() ends the loop after it.
  codec_->Feed(input);
}

scheduler::Nanos HttpConnection::ReadDeadline() const {
  if (exchanges_.empty()) {
    if (head_since_ != 0) return head_since_ + options_.header_timeout;
    return idle_since_ + options_.idle_timeout;
  }
  for (const auto& exchange : exchanges_) {
    if (exchange->patient()) return scheduler::kNever;
  }
  return std::max(last_read_, idle_since_) + options_.stall_timeout;
}

scheduler::Nanos HttpConnection::NextWake() const {
  scheduler::Nanos next = scheduler::kNever;
  for (const auto& exchange : exchanges_) next = std::min(next, exchange->wake_at());
  return next;
}

scheduler::Task<> HttpConnection::LingeringClose() {
  shutdown(descriptor_.fd, SHUT_WR);
  const scheduler::Nanos deadline = scheduler::Now() + kLinger;
  char discarded[4096];
  for (size_t total = 0; total < kLingerBytes;) {
    const ssize_t n = recv(descriptor_.fd, discarded, sizeof(discarded), 0);
    if (n > 0) {
      total += static_cast<size_t>(n);
    } else if (n == 0 || errno != EAGAIN) {
      co_return;
    } else if (co_await poll_.Readable(deadline) != Wake::kReady) {
      co_return;
    }
  }
}

}  // namespace outrigger::control
