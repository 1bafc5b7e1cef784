// matcher.h: type.matcher.v3 and the matchers of config.route.v3 become the snapshot's, compiled:
// whatever has to be tested for (routes, retries, filters) is parsed here, once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/type/matcher/v3/regex.pb.h"
#include "envoy/type/matcher/v3/string.pb.h"
#include "proxy/config/fields.h"
#include "proxy/snapshot/matcher.h"

namespace outrigger::proxy {

// What a header belongs to: the two differ in which headers are lists.
enum class MessageKind : uint8_t { kRequest, kResponse };

// Of a header to be looked up or set: a token (RFC 9110 5.1) or a pseudo-header.
absl::StatusOr<HeaderKey> ParseHeaderName(const std::string& name, const FieldPath& path,
                                          MessageKind kind = MessageKind::kRequest);

absl::StatusOr<Regex> ParseRegex(const envoy::type::matcher::v3::RegexMatcher& proto,
                                 const FieldPath& path);
absl::StatusOr<std::shared_ptr<const RegexRewrite>> ParseRegexRewrite(
    const envoy::type::matcher::v3::RegexMatchAndSubstitute& proto, const FieldPath& path);
absl::StatusOr<StringMatcher> ParseStringMatcher(
    const envoy::type::matcher::v3::StringMatcher& proto, const FieldPath& path);
absl::StatusOr<HeaderMatcher> ParseHeaderMatcher(
    const envoy::config::route::v3::HeaderMatcher& proto, const FieldPath& path,
    MessageKind kind = MessageKind::kRequest);
absl::StatusOr<QueryMatcher> ParseQueryMatcher(
    const envoy::config::route::v3::QueryParameterMatcher& proto, const FieldPath& path);

// Cheap ones first: where all have to match, the order is ours. `field`: their place in `path`.
absl::StatusOr<std::vector<HeaderMatcher>> ParseHeaderMatchers(
    const google::protobuf::RepeatedPtrField<envoy::config::route::v3::HeaderMatcher>& protos,
    const FieldPath& path, std::string_view field, MessageKind kind = MessageKind::kRequest);

absl::StatusOr<Fraction> ParseFraction(const envoy::type::v3::FractionalPercent& proto,
                                       const FieldPath& path);
// The default value. A runtime layer that overrides its key would do so here.
absl::StatusOr<Fraction> ParseFraction(
    const envoy::config::core::v3::RuntimeFractionalPercent& proto, const FieldPath& path);

}  // namespace outrigger::proxy
