#include "proxy/config/matcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "re2/re2.h"

namespace outrigger::proxy {
namespace {

namespace v3 = envoy::config::route::v3;
using envoy::type::matcher::v3::RegexMatcher;

// Several fields with such a name Envoy makes one, as it receives them. Others it tests one by one.
constexpr std::string_view kRequestLists[] = {"accept",
                                              "accept-encoding",
                                              "access-control-request-headers",
                                              "access-control-request-method",
                                              "access-control-request-private-network",
                                              "authentication",
                                              "authorization",
                                              "cache-control",
                                              "content-encoding",
                                              "content-type",
                                              "expect",
                                              "grpc-accept-encoding",
                                              "grpc-timeout",
                                              "if-match",
                                              "if-modified-since",
                                              "if-none-match",
                                              "if-range",
                                              "if-unmodified-since",
                                              "origin",
                                              "pragma",
                                              "proxy-status",
                                              "referer",
                                              "user-agent",
                                              "via",
                                              "x-client-trace-id",
                                              "x-envoy-attempt-count",
                                              "x-envoy-decorator-operation",
                                              "x-envoy-downstream-service-cluster",
                                              "x-envoy-downstream-service-node",
                                              "x-envoy-expected-rq-timeout-ms",
                                              "x-envoy-external-address",
                                              "x-envoy-force-trace",
                                              "x-envoy-internal",
                                              "x-envoy-ip-tags",
                                              "x-envoy-is-timeout-retry",
                                              "x-envoy-original-host",
                                              "x-envoy-original-path",
                                              "x-envoy-original-url",
                                              "x-envoy-upstream-alt-stat-name",
                                              "x-envoy-upstream-rq-timeout-ms",
                                              "x-forwarded-client-cert",
                                              "x-forwarded-for",
                                              "x-forwarded-host",
                                              "x-forwarded-port",
                                              "x-forwarded-proto",
                                              "x-request-id"};
constexpr std::string_view kResponseLists[] = {"access-control-allow-credentials",
                                               "access-control-allow-headers",
                                               "access-control-allow-methods",
                                               "access-control-allow-origin",
                                               "access-control-expose-headers",
                                               "access-control-max-age",
                                               "age",
                                               "cache-control",
                                               "content-encoding",
                                               "content-type",
                                               "date",
                                               "etag",
                                               "expires",
                                               "grpc-message",
                                               "grpc-status",
                                               "last-modified",
                                               "location",
                                               "proxy-status",
                                               "vary",
                                               "via",
                                               "x-envoy-attempt-count",
                                               "x-envoy-decorator-operation",
                                               "x-envoy-degraded",
                                               "x-envoy-immediate-health-check-fail",
                                               "x-envoy-ratelimited",
                                               "x-envoy-upstream-canary",
                                               "x-envoy-upstream-healthchecked-cluster",
                                               "x-envoy-upstream-service-time",
                                               "x-request-id"};
static_assert(std::is_sorted(std::begin(kRequestLists), std::end(kRequestLists)));
static_assert(std::is_sorted(std::begin(kResponseLists), std::end(kResponseLists)));

// RFC 9110 5.6.2
bool IsToken(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [kMarks](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           kMarks.find(c) != std::string_view::npos;
  });
}

std::string_view WithoutColon(std::string_view name) {
  return name.starts_with(':') ? name.substr(1) : name;
}

// Texts that are empty match all, or nothing by accident.
absl::Status SetText(StringMatcher::Kind kind, const std::string& text, const FieldPath& path,
                     StringMatcher& to) {
  if (kind != StringMatcher::Kind::kExact) {
    OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(text, path));
  }
  to.kind = kind;
  to.text = to.ignore_case ? absl::AsciiStrToLower(text) : text;
  return absl::OkStatus();
}

absl::Status SetRegex(const RegexMatcher& proto, const FieldPath& path, StringMatcher& to) {
  to.kind = StringMatcher::Kind::kRegex;
  OUTRIGGER_ASSIGN_OR_RETURN(to.regex, ParseRegex(proto, path));
  return absl::OkStatus();
}

