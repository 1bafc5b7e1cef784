// matcher.h: tests texts, headers and query parameters by the snapshot's compiled matchers
// (proxy/snapshot/matcher.h). Pure; used by routes, retries and filters alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy {

bool Matches(const Regex& regex, std::string_view text);
bool Matches(const StringMatcher& matcher, std::string_view text);
// Any field of the name will do; none does if `invert`.
bool Matches(const HeaderMatcher& matcher, const Headers& headers);
// `path`: with its query.
bool Matches(const QueryMatcher& matcher, std::string_view path);

inline bool IsIn(const Fraction& fraction, uint64_t random) {
  return random % fraction.denominator < fraction.numerator;
}

// `text` with every match replaced.
std::string Rewritten(const RegexRewrite& rewrite, std::string_view text);

inline bool Is(const Header& header, const HeaderKey& key) {
  return header.id == key.id && (key.id != HeaderName::kOther || header.name == key.name);
}
// The first of that name; null if there is none.
inline const Header* Find(const Headers& headers, const HeaderKey& key) {
  return key.id == HeaderName::kOther ? headers.Find(key.name) : headers.Find(key.id);
}

}  // namespace outrigger::proxy
