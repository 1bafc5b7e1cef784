#include "proxy/router/matcher.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "proxy/codec/http/path.h"
#include "re2/re2.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

bool EndsWithIgnoreCase(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         scheduler::EqualsIgnoreCase(text.substr(text.size() - suffix.size()), suffix);
}

// `lower` is in lower case.
bool ContainsIgnoreCase(std::string_view text, std::string_view lower) {
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
           return absl::ascii_tolower(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

bool MatchesIgnoreCase(const StringMatcher& matcher, std::string_view text) {
  switch (matcher.kind) {
    case StringMatcher::Kind::kExact:
      return scheduler::EqualsIgnoreCase(text, matcher.text);
    case StringMatcher::Kind::kPrefix:
      return scheduler::StartsWithIgnoreCase(text, matcher.text);
    case StringMatcher::Kind::kSuffix:
      return EndsWithIgnoreCase(text, matcher.text);
    case StringMatcher::Kind::kContains:
      return ContainsIgnoreCase(text, matcher.text);
    case StringMatcher::Kind::kRegex:
      return Matches(matcher.regex, text);
  }
  return false;
}

bool ValueMatches(const HeaderMatcher& matcher, std::string_view value) {
  switch (matcher.kind) {
    case HeaderMatcher::Kind::kPresent:
      return matcher.present;
    case HeaderMatcher::Kind::kString:
      return Matches(matcher.string, value);
    case HeaderMatcher::Kind::kRange: {
      int64_t number = 0;
      return absl::SimpleAtoi(scheduler::ToAbsl(value), &number) && number >= matcher.start &&
             number < matcher.end;
    }
  }
  return false;
}

// All fields of a list are one value (RFC 9110 5.3).
std::string Joined(const HeaderKey& key, const Headers& headers) {
  std::string list;
  for (const Header& header : headers) {
    if (!Is(header, key)) continue;
    scheduler::Append(list, list.empty() ? "" : ",", header.value);
  }
  return list;
}

bool AnyMatches(const HeaderMatcher& matcher, const Headers& headers, const Header* first) {
  const Header* end = headers.end();
  const auto is_next = [&matcher](const Header& header) { return Is(header, matcher.key); };
  if (matcher.key.list && std::any_of(first + 1, end, is_next)) {
    return ValueMatches(matcher, Joined(matcher.key, headers));
  }
  return std::any_of(first, end, [&](const Header& header) {
    return is_next(header) && ValueMatches(matcher, header.value);
  });
}

}  // namespace

bool Matches(const Regex& regex, std::string_view text) {
  return re2::RE2::FullMatch(Piece(text), *regex);
}

bool Matches(const StringMatcher& matcher, std::string_view text) {
  if (matcher.ignore_case) return MatchesIgnoreCase(matcher, text);
  switch (matcher.kind) {
    case StringMatcher::Kind::kExact:
      return text == matcher.text;
    case StringMatcher::Kind::kPrefix:
      return text.starts_with(matcher.text);
    case StringMatcher::Kind::kSuffix:
      return text.ends_with(matcher.text);
    case StringMatcher::Kind::kContains:
      return text.find(matcher.text) != std::string_view::npos;
    case StringMatcher::Kind::kRegex:
      return Matches(matcher.regex, text);
  }
  return false;
}

bool Matches(const HeaderMatcher& matcher, const Headers& headers) {
  if (const Header* first = Find(headers, matcher.key)) {
    return AnyMatches(matcher, headers, first) != matcher.invert;
  }
  if (matcher.missing_is_empty) return ValueMatches(matcher, "") != matcher.invert;
  // Envoy: what is not there has no value, so that not even an inverted test of it succeeds.
  return matcher.kind == HeaderMatcher::Kind::kPresent && matcher.present == matcher.invert;
}

bool Matches(const QueryMatcher& matcher, std::string_view path) {
  const std::optional<std::string_view> value = QueryParameter(path, matcher.name);
  if (!matcher.has_string) return value.has_value() == matcher.present;
  return value && Matches(matcher.string, *value);
}

std::string Rewritten(const RegexRewrite& rewrite, std::string_view text) {
  std::string result(text);
  re2::RE2::GlobalReplace(&result, *rewrite.pattern, rewrite.substitution);
  return result;
}

}  // namespace outrigger::proxy
