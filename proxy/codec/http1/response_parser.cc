#include "proxy/codec/http1/response_parser.h"

namespace outrigger::proxy::http1 {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

// What a refused response's client gets. The codec does not look at it.
constexpr int kBad = 502;

}  // namespace

ParseResult ResponseParser::Feed(std::string_view& input) {
  within_head_ = true;
  for (;;) {
    std::string_view line;
    const ParseResult result = lines_.Next(input, line);
    if (result == ParseResult::kError) {
      error_ = lines_.error();
      return result;
    }
    if (result == ParseResult::kMore) {
      // Something that is no HTTP is refused at once, and not when it has said a line.
      const std::string_view partial = lines_.partial().substr(0, kVersion.size());
      if (in_fields_ || kVersion.starts_with(partial)) return result;
      error_ = {kBad, "bad status line"};
      return ParseResult::kError;
    }
    if (!in_fields_) {
      error_ = StatusLine(line);
      in_fields_ = true;
    } else if (!line.empty()) {
      error_ = Field(line);
    } else {
      within_head_ = false;
      error_ = Finish();
      return error_ ? ParseResult::kError : ParseResult::kDone;
    }
    if (error_) return ParseResult::kError;
  }
}

void ResponseParser::Restart() {
  headers_.Clear();
  head_ = {};
  framing_ = {};
  in_fields_ = false;
}

// RFC 9112 4. The phrase and the space before it may be missing, as they are with many.
ParseError ResponseParser::StatusLine(std::string_view line) {
  constexpr size_t kCode = kVersion.size() + 2;  // "HTTP/1.1 "
  if (line.size() < kCode + 3 || !line.starts_with(kVersion) || line[kCode - 1] != ' ') {
    return {kBad, "bad status line"};
  }
  const char minor = line[kVersion.size()];
  if (minor != '1' && minor != '0') return {kBad, "only HTTP/1.1"};
  if (minor == '0') head_.version = 10;
  const std::string_view code = line.substr(kCode, 3);
  for (const char c : code) {
    if (!IsDigit(static_cast<unsigned char>(c))) return {kBad, "bad status"};
    head_.status = head_.status * 10 + (c - '0');
  }
  if (head_.status < 100) return {kBad, "bad status"};
  // Nothing here asks for another protocol (RFC 9110 15.2.2).
  if (head_.status == 101) return {kBad, "101 that nobody asked for"};
  const std::string_view phrase = line.substr(kCode + 3);
  if (!phrase.empty() && (phrase.front() != ' ' || !AllOf(phrase, kFieldValue))) {
    return {kBad, "bad reason phrase"};
  }
  headers_.Add(HeaderName::kStatus, code);
  return {};
}

ParseError ResponseParser::Field(std::string_view line) {
  if (++fields_ > limits_.max_count) return {431, "too many headers"};
  FieldLine field;
  if (ParseError error = ParseFieldLine(line, headers_.arena(), field)) return error;
  const HeaderName id = LookupHeader(field.name);
  ParseError error;
  if (framing_.Take(id, field.value, head_.version, error) || error) return error;
  if (id == HeaderName::kTe) return {};
  headers_.AddRaw({id == HeaderName::kOther ? field.name : HeaderText(id), field.value, id});
  return {};
}

ParseError ResponseParser::FinishBodiless() {
  if (framing_.chunked()) return {kBad, "Transfer-Encoding without a body"};
  if (framing_.length() > 0) return {kBad, "Content-Length without a body"};
  headers_.Remove(HeaderName::kContentLength);
  return {};
}

// RFC 9112 6.3.
ParseError ResponseParser::Finish() {
  if (ParseError error = framing_.Finish(head_.version, headers_)) return error;
  head_.keep_alive = framing_.keep_alive();
  head_.content_length = framing_.length();
  if (head_.informational() || head_.status == 204) return FinishBodiless();
  if (answers_head_ || head_.status == 304) return {};
  if (framing_.chunked()) {
    head_.body = ResponseHead::Body::kChunked;
  } else if (!framing_.has_length()) {
    head_.body = ResponseHead::Body::kUntilClose;
  } else if (framing_.length() > 0) {
    head_.body = ResponseHead::Body::kLength;
  }
  return {};
}

}  // namespace outrigger::proxy::http1
