// stream.h: one HTTP/2 stream: the Stream contract on top of its Session.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/stream.h"
#include "proxy/codec/http2/session.h"

namespace outrigger::proxy::http2 {

// Owner: counted: the session while nghttp2 knows the stream, and the handler.
// Thread-safety: confined.
class Http2Stream final : public Stream {
 public:
  explicit Http2Stream(Session& session);

  static void* operator new(size_t size) { return scheduler::FrameAlloc(size); }
  static void operator delete(void* at, size_t size) { scheduler::FrameFree(at, size); }

  void SendInformational(int status) override;
  void SendHeaders(const Headers& headers, bool end) override;
  void SendData(SliceQueue& data, bool end) override;
  void SendTrailers(const Headers& trailers) override;
  void Reset(ErrorCode code) override;
  size_t send_buffered() const override;
  void Consume(size_t bytes) override;
  int http_version() const override { return 20; }
  void Release() override;

 private:
  friend class Session;
  friend class ServerSession;
  friend class ClientSession;
  friend struct Callbacks;

  bool open() const { return session_ != nullptr && !error; }
  // An answer that only waits for the peer.
  bool lingers() const { return handler_gone_ && headers_sent_ && !end_sent_ && !reset_; }
  void Resume();
  // nghttp2 closed the stream, or the connection went away (`code` other than kNone is an error).
  void Close(ErrorCode code, Side side, bool retry);
  void Unref() {
    if (--refs_ == 0) delete this;
  }

  Session* session_;          // null once closed
  int32_t id_ = -1;           // -1: a client stream whose request is not sent yet
  uint32_t refs_ = 1;         // the session's
  bool handler_gone_ = true;  // no handler holds it
  bool headers_sent_ = false;
  bool out_end_ = false;   // the end was queued
  bool end_sent_ = false;  // and handed to the connection
  bool deferred_ = false;  // nghttp2 waits for Resume()
  bool reset_ = false;     // we asked for RST_STREAM
  bool peer_reset_ = false;
  uint32_t header_bytes_ = 0;
  uint32_t header_count_ = 0;
  uint32_t crumb_count_ = 0;  // cookies are counted apart
  // out_'s bytes when EndStalled() last looked, and since when.
  size_t stalled_at_ = static_cast<size_t>(-1);
  scheduler::Nanos stalled_since_ = 0;
  SliceQueue out_;
  Headers trailers_out_;
  Http2Stream* prev_ = nullptr;
  Http2Stream* next_ = nullptr;
};

}  // namespace outrigger::proxy::http2
