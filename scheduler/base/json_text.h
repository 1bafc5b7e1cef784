// json_text.h: a string as JSON writes it. For rooms that print JSON in a fixed shape and need no
// library for it.
#pragma once

#include <string>
#include <string_view>

namespace outrigger::scheduler {

// Appends `text` in quotes. Whatever the bytes, the result is one line of valid JSON in UTF-8: what
// is not UTF-8 becomes U+FFFD, one for each byte.
void AppendJsonString(std::string& out, std::string_view text);
// The same without the quotes: a part of a string.
void AppendJsonPart(std::string& out, std::string_view text);

}  // namespace outrigger::scheduler
