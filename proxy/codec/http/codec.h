// codec.h: one connection's protocol state: bytes in, streams out; streams' answers in, bytes out.
// No socket and no scheduler here: a driver (proxy/connection on workers, control/service on the
// control pool) moves the bytes.
#pragma once

#include <cstddef>

#include "proxy/codec/buffer/slice.h"
#include "proxy/codec/http/stream.h"

namespace outrigger::proxy {

// How long a peer may keep this side waiting. 0: as it likes.
struct StallLimits {
  scheduler::Nanos head = 0;    // from a head's first byte to its last
  scheduler::Nanos answer = 0;  // between two bytes
};

// What a server codec tells its owner.
class ServerEvents {
 public:
  // A request's headers are complete. The handler owns one reference: it must call Release() once.
  // Called from within Feed() or Produce(): queue work, do not run it; do not call back into the
  // codec but for the stream's own calls.
  virtual void OnRequest(Stream& stream) = 0;
  // There is something to Produce() outside of a Feed() (a stream's answer was queued), or
  // reading_paused() or finished() may have changed.
  virtual void OnWritable() = 0;
  // Something waits for the peer that no handler looks after, a head or an answer: see
  // Codec::EndStalled().
  virtual void OnStall(bool /*head*/) {}

 protected:
  ~ServerEvents() = default;
};

// What a client codec tells its owner.
class ClientEvents {
 public:
  virtual void OnWritable() = 0;
  // A stream closed, or the peer's limits changed: there may be room for others.
  virtual void OnCapacity() = 0;

 protected:
  ~ClientEvents() = default;
};

// Owner: the connection. Thread-safety: confined.
class Codec {
 public:
  virtual ~Codec() = default;
  // Takes all of `input`, received from the peer. False: the connection is broken (protocol error,
  // abuse); Produce() what is left to say (GOAWAY, 400), then close.
  virtual bool Feed(const Slice& input) = 0;
  // Enough lies here that no handler has taken: the driver reads no more from the peer until this
  // turns false. HTTP/2 has windows for that.
  virtual bool reading_paused() const { return false; }
  // The peer closed its sending side.
  virtual void OnEof() = 0;
  // Appends bytes to send, until `out` holds about `limit` bytes or there are none.
  virtual void Produce(SliceQueue& out, size_t limit) = 0;
  // Starts a graceful end: no new streams, open ones finish. Idempotent.
  virtual void Drain() = 0;
  // A drain's notice has had its time: from now on new streams are refused, whether the peer has
  // seen it or not. No-op before Drain().
  virtual void EndDrain() {}
  // True once the connection may be closed after all produced bytes are written.
  virtual bool finished() const = 0;
  // It ended because of the peer's fault.
  virtual bool failed() const { return false; }
  // Streams open now.
  virtual size_t open_streams() const = 0;
  // Ends what waits for the peer beyond its limit: a head that is not complete, an answer that its
  // handler has left and the peer takes nothing of (the first call that finds it starts its time).
  // Returns when to call again.
  virtual scheduler::Nanos EndStalled(scheduler::Nanos /*now*/, const StallLimits& /*limits*/) {
    return scheduler::kNever;
  }
  // The peer makes work that comes to nothing: its requests should wait a little, for most of them
  // will be gone.
  virtual bool suspect() { return false; }
  // The connection is gone: every open stream gets this error. Nothing is produced any more.
  virtual void Abort(ErrorCode code) = 0;
};

}  // namespace outrigger::proxy
