// request_parser.h: the head of an HTTP/1.1 request (RFC 9112 3 to 5), from bytes in any pieces to
// the header list that HTTP/2 would give: pseudo header fields first, lower-case names, hop-by-hop
// fields taken out. Strict: what two readers could understand differently is refused.
// Allocates nothing but from the stream's arena. Reads no body.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/codec/http1/field_parser.h"
#include "proxy/codec/http1/framing_fields.h"

namespace outrigger::proxy::http1 {

struct RequestRules {
  FieldLimits limits;
  bool accept_http_10 = false;        // else 426, as Envoy answers it
  bool allow_custom_methods = false;  // else the registered ones
  // :authority of an HTTP/1.0 request without Host. Static text, as `scheme`.
  std::string_view default_host_for_http_10;
  std::string_view scheme = "http";  // how the connection was made
};

// What framing and connection handling need to know. Good once Feed() gave kDone.
struct RequestHead {
  enum class Body : uint8_t { kNone, kLength, kChunked };
  int version = 11;
  Body body = Body::kNone;
  uint64_t content_length = 0;
  bool keep_alive = true;
  bool is_head = false;
};

// Owner: the stream whose headers it fills. Thread-safety: confined.
class RequestParser {
 public:
  // `rules` and `headers` outlive it.
  RequestParser(const RequestRules& rules, Headers& headers)
      : rules_(rules), headers_(headers), lines_(headers.arena(), rules.limits.max_bytes) {}

  // Takes from the front of `input`; kDone: what is left in it belongs to the body.
  ParseResult Feed(std::string_view& input);
  const RequestHead& head() const { return head_; }
  const ParseError& error() const { return error_; }

 private:
  ParseError RequestLine(std::string_view line);
  ParseError Target(std::string_view method, std::string_view target);
  ParseError Field(std::string_view line);
  ParseError Host(std::string_view value);
  ParseError Finish();

  const RequestRules& rules_;
  Headers& headers_;
  LineReader lines_;
  FramingFields framing_;
  RequestHead head_;
  ParseError error_;
  size_t authority_ = 0;  // its place in headers_
  uint32_t fields_ = 0;
  bool in_fields_ = false;
  bool has_host_ = false;
  bool absolute_ = false;
};

}  // namespace outrigger::proxy::http1
