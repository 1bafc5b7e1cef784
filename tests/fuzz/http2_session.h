// http2_session.h: what both fuzz targets of the HTTP/2 session share: handlers that do anything at
// any moment, and the bytes of the peer in pieces.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http2/session.h"
#include "scheduler/base/check.h"

namespace outrigger::proxy {

// The input's first 64 bytes, one by one and over again; the rest is what the peer says.
class Choices {
 public:
  Choices(const uint8_t* bytes, size_t size)
      : choices_(reinterpret_cast<const char*>(bytes), std::min<size_t>(size, 64)),
        rest_(reinterpret_cast<const char*>(bytes) + choices_.size(), size - choices_.size()) {}
  uint8_t Next() {
    return choices_.empty() ? 0 : static_cast<uint8_t>(choices_[next_++ % choices_.size()]);
  }
  std::string_view Rest() const { return rest_; }

 private:
  std::string_view choices_, rest_;
  size_t next_ = 0;
};

inline Http2Options FuzzOptions(Choices& choices) {
  Http2Options options;
  options.max_concurrent_streams = 8;
  options.stream_error_on_invalid_http_message = choices.Next() % 2 == 0;
  return options;
}

inline HeaderLimits FuzzLimits() { return {.max_bytes = 4096, .max_count = 20}; }

// Streams that handlers hold. Each is released once, at the latest with this.
class HeldStreams {
 public:
  ~HeldStreams() {
    while (!streams_.empty()) Release(0);
  }
  void Add(Stream& stream) { streams_.push_back(&stream); }
  // One step of one handler.
  void Step(Choices& choices) {
    if (streams_.empty()) return;
    const size_t i = choices.Next() % streams_.size();
    Stream& stream = *streams_[i];
    Headers head(stream.arena);
    SliceQueue data;
    switch (choices.Next() % 8) {
      case 0:
        head.Add(":status", "200");
        return stream.SendHeaders(head, choices.Next() % 2 == 0);
      case 1:
        data.Push(Slice::Copy(std::string(choices.Next() * 40, 'x')));
        return stream.SendData(data, choices.Next() % 2 == 0);
      case 2:
        head.Add("x-sum", "1");
        return stream.SendTrailers(head);
      case 3:
        return stream.Reset(ErrorCode::kReset);
      case 4:
        return Release(i);
      case 5:
        return stream.SendInformational(103);
      default:
        stream.Consume(stream.body.bytes());
        stream.body.Clear();
    }
  }

 private:
  void Release(size_t i) {
    std::exchange(streams_[i], streams_.back())->Release();
    streams_.pop_back();
  }
  std::vector<Stream*> streams_;
};

// Feeds `bytes` in pieces, with steps of handlers and flushes between them, then cuts off.
inline void Play(http2::Session& session, Choices& choices, HeldStreams& streams,
                 std::string_view bytes) {
  const auto flush = [&] {
    SliceQueue out;
    session.Produce(out, 1 + choices.Next() * 256);
    for (const Slice& slice : out) OUTRIGGER_CHECK(slice.data() != nullptr);
  };
  bool ok = true;
  while (!bytes.empty() && ok) {
    const size_t piece = std::min<size_t>(bytes.size(), 1 + choices.Next() * 4);
    ok = session.Feed(Slice::Copy(bytes.substr(0, piece)));
    bytes.remove_prefix(piece);
    for (int i = choices.Next() % 4; i > 0; --i) streams.Step(choices);
    if (choices.Next() % 3 != 0) flush();
    switch (choices.Next()) {
      case 1:
        session.Drain();
        break;
      case 2:
        session.EndDrain();
        break;
      case 3:
        session.EndStalled(scheduler::MonotonicNow() + kSecond, {.head = kSecond, .answer = 1});
        break;
      case 4:
        session.Ping();
        break;
      default:
        break;
    }
  }
  if (!ok) {
    OUTRIGGER_CHECK(session.failed());
    OUTRIGGER_CHECK(!session.Feed(Slice::Static("more")));
  }
  flush();
  session.Abort(ErrorCode::kConnectionClosed);
  OUTRIGGER_CHECK(session.open_streams() == 0);
  streams.Step(choices);
}

}  // namespace outrigger::proxy
