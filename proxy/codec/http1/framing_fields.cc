#include "proxy/codec/http1/framing_fields.h"

#include <algorithm>

namespace outrigger::proxy::http1 {

bool ParseLength(std::string_view text, uint64_t& length) {
  if (text.empty() || text.size() > 18) return false;
  uint64_t number = 0;
  for (const char c : text) {
    if (!IsDigit(static_cast<unsigned char>(c))) return false;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  length = number;
  return true;
}

bool FramingFields::Take(HeaderName id, std::string_view value, int version, ParseError& error) {
  switch (id) {
    case HeaderName::kContentLength:
      error = ContentLength(value);
      return false;
    case HeaderName::kTransferEncoding:
      error = TransferEncoding(value, version);
      return true;
    case HeaderName::kConnection:
      error = Connection(value);
      return true;
    case HeaderName::kKeepAlive:
    case HeaderName::kProxyConnection:
    case HeaderName::kUpgrade:
      return true;
    default:
      return false;
  }
}

// RFC 9112 6.3: one number, said once.
ParseError FramingFields::ContentLength(std::string_view value) {
  if (has_length_) return {400, "two Content-Length headers"};
  if (!ParseLength(value, length_)) return {400, "bad Content-Length"};
  has_length_ = true;
  return {};
}

ParseError FramingFields::TransferEncoding(std::string_view value, int version) {
  // RFC 9112 6.1: a 1.0 message with it has faulty framing.
  if (version == 10) return {400, "Transfer-Encoding in HTTP/1.0"};
  if (chunked_ || !EqualsIgnoreCase(value, "chunked")) return {501, "unknown Transfer-Encoding"};
  chunked_ = true;
  return {};
}

ParseError FramingFields::Connection(std::string_view value) {
  std::string_view element;
  while (NextElement(value, element)) {
    if (EqualsIgnoreCase(element, "close")) {
      keep_alive_ = false;
    } else if (EqualsIgnoreCase(element, "keep-alive")) {
      keep_alive_10_ = true;
    } else if (nominated_count_ == kMaxNominated) {
      return {400, "too many names in Connection"};
    } else {
      nominated_[nominated_count_++] = element;
    }
  }
  return {};
}

ParseError FramingFields::Finish(int version, Headers& headers) {
  if (chunked_ && has_length_) return {400, "both Content-Length and Transfer-Encoding"};
  if (version == 10) keep_alive_ = keep_alive_ && keep_alive_10_;
  // RFC 9110 7.6.1: what Connection lists ends here, but it cannot take the framing away.
  for (uint32_t i = 0; i < nominated_count_; ++i) {
    char lower[64];
    const std::string_view name = nominated_[i];
    if (name.size() > sizeof(lower) || !IsToken(name)) return {400, "bad name in Connection"};
    std::transform(name.begin(), name.end(), lower,
                   [](char c) { return kLowerToken[static_cast<unsigned char>(c)]; });
    const std::string_view text(lower, name.size());
    if (text != "content-length" && text != "te") headers.Remove(text);
  }
  return {};
}

}  // namespace outrigger::proxy::http1
