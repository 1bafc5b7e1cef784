// session.h: one HTTP/2 connection (RFC 9113) over nghttp2, server or client side. The only door to
// nghttp2. Bytes in, Streams out; see codec.h for the contract. No socket, no timer, no thread
// here.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/codec/http/codec.h"
#include "proxy/snapshot/http_options.h"

struct nghttp2_session;

namespace outrigger::proxy::http2 {

class Http2Stream;
struct Callbacks;

// What the codec counts for its owner, who adds it to the listener's or cluster's stats.
struct SessionCounts {
  uint64_t rx_reset = 0;
  uint64_t tx_reset = 0;
  uint64_t header_overflow = 0;
  uint64_t protocol_error = 0;
};

// Owner: the connection; Abort() before destruction ends every stream.
// Thread-safety: confined.
class Session : public Codec {
 public:
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool Feed(const Slice& input) override;
  void OnEof() override { eof_ = true; }
  void Produce(SliceQueue& out, size_t limit) override;
  // Server: two GOAWAYs (RFC 9113 6.8), a notice now, the last one a round trip later (PING) or at
  // EndDrain(). Client: one, when its streams have ended.
  void Drain() override;
  void EndDrain() override;
  bool finished() const override;
  size_t open_streams() const override { return open_streams_; }
  void Abort(ErrorCode code) override;

  const SessionCounts& counts() const { return counts_; }
  // The peer broke the protocol, or floods.
  bool failed() const override { return broken_; }
  // The peer announced that it takes no new streams, or this side drains.
  bool draining() const { return drain_started_ || goaway_received_; }

 protected:
  Session(bool server, const Http2Options& options, const HeaderLimits& limits);
  // Called by a stream when there is something to Produce() outside of Feed().
  virtual void OnWritable() = 0;
  // Called from Feed() for a complete request head.
  virtual void OnRequest(Http2Stream& stream) = 0;
  // What we take on at once; on the client side what we ask for at once.
  size_t max_streams() const { return options_.max_concurrent_streams; }
  // A stream closed: capacity for another.
  virtual void OnStreamClosed() {}

  nghttp2_session* session_ = nullptr;

 private:
  friend class Http2Stream;
  friend struct Callbacks;

  void MarkWritable() {
    if (!feeding_) OnWritable();
  }
  // Counts a received frame against what an honest peer sends (CVE-2019-9511, 9513, 9518).
  bool IsFlood(uint8_t type, size_t length, bool ends);
  void SayLastWord();
  // True: there was one to submit.
  bool SubmitDueResets();
  void AppendBytes(const uint8_t* data, size_t size);
  void FlushTail();

  const bool server_;
  const Http2Options options_;
  const HeaderLimits limits_;
  const Slice* input_ = nullptr;  // what Feed() is working on
  SliceQueue* out_ = nullptr;     // where Produce() writes
  size_t out_limit_ = 0;          // and up to how many bytes
  Block* tail_ = nullptr;         // frames are gathered here before they become one slice
  size_t tail_start_ = 0, tail_used_ = 0;
  Http2Stream* streams_ = nullptr;  // open streams, linked
  size_t open_streams_ = 0;
  struct DueReset {
    int32_t stream;
    uint32_t code;
  };
  std::vector<DueReset> due_resets_;  // once all that can be sent before them is
  uint64_t streams_seen_ = 0;         // in all; what IsFlood() measures by
  uint64_t data_sent_ = 0;            // DATA frames
  uint64_t window_updates_ = 0;       // received
  uint64_t priorities_ = 0;           // received
  uint32_t empty_frames_ = 0;         // received in a row
  SessionCounts counts_;
  bool feeding_ = false;
  bool eof_ = false;
  bool broken_ = false;
  bool aborted_ = false;
  bool drain_started_ = false;
  bool last_goaway_due_ = false;  // the next Produce() says the last word
  bool last_goaway_sent_ = false;
  bool goaway_received_ = false;
};

// Downstream side: hands out requests.
class ServerSession final : public Session {
 public:
  ServerSession(ServerEvents& events, const Http2Options& options, const HeaderLimits& limits)
      : Session(/*server=*/true, options, limits), events_(events) {}

 private:
  void OnWritable() override { events_.OnWritable(); }
  void OnRequest(Http2Stream& stream) override;

  ServerEvents& events_;
};

// What a client session tells its owner.
class ClientEvents {
 public:
  virtual void OnWritable() = 0;
  // A stream closed, or the peer's limits changed: see capacity().
  virtual void OnCapacity() = 0;

 protected:
  ~ClientEvents() = default;
};

// Upstream side: opens streams.
class ClientSession final : public Session {
 public:
  ClientSession(ClientEvents& events, const Http2Options& options, const HeaderLimits& limits)
      : Session(/*server=*/false, options, limits), events_(events) {}

  // How many more streams may be opened now.
  size_t capacity() const;
  // A stream whose SendHeaders() sends the request. The caller owns one reference (Release()).
  Stream& OpenStream();

 private:
  void OnWritable() override { events_.OnWritable(); }
  void OnRequest(Http2Stream&) override {}
  void OnStreamClosed() override { events_.OnCapacity(); }

  ClientEvents& events_;
};

}  // namespace outrigger::proxy::http2
