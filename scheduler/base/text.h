// text.h: Debian's abseil has a string_view of its own (ABSL_OPTION_USE_STD_STRING_VIEW 0); these
// bridge to it, so that the rest of the code says std::string_view.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace outrigger::scheduler {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

// absl::StrCat and StrAppend, with std::string_view too.
template <typename T>
decltype(auto) Piece(const T& part) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ToAbsl(part);
  } else {
    return (part);
  }
}
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  return absl::StrCat(Piece(parts)...);
}
template <typename... Parts>
void Append(std::string& text, const Parts&... parts) {
  absl::StrAppend(&text, Piece(parts)...);
}

inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(ToAbsl(a), ToAbsl(b));
}
inline bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return absl::StartsWithIgnoreCase(ToAbsl(text), ToAbsl(prefix));
}

}  // namespace outrigger::scheduler
