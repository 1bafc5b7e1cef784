// framing_fields.h: the fields of a head that rule its message's end and the connection
// (Content-Length, Transfer-Encoding, Connection: RFC 9112 6 and 9), the same for requests and
// responses. Strict: what two readers could understand differently is refused. Which body a head
// has is for its parser to say.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/codec/http1/syntax.h"

namespace outrigger::proxy::http1 {

// A Content-Length's value; false: it is none.
bool ParseLength(std::string_view text, uint64_t& length);

// Owner: the parser of a head. Thread-safety: confined.
class FramingFields {
 public:
  // A field of a head of `version`, its views good until Finish(). An error refuses the message.
  // True: it ends at this hop and goes into no list.
  bool Take(HeaderName id, std::string_view value, int version, ParseError& error);
  // One field each, as above.
  ParseError ContentLength(std::string_view value);
  ParseError TransferEncoding(std::string_view value, int version);
  ParseError Connection(std::string_view value);
  // After the last field. Takes those that Connection lists out of `headers`.
  ParseError Finish(int version, Headers& headers);

  bool chunked() const { return chunked_; }
  bool has_length() const { return has_length_; }
  uint64_t length() const { return length_; }
  // The connection outlives the message, as far as its sender says. Good after Finish().
  bool keep_alive() const { return keep_alive_; }

 private:
  static constexpr size_t kMaxNominated = 16;

  uint64_t length_ = 0;
  bool has_length_ = false;
  bool chunked_ = false;
  bool keep_alive_ = true;
  bool keep_alive_10_ = false;
  uint32_t nominated_count_ = 0;
  std::string_view nominated_[kMaxNominated];  // names that Connection lists
};

}  // namespace outrigger::proxy::http1
