#include "proxy/codec/http1/chunked.h"

#include <algorithm>

namespace outrigger::proxy::http1 {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

ParseResult ChunkedDecoder::Next(std::string_view& input, std::string_view& data) {
  data = {};
  while (!input.empty()) {
    if (state_ == State::kBody) {
      const size_t taken = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
      data = input.substr(0, taken);
      input.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) state_ = State::kBodyCr;
      return ParseResult::kMore;
    }
    const char c = input.front();
    input.remove_prefix(1);
    switch (state_) {
      case State::kFirstDigit:
      case State::kSize: {
        const int digit = HexDigit(c);
        if (digit >= 0) {
          // 15 digits stay far from overflow; leading zeros count, or they could go on for ever.
          if (++digits_ > 15) return Fail("chunk size too large");
          left_ = left_ * 16 + static_cast<uint64_t>(digit);
          state_ = State::kSize;
        } else if (state_ == State::kFirstDigit) {
          return Fail("bad chunk size");
        } else if (c == '\r') {
          state_ = State::kSizeLf;
        } else if (c == ';') {
          state_ = State::kExtension;
        } else {
          return Fail("bad chunk size");
        }
        break;
      }
      case State::kExtension:
        if (c == '\r') {
          state_ = State::kSizeLf;
        } else if (!(kCharClass[static_cast<unsigned char>(c)] & kFieldValue)) {
          return Fail("bad chunk extension");
        } else if (extension_left_-- == 0) {
          return Fail("chunk extensions too large");
        }
        break;
      case State::kSizeLf:
        if (c != '\n') return Fail("bad end of a chunk's size line");
        if (left_ == 0) return ParseResult::kDone;
        state_ = State::kBody;
        break;
      case State::kBodyCr:
        if (c != '\r') return Fail("chunk is longer than its size");
        state_ = State::kBodyLf;
        break;
      case State::kBodyLf:
        if (c != '\n') return Fail("bad end of a chunk");
        state_ = State::kFirstDigit;
        digits_ = 0;
        break;
      case State::kBody:
        break;
    }
  }
  return ParseResult::kMore;
}

size_t WriteChunkLine(uint64_t size, char (&out)[kMaxChunkLine]) {
  size_t digits = 1;
  while (digits < 16 && (size >> (4 * digits)) != 0) ++digits;
  for (size_t i = 0; i < digits; ++i) {
    out[i] = "0123456789abcdef"[(size >> (4 * (digits - 1 - i))) & 15];
  }
  out[digits] = '\r';
  out[digits + 1] = '\n';
  return digits + 2;
}

}  // namespace outrigger::proxy::http1
