// field_parser.h: field lines, the part that request heads and trailer sections share: cuts CRLF
// lines out of bytes that come in any pieces, splits and checks them, counts them against limits.
// Gives no meaning to any name of a request's head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/codec/buffer/arena.h"
#include "proxy/codec/http/headers.h"
#include "proxy/codec/http1/syntax.h"

namespace outrigger::proxy::http1 {

struct FieldLimits {
  size_t max_bytes = 60 * 1024;  // start line and field lines together
  uint32_t max_count = 100;      // field lines
};

enum class ParseResult : uint8_t { kMore, kDone, kError };

// Owner: a parser. Thread-safety: confined.
class LineReader {
 public:
  LineReader(Arena& arena, size_t max_bytes) : arena_(arena), left_(max_bytes) {}

  // Takes from the front of `input`. kDone: `line` is the next line without its CRLF, good until
  // the next call or the end of the input's bytes.
  ParseResult Next(std::string_view& input, std::string_view& line);
  // The beginning of a line that is not complete yet.
  std::string_view partial() const { return {stash_, stashed_}; }
  const ParseError& error() const { return error_; }

 private:
  void Stash(std::string_view bytes);

  Arena& arena_;
  size_t left_;
  char* stash_ = nullptr;  // arena memory, kept from line to line
  size_t stashed_ = 0;
  size_t stash_size_ = 0;
  bool stash_is_line_ = false;
  ParseError error_;
};

// A field line (RFC 9112 5), checked; the name is lower case and both lie in the arena.
struct FieldLine {
  std::string_view name;
  std::string_view value;
};

// Obs-fold, white space before the colon, a bad name, control characters in the value: an error.
ParseError ParseFieldLine(std::string_view line, Arena& arena, FieldLine& field);

// The trailer section of a chunked message (RFC 9112 7.1.2). Fields that frame, route or belong to
// one hop are dropped: it is too late for them.
//
// Owner: the stream whose trailers it fills. Thread-safety: confined.
class TrailerParser {
 public:
  TrailerParser(const FieldLimits& limits, Headers& trailers)
      : limits_(limits), trailers_(trailers), lines_(trailers.arena(), limits.max_bytes) {}

  // Takes from the front of `input`; kDone: the message ended.
  ParseResult Feed(std::string_view& input);
  const ParseError& error() const { return error_; }

 private:
  const FieldLimits& limits_;
  Headers& trailers_;
  LineReader lines_;
  uint32_t fields_ = 0;
  ParseError error_;
};

}  // namespace outrigger::proxy::http1
