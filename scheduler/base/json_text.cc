#include "scheduler/base/json_text.h"

#include <cstddef>
#include <cstdint>

namespace outrigger::scheduler {
namespace {

bool Continues(std::string_view text, size_t i) {
  return i < text.size() && (static_cast<uint8_t>(text[i]) & 0xc0) == 0x80;
}

// Length of the well-formed UTF-8 sequence at `i` (the Unicode Standard, table 3-7); 0: none.
size_t SequenceAt(std::string_view text, size_t i) {
  const uint8_t lead = static_cast<uint8_t>(text[i]);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4 || !Continues(text, i + 1)) return 0;
  const uint8_t second = static_cast<uint8_t>(text[i + 1]);
  if (lead < 0xe0) return 2;
  if (!Continues(text, i + 2)) return 0;
  if (lead < 0xf0) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  if (!Continues(text, i + 3)) return 0;
  const bool overlong = lead == 0xf0 && second < 0x90;
  const bool too_large = lead == 0xf4 && second >= 0x90;
  return overlong || too_large ? 0 : 4;
}

void AppendControl(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '\n': out.append("\\n"); return;
    case '\r': out.append("\\r"); return;
    case '\t': out.append("\\t"); return;
    case '\b': out.append("\\b"); return;
    case '\f': out.append("\\f"); return;
    default:
      out.append("\\u00");
      out.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
      out.push_back(kHex[static_cast<uint8_t>(c) & 15]);
  }
}

}  // namespace

void AppendJsonPart(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    const size_t length = SequenceAt(text, i);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      AppendControl(out, c);
    } else {
      out.append(text.substr(i, length));
    }
    i += length;
  }
}

void AppendJsonString(std::string& out, std::string_view text) {
  out.push_back('"');
  AppendJsonPart(out, text);
  out.push_back('"');
}

}  // namespace outrigger::scheduler
