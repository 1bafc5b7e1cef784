#include "proxy/connection/echo.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "proxy/connection/local_reply.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

constexpr uint64_t kMaxDelayMs = 60'000;
constexpr uint64_t kMaxBody = 8ull << 30;
constexpr size_t kSendHigh = 256 * 1024;

struct Wish {
  uint32_t status = 200;
  std::optional<uint64_t> body_bytes;
  uint64_t delay_ms = 0;
  bool reset = false;
  bool plain = false;  // tell nothing of the request
  std::string_view trailer;
};

Wish ParseWish(std::string_view path) {
  Wish wish;
  const size_t query = path.find('?');
  if (query == std::string_view::npos) return wish;
  for (absl::string_view pair : absl::StrSplit(scheduler::ToAbsl(path.substr(query + 1)), '&')) {
    const std::pair<absl::string_view, absl::string_view> kv =
        absl::StrSplit(pair, absl::MaxSplits('=', 1));
    uint64_t number = 0;
    const bool numeric = absl::SimpleAtoi(kv.second, &number);
    if (kv.first == "status" && numeric && number >= 200 && number <= 599) {
      wish.status = static_cast<uint32_t>(number);
    } else if (kv.first == "body_bytes" && numeric) {
      wish.body_bytes = std::min(number, kMaxBody);
    } else if (kv.first == "delay_ms" && numeric) {
      wish.delay_ms = std::min(number, kMaxDelayMs);
    } else if (kv.first == "reset") {
      wish.reset = true;
    } else if (kv.first == "plain") {
      wish.plain = true;
    } else if (kv.first == "trailer") {
      wish.trailer = scheduler::ToStd(kv.second);
    }
  }
  return wish;
}

void FillHeaders(const Stream& stream, const Wish& wish, bool grpc, Headers& response) {
  response.Add(HeaderName::kStatus, scheduler::Concat(wish.status));
  const std::string_view type = stream.headers.Get(HeaderName::kContentType);
  response.AddStatic(HeaderName::kContentType, type.empty() ? "text/plain" : type);
  if (wish.body_bytes && wish.status != 204)  // RFC 9110 8.6
    response.Add(HeaderName::kContentLength, scheduler::Concat(*wish.body_bytes));
  if (grpc || wish.plain) return;
  response.Add("x-echo-method", stream.headers.Get(HeaderName::kMethod));
  response.Add("x-echo-path", stream.headers.Get(HeaderName::kPath));
  for (const Header& header : stream.headers) {
    if (header.id == HeaderName::kMethod || header.id == HeaderName::kPath) continue;
    std::string_view name = header.name;
    if (name[0] == ':') name.remove_prefix(1);
    response.Add(scheduler::Concat("x-echo-header-", name), header.value);
  }
}

}  // namespace

scheduler::Task<> Echo(ConnectionManager&, Stream& stream) {
  scheduler::Signal event;
  stream.SetObserver(&event);
  const Wish wish = ParseWish(stream.headers.Get(HeaderName::kPath));
  const bool grpc = IsGrpc(stream.headers);
  const bool head = stream.headers.Get(HeaderName::kMethod) == "HEAD";
  Headers response(stream.arena);
  Headers trailers(stream.arena);
  if (wish.delay_ms > 0) {
    co_await scheduler::Sleep(static_cast<scheduler::Nanos>(wish.delay_ms) *
                              scheduler::kMillisecond);
  }
  if (wish.reset) {
    stream.Reset(ErrorCode::kReset);
    stream.Release();
    co_return;
  }
  FillHeaders(stream, wish, grpc, response);
  if (!wish.trailer.empty()) trailers.Add("x-echo-trailer", wish.trailer);
  if (grpc) trailers.AddStatic(HeaderName::kGrpcStatus, "0");
  const bool bodiless = head || wish.status == 204 || wish.status == 304;
  const bool at_once = stream.end_received && stream.body.empty() && !wish.body_bytes;
  if (bodiless || (at_once && trailers.empty() && stream.trailers.empty())) {
    stream.SendHeaders(response, /*end=*/true);
    stream.Release();
    co_return;
  }
  stream.SendHeaders(response, /*end=*/false);
  uint64_t left = wish.body_bytes.value_or(0);
  static const std::string filler(16 * 1024, 'x');
  bool complete = false;
  while (!stream.error) {
    if (wish.body_bytes) {
      stream.Consume(stream.body.bytes());
      stream.body.Clear();
      SliceQueue data;
      while (left > 0 && stream.send_buffered() + data.bytes() < kSendHigh) {
        const size_t part = static_cast<size_t>(std::min<uint64_t>(left, filler.size()));
        data.Push(Slice::Static(std::string_view(filler).substr(0, part)));
        left -= part;
      }
      if (!data.empty()) stream.SendData(data, /*end=*/false);
      complete = left == 0;
    } else {
      if (stream.send_buffered() < kSendHigh && !stream.body.empty()) {
        const size_t bytes = stream.body.bytes();
        stream.SendData(stream.body, /*end=*/false);
        stream.Consume(bytes);
      }
      complete = stream.end_received && stream.body.empty();
    }
    if (complete) break;
    if (co_await event.Wait("echo") == scheduler::Wake::kCancelled) break;
  }
  if (!complete) {
    stream.Reset(ErrorCode::kDrain);
    stream.Release();
    co_return;
  }
  for (const Header& trailer : stream.trailers) trailers.AddRaw(trailer);
  if (trailers.empty()) {
    SliceQueue nothing;
    stream.SendData(nothing, /*end=*/true);
  } else {
    stream.SendTrailers(trailers);
  }
  stream.Release();
}

}  // namespace outrigger::proxy
