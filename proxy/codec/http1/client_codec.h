// client_codec.h: an HTTP/1.1 connection's client side: streams to requests, bytes to responses.
// One stream is open at a time, nothing is pipelined. Strict about framing (response_parser.h), and
// closes whenever the two sides could disagree on it: only a connection whose last message ended
// cleanly, here and there, carries another. Bytes that nobody asked for end it.
// An upstream is owed no last word: a fault makes it finished() and failed() at once.
#pragma once

#include <cstdint>

#include "proxy/codec/http/codec.h"
#include "proxy/codec/http1/chunked.h"
#include "proxy/codec/http1/response_parser.h"

namespace outrigger::proxy::http1 {

struct ResponseRules {
  FieldLimits limits;
  bool trailers = false;  // passed on, both ways; else they are read and dropped
};

class Http1ClientStream;

// Runs on: the P of its connection. Owner: the connection. Thread-safety: confined.
class Http1ClientCodec final : public Codec {
 public:
  // Bytes of a body that may lie here, not consumed, before reading pauses.
  static constexpr size_t kMaxUnread = 64 * 1024;

  // Both outlive it.
  Http1ClientCodec(ClientEvents& events, const ResponseRules& rules)
      : events_(events), rules_(rules) {}
  ~Http1ClientCodec() override;

  // How many more streams may be opened now: 1 or none.
  size_t capacity() const { return stream_ || draining() ? 0 : 1; }
  // A stream whose SendHeaders() sends the request. The caller owns one reference (Release()).
  Stream& OpenStream();

  // Always true: see above.
  bool Feed(const Slice& input) override;
  bool reading_paused() const override { return unconsumed_ >= kMaxUnread; }
  // Ends a body that goes on until then; anything else is cut short, and half a message is a fault.
  void OnEof() override;
  void Produce(SliceQueue& out, size_t limit) override;
  void Drain() override;
  bool finished() const override { return closed_; }
  bool failed() const override { return failed_; }
  size_t open_streams() const override { return stream_ ? 1 : 0; }
  void Abort(ErrorCode code) override;

  // It carries no further request.
  bool draining() const { return draining_ || close_received_ || closed_; }
  // The peer said so.
  bool close_received() const { return close_received_; }
  // Why the peer is at fault, if it is.
  const ParseError& error() const { return error_; }

 private:
  friend class Http1ClientStream;
  // kIdle: nothing of a request was handed to the connection.
  enum class Reading : uint8_t { kIdle, kHead, kLength, kChunks, kTrailers, kUntilClose };

  // Takes from `left`, the rest of `input`. False: stop.
  bool Step(const Slice& input, std::string_view& left);
  bool StepHead(std::string_view& left);
  bool StepChunks(const Slice& input, std::string_view& left);
  bool StepTrailers(std::string_view& left);
  void Body(const Slice& input, std::string_view data);
  // `left`: what came behind it.
  void EndResponse(std::string_view left);
  // What came while no answer was due.
  void Unasked(std::string_view bytes);
  void Fail(const ParseError& error);
  // Nothing more is read or written.
  void Close();
  // The peer closed under the open stream.
  void CutShort();
  // Lets go of the open stream; with an error, tells its handler.
  void Detach(ErrorCode code, Side side);
  void Writable() {
    if (!feeding_) events_.OnWritable();
  }

  ClientEvents& events_;
  const ResponseRules& rules_;
  SliceQueue out_;
  Http1ClientStream* stream_ = nullptr;
  uint64_t length_left_ = 0;
  size_t unconsumed_ = 0;  // body bytes handed over and not consumed
  ChunkedDecoder chunks_;
  ParseError error_;
  Reading reading_ = Reading::kIdle;
  bool close_received_ = false;
  bool draining_ = false;
  bool closed_ = false;
  bool failed_ = false;
  bool aborted_ = false;
  bool feeding_ = false;
};

}  // namespace outrigger::proxy::http1
