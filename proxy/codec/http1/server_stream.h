// server_stream.h: one request and its response on an HTTP/1 connection. Frames the response; the
// codec reads the request into it.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/stream.h"
#include "proxy/codec/http1/message_writer.h"
#include "proxy/codec/http1/request_parser.h"
#include "scheduler/frame_pool.h"

namespace outrigger::proxy::http1 {

class Http1ServerCodec;

// Runs on: the P of its connection. Owner: itself: it goes when codec and handler both let go.
class Http1Stream final : public Stream {
 public:
  Http1Stream(Http1ServerCodec& codec, const RequestRules& rules)
      : parser_(rules, headers), trailer_parser_(rules.limits, trailers), codec_(&codec) {}

  static void* operator new(size_t size) { return scheduler::FrameAlloc(size); }
  static void operator delete(void* stream, size_t size) noexcept {
    scheduler::FrameFree(stream, size);
  }

  void SendInformational(int status) override;
  void SendHeaders(const Headers& headers, bool end) override;
  void SendData(SliceQueue& data, bool end) override;
  void SendTrailers(const Headers& trailers) override;
  void Reset(ErrorCode code) override;
  size_t send_buffered() const override;
  void Consume(size_t bytes) override;
  int http_version() const override { return parser_.head().version; }
  void Release() override;

 private:
  friend class Http1ServerCodec;
  // How the response's end is told.
  enum class Framing : uint8_t { kNone, kLength, kChunked, kUntilClose };
  ~Http1Stream() override = default;

  bool open() const { return codec_ && !error; }
  // Chooses the framing and writes the lines that say it.
  void FrameResponse(int status, const Headers& headers, bool end, HeadLines& lines);
  void EndResponse(const Headers* trailers);

  RequestParser parser_;
  TrailerParser trailer_parser_;
  Http1ServerCodec* codec_;  // null once it has let go
  uint64_t length_left_ = 0;
  Framing framing_ = Framing::kNone;
  bool headers_sent_ = false;
  bool keep_alive_ = true;
  bool released_ = false;
};

}  // namespace outrigger::proxy::http1
