// client_stream.h: one request and its response on an HTTP/1 connection to an upstream. Frames the
// request; the codec reads the response into it.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/stream.h"
#include "proxy/codec/http1/client_codec.h"
#include "proxy/codec/http1/message_writer.h"
#include "proxy/codec/http1/response_parser.h"
#include "scheduler/frame_pool.h"

namespace outrigger::proxy::http1 {

// Runs on: the P of its connection. Owner: the handler, until Release(); the codec knows it while
// the exchange is open.
class Http1ClientStream final : public Stream {
 public:
  Http1ClientStream(Http1ClientCodec& codec, const ResponseRules& rules)
      : parser_(rules.limits, headers), trailer_parser_(rules.limits, trailers), codec_(&codec) {}

  static void* operator new(size_t size) { return scheduler::FrameAlloc(size); }
  static void operator delete(void* stream, size_t size) noexcept {
    scheduler::FrameFree(stream, size);
  }

  void SendInformational(int) override {}
  // Of a request that HTTP/1 cannot say, or that says a length and has none, nothing is sent: that
  // is an error of this side's (kProtocol, kLocal).
  void SendHeaders(const Headers& headers, bool end) override;
  void SendData(SliceQueue& data, bool end) override;
  void SendTrailers(const Headers& trailers) override;
  // Costs the connection, but for a request of which nothing was sent.
  void Reset(ErrorCode code) override;
  size_t send_buffered() const override;
  void Consume(size_t bytes) override;
  int http_version() const override { return parser_.head().version; }
  void Release() override;

 private:
  friend class Http1ClientCodec;
  // How the request's end is told.
  enum class Framing : uint8_t { kNone, kLength, kChunked };
  ~Http1ClientStream() override = default;

  bool open() const { return codec_ && !error; }
  // Chooses the framing and writes the lines that say it. False: it cannot be sent.
  bool FrameRequest(const Headers& headers, bool end, HeadLines& lines);
  void EndRequest(const Headers* trailers);
  // The request cannot be finished as it began.
  void GiveUp();

  ResponseParser parser_;
  TrailerParser trailer_parser_;
  Http1ClientCodec* codec_;  // null once the exchange is over
  uint64_t length_left_ = 0;
  Framing framing_ = Framing::kNone;
  bool headers_sent_ = false;
  bool end_sent_ = false;  // the end was queued
};

}  // namespace outrigger::proxy::http1