absl::Status SetSpecifier(const v3::HeaderMatcher& proto, const FieldPath& path,
                          HeaderMatcher& to) {
  using Kind = StringMatcher::Kind;
  if (proto.header_match_specifier_case() != v3::HeaderMatcher::HEADER_MATCH_SPECIFIER_NOT_SET) {
    to.kind = HeaderMatcher::Kind::kString;
  }
  switch (proto.header_match_specifier_case()) {
    case v3::HeaderMatcher::kStringMatch: {
      OUTRIGGER_ASSIGN_OR_RETURN(to.string,
                                 ParseStringMatcher(proto.string_match(), path["string_match"]));
      return absl::OkStatus();
    }
    case v3::HeaderMatcher::kExactMatch:
      // Envoy's older form: an empty text means any.
      to.string.kind = proto.exact_match().empty() ? Kind::kPrefix : Kind::kExact;
      to.string.text = proto.exact_match();
      return absl::OkStatus();
    case v3::HeaderMatcher::kSafeRegexMatch:
      return SetRegex(proto.safe_regex_match(), path["safe_regex_match"], to.string);
    case v3::HeaderMatcher::kPrefixMatch:
      return SetText(Kind::kPrefix, proto.prefix_match(), path["prefix_match"], to.string);
    case v3::HeaderMatcher::kSuffixMatch:
      return SetText(Kind::kSuffix, proto.suffix_match(), path["suffix_match"], to.string);
    case v3::HeaderMatcher::kContainsMatch:
      return SetText(Kind::kContains, proto.contains_match(), path["contains_match"], to.string);
    case v3::HeaderMatcher::kRangeMatch:
      to.kind = HeaderMatcher::Kind::kRange;
      to.start = proto.range_match().start();
      to.end = proto.range_match().end();
      return absl::OkStatus();
    case v3::HeaderMatcher::kPresentMatch:
      to.kind = HeaderMatcher::Kind::kPresent;
      to.present = proto.present_match();
      return absl::OkStatus();
    case v3::HeaderMatcher::HEADER_MATCH_SPECIFIER_NOT_SET:
      break;
  }
  return absl::OkStatus();
}

bool IsCheap(const HeaderMatcher& matcher) {
  return matcher.kind != HeaderMatcher::Kind::kString ||
         matcher.string.kind != StringMatcher::Kind::kRegex;
}

}  // namespace

absl::StatusOr<HeaderKey> ParseHeaderName(const std::string& name, const FieldPath& path,
                                          MessageKind kind) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(name, path));
  if (!IsToken(WithoutColon(name))) {
    return path.Error(absl::StrFormat("\"%s\" is no header name", absl::CEscape(name)));
  }
  HeaderKey key;
  key.name = absl::AsciiStrToLower(name);
  // Codecs turn a Host header into :authority (RFC 9113 8.3.1).
  if (key.name == "host") key.name = ":authority";
  key.id = LookupHeader(key.name);
  key.list =
      kind == MessageKind::kRequest
          ? std::binary_search(std::begin(kRequestLists), std::end(kRequestLists), key.name)
          : std::binary_search(std::begin(kResponseLists), std::end(kResponseLists), key.name);
  return key;
}

absl::StatusOr<Regex> ParseRegex(const RegexMatcher& proto, const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"google_re2", "regex"}));
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.regex(), path["regex"]));
  auto regex = std::make_shared<const re2::RE2>(proto.regex(), re2::RE2::Quiet);
  if (!regex->ok()) return path["regex"].Error(regex->error());
  return regex;
}

