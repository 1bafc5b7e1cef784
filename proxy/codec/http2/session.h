// session.h: one HTTP/2 connection (RFC 9113) over nghttp2, server or client side. The only door to
// nghttp2. Bytes in, Streams out; see codec.h for the contract. No socket, no timer, no thread
// here.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/codec/http/codec.h"
#include "proxy/codec/http2/closed_streams.h"
#include "proxy/codec/http2/frame_guard.h"
#include "proxy/codec/http2/token_bucket.h"
#include "proxy/snapshot/http_options.h"
#include "proxy/stats/scopes.h"

struct nghttp2_session;

namespace outrigger::proxy::http2 {

class Http2Stream;
struct Callbacks;

// Where the codec counts: a worker's slab and the handles of the listeners or of the cluster.
struct SessionStats {
  StatSlab* slab = nullptr;  // null: nobody counts
  Http2Stats handles;
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
  scheduler::Nanos EndStalled(scheduler::Nanos now, const StallLimits& limits) override;
  bool suspect() override;

  bool goaway_received() const { return goaway_received_; }
  // Why failed(): too much in vain; a head that was not completed in time.
  bool reset_flood() const { return reset_flood_; }
  bool head_timeout() const { return head_timeout_; }
  // Asks the peer for a sign of life; pings_unanswered() is 0 once it came.
  void Ping();
  uint32_t pings_unanswered() const { return pings_unanswered_; }
  void Count(Counter Http2Stats::*counter) {
    if (stats_.slab) stats_.slab->Inc(stats_.handles.*counter);
  }
  // The peer broke the protocol, or floods.
  bool failed() const override { return broken_; }
  // The peer announced that it takes no new streams, or this side drains.
  bool draining() const { return drain_started_ || goaway_received_; }

 protected:
  Session(bool server, const Http2Options& options, const HeaderLimits& limits,
          const SessionStats& stats);
  // Called by a stream when there is something to Produce() outside of Feed().
  virtual void OnWritable() = 0;
  // Called from Feed() for a complete request head.
  virtual void OnRequest(Http2Stream& stream) = 0;
  // What we take on at once; on the client side what we ask for at once.
  size_t max_streams() const { return options_.max_concurrent_streams; }
  // A stream closed: capacity for another.
  virtual void OnStreamClosed() {}
  // Something waits for the peer: see EndStalled().
  virtual void OnStall(bool /*head*/) {}

  nghttp2_session* session_ = nullptr;

 private:
  friend class Http2Stream;
  friend struct Callbacks;

  void MarkWritable() {
    if (!feeding_) OnWritable();
  }
  // One piece of input for nghttp2; false: the connection is broken.
  bool Receive(const uint8_t* begin, const uint8_t* end);
  // What the guard found; false: the connection is broken.
  bool Accept(FrameGuard::Verdict verdict);
  // A frame on a stream that is closed (RFC 9113 5.1); false: that is an error of the connection.
  bool OnClosedStream(const FrameHead& head);
  bool QueueIsFlooded();
  // Ends the connection with a GOAWAY of this code. False.
  bool Fail(uint32_t code);
  // From within nghttp2: the same, as the callback's result.
  int FailCallback(uint32_t code);
  // The peer made this side do work that came to nothing (CVE-2023-44487, CVE-2025-8671). False:
  // that was too often.
  bool TakeGlitch();
  void AddGauge(Gauge Http2Stats::*gauge, int64_t delta) {
    if (stats_.slab && delta != 0) stats_.slab->Add(stats_.handles.*gauge, delta);
  }
  void SetBacklogGauges();
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
  Http2Stream* heading_ = nullptr;  // whose header block comes in
  size_t open_streams_ = 0;
  struct DueReset {
    int32_t stream;
    uint32_t code;
  };
  std::vector<DueReset> due_resets_;  // once all that can be sent before them is
  size_t backlog_ = 0;                // bytes of bodies that streams hold for the peer
  size_t backlog_shown_ = 0, queue_shown_ = 0;
  FrameGuard guard_;
  ClosedStreams closed_;
  TokenBucket glitches_;
  uint32_t oversize_heads_ = 0;
  uint32_t fail_code_ = 0;  // why a callback failed
  uint32_t pings_unanswered_ = 0;
  uint64_t heads_seen_ = 0;
  scheduler::Nanos head_since_;  // when the head began that is not complete; kNever: none
  SessionStats stats_;
  bool feeding_ = false;
  bool eof_ = false;
  bool broken_ = false;
  bool aborted_ = false;
  bool drain_started_ = false;
  bool last_goaway_due_ = false;  // the next Produce() says the last word
  bool last_goaway_sent_ = false;
  bool goaway_received_ = false;
  bool reset_flood_ = false;
  bool head_timeout_ = false;
};

// Downstream side: hands out requests.
class ServerSession final : public Session {
 public:
  ServerSession(ServerEvents& events, const Http2Options& options, const HeaderLimits& limits,
                const SessionStats& stats = {})
      : Session(/*server=*/true, options, limits, stats), events_(events) {}

 private:
  void OnWritable() override { events_.OnWritable(); }
  void OnRequest(Http2Stream& stream) override;
  void OnStall(bool head) override { events_.OnStall(head); }

  ServerEvents& events_;
};

// Upstream side: opens streams.
class ClientSession final : public Session {
 public:
  ClientSession(ClientEvents& events, const Http2Options& options, const HeaderLimits& limits,
                const SessionStats& stats = {})
      : Session(/*server=*/false, options, limits, stats), events_(events) {}

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
