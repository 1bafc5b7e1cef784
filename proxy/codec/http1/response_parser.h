// response_parser.h: the head of an HTTP/1.1 response (RFC 9112 4 to 6), from bytes in any pieces
// to the header list that HTTP/2 would give: :status first, lower-case names, hop-by-hop fields
// taken out. Strict: what two readers could understand differently is refused, so that no upstream
// can have a response taken for two. Allocates nothing but from the stream's arena. Reads no body.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/codec/http1/field_parser.h"
#include "proxy/codec/http1/framing_fields.h"

namespace outrigger::proxy::http1 {

// What framing and connection handling need to know. Good once Feed() gave kDone.
struct ResponseHead {
  enum class Body : uint8_t { kNone, kLength, kChunked, kUntilClose };
  int version = 11;
  int status = 0;
  Body body = Body::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  // Another head follows (RFC 9110 15.2).
  bool informational() const { return status < 200; }
};

// Owner: the stream whose headers it fills. Thread-safety: confined.
class ResponseParser {
 public:
  // Both outlive it.
  ResponseParser(const FieldLimits& limits, Headers& headers)
      : limits_(limits), headers_(headers), lines_(headers.arena(), limits.max_bytes) {}

  // The request was HEAD: no body follows, whatever the head says of one (RFC 9112 6.3).
  void set_answers_head() { answers_head_ = true; }
  // Takes from the front of `input`; kDone: what is left in it belongs to the body, or to the next
  // head.
  ParseResult Feed(std::string_view& input);
  // Part of a head was seen, and not all of it.
  bool within_head() const { return within_head_; }
  // After an informational head, for the next one. All of them together have one limit.
  void Restart();
  const ResponseHead& head() const { return head_; }
  const ParseError& error() const { return error_; }

 private:
  ParseError StatusLine(std::string_view line);
  ParseError Field(std::string_view line);
  ParseError Finish();
  // 1xx and 204 (RFC 9112 6.3): framing fields have no place in them.
  ParseError FinishBodiless();

  const FieldLimits& limits_;
  Headers& headers_;
  LineReader lines_;
  FramingFields framing_;
  ResponseHead head_;
  ParseError error_;
  uint32_t fields_ = 0;
  bool within_head_ = false;
  bool in_fields_ = false;
  bool answers_head_ = false;
};

}  // namespace outrigger::proxy::http1
