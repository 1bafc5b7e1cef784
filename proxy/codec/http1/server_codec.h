// server_codec.h: an HTTP/1.1 connection's server side: requests to streams, answers to bytes.
// One stream is open at a time; what the peer pipelines behind it waits here, unread. Strict about
// framing (request_parser.h), and closes whenever the two sides could disagree on it.
// Does no I/O and writes no date or server header: those are the handler's.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/codec/http/codec.h"
#include "proxy/codec/http1/chunked.h"
#include "proxy/codec/http1/request_parser.h"

namespace outrigger::proxy::http1 {

// Bytes that may lie here before reading pauses: unconsumed body, or pipelined requests.
inline constexpr size_t kMaxUnread = 64 * 1024;

class Http1Stream;

// Runs on: the P of its connection. Owner: the connection. Thread-safety: confined.
class Http1ServerCodec final : public Codec {
 public:
  // Both outlive it.
  Http1ServerCodec(ServerEvents& events, const RequestRules& rules)
      : events_(events), rules_(rules) {}
  ~Http1ServerCodec() override;

  bool Feed(const Slice& input) override;
  bool reading_paused() const override {
    return unconsumed_ >= kMaxUnread || input_.bytes() >= kMaxUnread;
  }
  // The peer can hear no answer that it has not got yet, as far as anyone knows: as Envoy, this
  // ends the open stream. A driver that serves half-closed peers calls it after the answer.
  void OnEof() override;
  void Produce(SliceQueue& out, size_t limit) override;
  void Drain() override;
  bool finished() const override { return closed_ && !stream_ && out_.empty(); }
  size_t open_streams() const override { return handed_out_ ? 1 : 0; }
  void Abort(ErrorCode code) override;

  // Why the connection was refused, if it was.
  const ParseError& error() const { return error_; }

 private:
  friend class Http1Stream;
  enum class Reading : uint8_t { kIdle, kHead, kLength, kChunks, kTrailers, kComplete };

  // Reads input_ as far as the open stream allows.
  void Process();
  bool Step(const Slice& input, std::string_view& left);
  bool StepHead(std::string_view& left);
  bool StepChunks(const Slice& input, std::string_view& left);
  void Body(const Slice& input, std::string_view data);
  void EndRequest();
  void Fail(const ParseError& error);
  // No further request will be read.
  void Close();
  // The response is complete: the next request may come, or the connection ends.
  void ResponseDone();
  // Lets go of the open stream; with an error, tells its handler.
  void Detach(ErrorCode code, Side side);
  void Writable() {
    if (!processing_) events_.OnWritable();
  }

  ServerEvents& events_;
  const RequestRules& rules_;
  SliceQueue input_;
  SliceQueue out_;
  Http1Stream* stream_ = nullptr;  // of the request being read or answered
  uint64_t length_left_ = 0;
  size_t unconsumed_ = 0;  // body bytes handed over and not consumed
  ChunkedDecoder chunks_;
  ParseError error_;
  Reading reading_ = Reading::kIdle;
  uint8_t empty_lines_ = 0;
  bool handed_out_ = false;  // stream_ has a handler
  bool draining_ = false;
  bool closed_ = false;
  bool processing_ = false;
};

}  // namespace outrigger::proxy::http1
