// matcher.h: texts, headers and query parameters that a request or a response is tested for, as the
// data plane reads them: type.matcher.v3 and the matchers of config.route.v3. Compiled on the
// control pool, shared by all workers; the matching is proxy/router's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/codec/http/header_name.h"

namespace re2 {
class RE2;
}

namespace outrigger::proxy {

// RegexMatcher: matches a whole text.
using Regex = std::shared_ptr<const re2::RE2>;

// RegexMatchAndSubstitute: replaces every match of the pattern.
struct RegexRewrite {
  Regex pattern;
  std::string substitution;
};

struct StringMatcher {
  enum class Kind : uint8_t { kExact, kPrefix, kSuffix, kContains, kRegex };
  Kind kind = Kind::kExact;
  bool ignore_case = false;
  std::string text;  // in lower case, if case is ignored
  Regex regex;
};

// A header's name, to look it up by.
struct HeaderKey {
  std::string name;  // lower case
  HeaderName id = HeaderName::kOther;
  bool list = false;  // Envoy keeps several fields of this name as one, with commas between them

  bool empty() const { return name.empty(); }
};

// config.route.v3.HeaderMatcher
struct HeaderMatcher {
  enum class Kind : uint8_t { kPresent, kString, kRange };
  HeaderKey key;
  Kind kind = Kind::kPresent;
  bool present = true;            // kPresent: whether it has to be there
  bool invert = false;            // invert_match
  bool missing_is_empty = false;  // treat_missing_header_as_empty
  StringMatcher string;
  int64_t start = 0;  // kRange: start <= value < end
  int64_t end = 0;
};

// config.route.v3.QueryParameterMatcher
struct QueryMatcher {
  std::string name;
  bool has_string = false;  // false: present_match
  bool present = true;
  StringMatcher string;
};

// type.v3.FractionalPercent
struct Fraction {
  uint32_t numerator = 0;
  uint32_t denominator = 100;
};

}  // namespace outrigger::proxy
