// chunked.h: the chunked transfer coding (RFC 9112 7.1), both ways. The decoder works on bytes in
// any pieces and copies none; it stops at the trailer section, which FieldParser reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/codec/http1/field_parser.h"

namespace outrigger::proxy::http1 {

// Value. Thread-safety: confined.
class ChunkedDecoder {
 public:
  // Of all chunk extensions of a message together: they carry nothing that we use.
  static constexpr size_t kMaxExtensionBytes = 4096;

  // Takes from the front of `input`. kMore: `data`, if not empty, is the next piece of the body, a
  // part of `input`; call again while `input` is not empty. kDone: the last chunk was seen and the
  // trailer section follows.
  ParseResult Next(std::string_view& input, std::string_view& data);
  const ParseError& error() const { return error_; }

 private:
  enum class State : uint8_t { kFirstDigit, kSize, kExtension, kSizeLf, kBody, kBodyCr, kBodyLf };

  ParseResult Fail(const char* detail) {
    error_ = {400, detail};
    return ParseResult::kError;
  }

  uint64_t left_ = 0;
  size_t extension_left_ = kMaxExtensionBytes;
  State state_ = State::kFirstDigit;
  uint8_t digits_ = 0;
  ParseError error_;
};

// "1a2b\r\n" in `out`; returns its length. `size` > 0.
inline constexpr size_t kMaxChunkLine = 18;
size_t WriteChunkLine(uint64_t size, char (&out)[kMaxChunkLine]);

}  // namespace outrigger::proxy::http1