absl::StatusOr<std::shared_ptr<const RegexRewrite>> ParseRegexRewrite(
    const envoy::type::matcher::v3::RegexMatchAndSubstitute& proto, const FieldPath& path) {
  auto to = std::make_shared<RegexRewrite>();
  if (!proto.has_pattern()) return path["pattern"].Error("value is required");
  OUTRIGGER_ASSIGN_OR_RETURN(to->pattern, ParseRegex(proto.pattern(), path["pattern"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.substitution(), path["substitution"]));
  to->substitution = proto.substitution();
  std::string error;
  if (!to->pattern->CheckRewriteString(to->substitution, &error)) {
    return path["substitution"].Error(error);
  }
  return to;
}

absl::StatusOr<StringMatcher> ParseStringMatcher(
    const envoy::type::matcher::v3::StringMatcher& proto, const FieldPath& path) {
  using Proto = envoy::type::matcher::v3::StringMatcher;
  using Kind = StringMatcher::Kind;
  StringMatcher to;
  to.ignore_case = proto.ignore_case();
  absl::Status status;
  switch (proto.match_pattern_case()) {
    case Proto::kExact:
      status = SetText(Kind::kExact, proto.exact(), path["exact"], to);
      break;
    case Proto::kPrefix:
      status = SetText(Kind::kPrefix, proto.prefix(), path["prefix"], to);
      break;
    case Proto::kSuffix:
      status = SetText(Kind::kSuffix, proto.suffix(), path["suffix"], to);
      break;
    case Proto::kContains:
      status = SetText(Kind::kContains, proto.contains(), path["contains"], to);
      break;
    case Proto::kSafeRegex:
      if (to.ignore_case) {
        return path["ignore_case"].Error("has no effect for safe_regex: write (?i)");
      }
      status = SetRegex(proto.safe_regex(), path["safe_regex"], to);
      break;
    case Proto::MATCH_PATTERN_NOT_SET:
      return path.Error("match_pattern is required: exact, prefix, suffix, contains or safe_regex");
  }
  OUTRIGGER_RETURN_IF_ERROR(status);
  return to;
}

absl::StatusOr<HeaderMatcher> ParseHeaderMatcher(const v3::HeaderMatcher& proto,
                                                 const FieldPath& path, MessageKind kind) {
  HeaderMatcher to;
  OUTRIGGER_ASSIGN_OR_RETURN(to.key, ParseHeaderName(proto.name(), path["name"], kind));
  to.invert = proto.invert_match();
  to.missing_is_empty = proto.treat_missing_header_as_empty();
  OUTRIGGER_RETURN_IF_ERROR(SetSpecifier(proto, path, to));
  return to;
}

absl::StatusOr<std::vector<HeaderMatcher>> ParseHeaderMatchers(
    const google::protobuf::RepeatedPtrField<v3::HeaderMatcher>& protos, const FieldPath& path,
    std::string_view field, MessageKind kind) {
  std::vector<HeaderMatcher> matchers;
  matchers.reserve(static_cast<size_t>(protos.size()));
  for (int i = 0; i < protos.size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(HeaderMatcher matcher,
                               ParseHeaderMatcher(protos[i], path.At(field, i), kind));
    matchers.push_back(std::move(matcher));
  }
  std::stable_partition(matchers.begin(), matchers.end(), IsCheap);
  return matchers;
}

absl::StatusOr<QueryMatcher> ParseQueryMatcher(const v3::QueryParameterMatcher& proto,
                                               const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.name(), path["name"]));
  QueryMatcher to;
  to.name = proto.name();
  if (proto.has_string_match()) {
    to.has_string = true;
    OUTRIGGER_ASSIGN_OR_RETURN(to.string,
                               ParseStringMatcher(proto.string_match(), path["string_match"]));
  } else if (proto.query_parameter_match_specifier_case() ==
             v3::QueryParameterMatcher::kPresentMatch) {
    to.present = proto.present_match();
  }
  return to;
}

absl::StatusOr<Fraction> ParseFraction(const envoy::type::v3::FractionalPercent& proto,
                                       const FieldPath& path) {
  using Percent = envoy::type::v3::FractionalPercent;
  Fraction to;
  to.numerator = proto.numerator();
  switch (proto.denominator()) {
    case Percent::HUNDRED:
      to.denominator = 100;
      return to;
    case Percent::TEN_THOUSAND:
      to.denominator = 10'000;
      return to;
    case Percent::MILLION:
      to.denominator = 1'000'000;
      return to;
    default:
      return path["denominator"].Error("value must be one of the defined enum values");
  }
}

absl::StatusOr<Fraction> ParseFraction(
    const envoy::config::core::v3::RuntimeFractionalPercent& proto, const FieldPath& path) {
  const FieldPath value = path["default_value"];
  if (!proto.has_default_value()) return value.Error("value is required");
  return ParseFraction(proto.default_value(), value);
}

}  // namespace outrigger::proxy
