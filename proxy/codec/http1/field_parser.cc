#include "proxy/codec/http1/field_parser.h"

#include <algorithm>
#include <cstring>

namespace outrigger::proxy::http1 {

ParseResult LineReader::Next(std::string_view& input, std::string_view& line) {
  if (stash_is_line_) {
    stash_is_line_ = false;
    stashed_ = 0;
  }
  const void* lf = input.empty() ? nullptr : std::memchr(input.data(), '\n', input.size());
  const size_t taken =
      lf ? static_cast<size_t>(static_cast<const char*>(lf) - input.data()) + 1 : input.size();
  if (taken > left_) {
    error_ = {431, "header block too large"};
    return ParseResult::kError;
  }
  left_ -= taken;
  std::string_view piece = input.substr(0, taken);
  input.remove_prefix(taken);
  if (!lf || stashed_ > 0) Stash(piece);
  if (!lf) return ParseResult::kMore;
  if (stashed_ > 0) {
    piece = {stash_, stashed_};
    stash_is_line_ = true;
  }
  if (piece.size() < 2 || piece[piece.size() - 2] != '\r') {
    // RFC 9112 2.2 lets a recipient take a bare LF; peers that differ on it can be played against
    // each other.
    error_ = {400, "line ends in a bare LF"};
    return ParseResult::kError;
  }
  line = piece.substr(0, piece.size() - 2);
  return ParseResult::kDone;
}

void LineReader::Stash(std::string_view bytes) {
  if (bytes.empty()) return;
  if (stashed_ + bytes.size() > stash_size_) {
    stash_size_ = std::max<size_t>(2 * (stashed_ + bytes.size()), 256);
    char* grown = static_cast<char*>(arena_.Alloc(stash_size_, 1));
    if (stashed_ > 0) std::memcpy(grown, stash_, stashed_);
    stash_ = grown;
  }
  std::memcpy(stash_ + stashed_, bytes.data(), bytes.size());
  stashed_ += bytes.size();
}

ParseError ParseFieldLine(std::string_view line, Arena& arena, FieldLine& field) {
  if (line.front() == ' ' || line.front() == '\t') return {400, "folded header line"};
  char* const name = static_cast<char*>(arena.Alloc(line.size(), 1));
  size_t length = 0;
  while (length < line.size()) {
    const char lower = kLowerToken[static_cast<unsigned char>(line[length])];
    if (lower == 0) break;
    name[length++] = lower;
  }
  if (length == 0 || length == line.size() || line[length] != ':') {
    return {400, "bad header name"};
  }
  const std::string_view value = Trim(line.substr(length + 1));
  if (!AllOf(value, kFieldValue)) return {400, "bad character in a header value"};
  if (!value.empty()) std::memcpy(name + length, value.data(), value.size());
  field = {{name, length}, {name + length, value.size()}};
  return {};
}

ParseResult TrailerParser::Feed(std::string_view& input) {
  for (;;) {
    std::string_view line;
    const ParseResult result = lines_.Next(input, line);
    if (result == ParseResult::kMore) return result;
    if (result == ParseResult::kError) {
      error_ = lines_.error();
      return result;
    }
    if (line.empty()) return ParseResult::kDone;
    FieldLine field;
    error_ = ++fields_ > limits_.max_count ? ParseError{431, "too many trailers"}
                                           : ParseFieldLine(line, trailers_.arena(), field);
    if (error_) return ParseResult::kError;
    switch (const HeaderName id = LookupHeader(field.name)) {
      case HeaderName::kContentLength:
      case HeaderName::kTransferEncoding:
      case HeaderName::kHost:
      case HeaderName::kConnection:
      case HeaderName::kKeepAlive:
      case HeaderName::kProxyConnection:
      case HeaderName::kUpgrade:
      case HeaderName::kTe:
      case HeaderName::kTrailer:
        break;
      default:
        trailers_.AddRaw({id == HeaderName::kOther ? field.name : HeaderText(id), field.value, id});
    }
  }
}

}  // namespace outrigger::proxy::http1
