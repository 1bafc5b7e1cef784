// syntax.h: the character classes of HTTP/1 messages (RFC 9110 5.6, RFC 9112, RFC 3986) as tables,
// and why a message was refused. Shared by the parsers of this folder.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace outrigger::proxy::http1 {

// Why a message is refused. `status` 0: it is not.
struct ParseError {
  int status = 0;
  const char* detail = "";  // static text, for logs and tests
  explicit operator bool() const { return status != 0; }
};

constexpr bool IsAlpha(unsigned char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
constexpr bool IsDigit(unsigned char c) { return c >= '0' && c <= '9'; }

// Each character of a token (RFC 9110 5.6.2) in lower case; 0 for all others.
inline constexpr std::array<char, 256> kLowerToken = [] {
  std::array<char, 256> table{};
  for (int c = 0; c < 128; ++c) {
    const bool token =
        IsAlpha(static_cast<unsigned char>(c)) || IsDigit(static_cast<unsigned char>(c)) ||
        std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
    if (!token || c == 0) continue;
    table[static_cast<size_t>(c)] = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return table;
}();

enum CharClass : uint8_t {
  kFieldValue = 1,  // HTAB, SP, VCHAR, obs-text (RFC 9110 5.5)
  kPathQuery = 2,   // VCHAR but '#': what may stand in a request target
  kAuthority = 4,   // reg-name, IP literal, port (RFC 3986 3.2), without userinfo
};

inline constexpr std::array<uint8_t, 256> kCharClass = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    uint8_t mask = 0;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) mask |= kFieldValue;
    if (c > 0x20 && c < 0x7f && c != '#') mask |= kPathQuery;
    if (c < 128 &&
        (IsAlpha(static_cast<unsigned char>(c)) || IsDigit(static_cast<unsigned char>(c)) ||
         (c != 0 && std::string_view("-._~!$&'()*+,;=:%[]").find(static_cast<char>(c)) !=
                        std::string_view::npos))) {
      mask |= kAuthority;
    }
    table[static_cast<size_t>(c)] = mask;
  }
  return table;
}();

inline bool AllOf(std::string_view text, CharClass char_class) {
  uint8_t mask = char_class;
  for (const char c : text) mask &= kCharClass[static_cast<unsigned char>(c)];
  return mask == char_class;
}

inline bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (kLowerToken[static_cast<unsigned char>(c)] == 0) return false;
  }
  return !text.empty();
}

inline bool EqualsIgnoreCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

// Optional white space (RFC 9110 5.6.3) off both ends.
inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the next element off a comma-separated list; empty elements are skipped (RFC 9110 5.6.1).
inline bool NextElement(std::string_view& list, std::string_view& element) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    element = Trim(list.substr(0, comma));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    if (!element.empty()) return true;
  }
  return false;
}

}  // namespace outrigger::proxy::http1
