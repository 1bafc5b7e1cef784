#include "control/service/http_exchange.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace outrigger::control {
namespace {

// The handler waits from the upper mark on, and goes on below the lower one.
constexpr size_t kHighWater = 256 * 1024;
constexpr size_t kLowWater = 64 * 1024;

// RFC 9110 5.6.7.
std::string HttpDate() {
  return absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone());
}

}  // namespace

HttpExchange::HttpExchange(const HttpConnectionOptions& options, proxy::Stream& stream)
    : options_(options),
      stream_(stream),
      response_(stream.arena),
      trailers_(stream.arena),
      task_(Run()) {
  request_.method = std::string(stream.headers.Get(proxy::HeaderName::kMethod));
  request_.headers = &stream.headers;
  SplitTarget(stream.headers.Get(proxy::HeaderName::kPath), request_);
  streams_body_ = options.streams_body && options.streams_body(request_);
}

HttpExchange::~HttpExchange() { stream_.Release(); }

bool HttpExchange::CanRun() const {
  if (stream_.error || scheduler::Now() >= wake_at_) return true;
  switch (wait_) {
    case Wait::kNothing:
      return true;
    case Wait::kBody:
      return !stream_.body.empty() || stream_.end_received;
    case Wait::kRoom:
      return stream_.send_buffered() <= kLowWater;
    case Wait::kTime:
      return false;
  }
  return true;
}

scheduler::Task<> HttpExchange::Run() {
  if (!streams_body_) {
    const bool complete = co_await CollectBody();
    if (!complete) co_return;
  }
  co_await options_.handler(request_, *this);
  if (!begun_) co_await Send(500, "text/plain", "the handler gave no answer\n");
  End({});
}

scheduler::Task<bool> HttpExchange::CollectBody() {
  for (bool more = true; more;) {
    more = co_await Read(request_.body);
    if (request_.body.size() <= options_.max_body) continue;
    request_.body.clear();
    co_await Send(413, "text/plain", "the request's body is too large\n");
    co_return false;
  }
  co_return ok();
}

scheduler::Task<> HttpExchange::PauseFor(Wait wait, scheduler::Nanos until) {
  wait_ = wait;
  wake_at_ = until;
  co_await task_.Pause();
  wait_ = Wait::kNothing;
  wake_at_ = scheduler::kNever;
}

scheduler::Task<bool> HttpExchange::Sleep(scheduler::Nanos time) {
  if (ok() && scheduler::Now() < time) co_await PauseFor(Wait::kTime, time);
  co_return ok();
}

scheduler::Task<bool> HttpExchange::Read(std::string& body) {
  if (stream_.body.empty() && !stream_.end_received && !begun_ &&
      stream_.headers.Get(proxy::HeaderName::kExpect) == "100-continue") {
    stream_.SendInformational(100);
  }
  while (stream_.body.empty() && !stream_.end_received && !stream_.error) {
    if (scheduler::Now() >= deadline_) co_return false;
    co_await PauseFor(Wait::kBody, deadline_);
  }
  if (stream_.body.empty()) co_return false;
  const size_t size = stream_.body.bytes();
  for (const proxy::Slice& slice : stream_.body) body += slice.view();
  stream_.body.Clear();
  stream_.Consume(size);
  co_return true;
}

void HttpExchange::Begin(int status, const HeaderList& headers) {
  if (begun_) return;
  begun_ = true;
  response_.Add(proxy::HeaderName::kStatus, std::to_string(status));
  for (const auto& [name, value] : headers) response_.Add(name, value);
  response_.Add(proxy::HeaderName::kDate, HttpDate());
  response_.Add(proxy::HeaderName::kServer, options_.server_name);
  stream_.SendHeaders(response_, /*end=*/false);
}

scheduler::Task<bool> HttpExchange::Write(std::string chunk) {
  if (!begun_ || ended_) co_return false;
  proxy::SliceQueue data;
  data.Push(proxy::Slice::Copy(chunk));
  stream_.SendData(data, /*end=*/false);
  if (stream_.send_buffered() >= kHighWater) {
    co_await PauseFor(Wait::kRoom, deadline_);
    if (stream_.send_buffered() > kLowWater) co_return false;
  }
  co_return ok();
}

void HttpExchange::End(const HeaderList& trailers) {
  if (!begun_ || ended_) return;
  ended_ = true;
  if (trailers.empty()) {
    proxy::SliceQueue nothing;
    stream_.SendData(nothing, /*end=*/true);
    return;
  }
  for (const auto& [name, value] : trailers) trailers_.Add(name, value);
  stream_.SendTrailers(trailers_);
}

}  // namespace outrigger::control
