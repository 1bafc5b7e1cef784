// stream.h: one HTTP exchange as one side's codec sees it, the same for HTTP/1 and HTTP/2, server
// and client. What came in lies here as plain state; what goes out is a call. A coroutine waits on
// `event`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

#include "proxy/codec/buffer/arena.h"
#include "proxy/codec/buffer/slice.h"
#include "proxy/codec/http/headers.h"
#include "proxy/codec/http/stream_error.h"
#include "scheduler/scheduler.h"

namespace outrigger::proxy {

// Told once, when nothing of a stream is open any more; before others learn that there is room for
// one more.
class StreamCloseListener {
 public:
  virtual void OnStreamClosed() = 0;

 protected:
  ~StreamCloseListener() = default;
};

// Runs on: the P of its connection.
// Owner: counted: its codec while the exchange is open there, and the one who handles it.
// Thread-safety: confined.
class Stream {
 public:
  Stream() : headers(arena), trailers(arena) {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // --- What came in. The codec writes, the handler reads. After a change the codec calls Notify().
  Arena arena;      // memory of the stream's headers; the handler may allocate here too
  Headers headers;  // the request (server side) or the final response (client side)
  Headers trailers;
  SliceQueue body;        // received, not yet taken
  uint64_t received = 0;  // body bytes received in all
  bool headers_complete = false;
  bool end_received = false;   // no further body or trailers will come
  StreamError error;           // set once: nothing more comes, nothing can be sent
  uint16_t informational = 0;  // last 1xx status received (client side), 0 if none

  // --- What goes out. Calls after `error` is set, or after the end was sent, do nothing.
  // 1xx responses (server side); may be called before SendHeaders. `status` 100..199, not 101.
  virtual void SendInformational(int status) = 0;
  // The views in `headers` must live until this stream is released.
  virtual void SendHeaders(const Headers& headers, bool end) = 0;
  // Takes all of `data`.
  virtual void SendData(SliceQueue& data, bool end) = 0;
  // Ends the message.
  virtual void SendTrailers(const Headers& trailers) = 0;
  // Ends the exchange abruptly. kNone: the other side has gone, no error (HTTP/2 NO_ERROR/CANCEL).
  virtual void Reset(ErrorCode code) = 0;
  // Body bytes queued here and not yet written to the connection: the send watermark's gauge.
  virtual size_t send_buffered() const = 0;
  // The handler has taken `bytes` out of `body`: lets the peer send as many more.
  virtual void Consume(size_t bytes) = 0;
  // 1.0 / 1.1 / 2 of the exchange: 10, 11, 20.
  virtual int http_version() const = 0;

  // Takes the handler off: the codec may end the stream on its own (it resets it if it is still
  // open), and frees it when it is done. The handler must not touch it afterwards.
  virtual void Release() = 0;
  // Takes over the handler's reference to `other` until this stream is freed: what was sent here
  // may still point into its arena.
  void ReleaseWithThis(Stream& other) { kept_ = &other; }

  // Where Notify() goes; a proxied request gives both of its streams the same signal.
  void SetObserver(scheduler::Signal* event) { event_ = event; }
  void Notify() {
    if (event_) event_->Set();
  }
  // Null: nobody. To be taken off before the stream is released.
  void SetCloseListener(StreamCloseListener* listener) { close_listener_ = listener; }

 protected:
  // From the codec.
  void NotifyClosed() {
    if (close_listener_) std::exchange(close_listener_, nullptr)->OnStreamClosed();
  }
  virtual ~Stream() {
    if (kept_) kept_->Release();
  }

 private:
  Stream* kept_ = nullptr;
  scheduler::Signal* event_ = nullptr;
  StreamCloseListener* close_listener_ = nullptr;
};

}  // namespace outrigger::proxy
