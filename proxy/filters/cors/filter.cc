#include "proxy/filters/cors/filter.h"

#include <algorithm>

#include "proxy/router/matcher.h"

namespace outrigger::proxy::cors {
namespace {

constexpr std::string_view kAllowOrigin = "access-control-allow-origin";
constexpr std::string_view kAllowCredentials = "access-control-allow-credentials";
constexpr std::string_view kAllowMethods = "access-control-allow-methods";
constexpr std::string_view kAllowHeaders = "access-control-allow-headers";
constexpr std::string_view kAllowPrivateNetwork = "access-control-allow-private-network";
constexpr std::string_view kExposeHeaders = "access-control-expose-headers";
constexpr std::string_view kMaxAge = "access-control-max-age";
constexpr std::string_view kRequestMethod = "access-control-request-method";
constexpr std::string_view kRequestHeaders = "access-control-request-headers";
constexpr std::string_view kRequestPrivateNetwork = "access-control-request-private-network";

// The answer is for this origin.
struct AllowedOrigin final : FilterState {
  explicit AllowedOrigin(std::string_view text) : origin(text) {}
  const std::string_view origin;  // in the request's arena
};

std::string_view ValueOf(const Headers& headers, std::string_view name) {
  const Header* header = headers.Find(name);
  return header ? header->value : std::string_view();
}

bool IsAllowed(const Policy& policy, std::string_view origin) {
  return std::any_of(policy.allow_origins.begin(), policy.allow_origins.end(),
                     [origin](const StringMatcher& matcher) {
                       return Matches(matcher, "*") || Matches(matcher, origin);
                     });
}

// "*" means: what is asked for.
void Allow(std::string_view name, std::string_view allowed, std::string_view asked,
           Headers& response) {
  if (!allowed.empty()) response.Set(name, allowed == "*" ? asked : allowed);
}

void FillPreflight(const Policy& policy, const Headers& request, Headers& response) {
  Allow(kAllowMethods, policy.allow_methods, ValueOf(request, kRequestMethod), response);
  Allow(kAllowHeaders, policy.allow_headers, ValueOf(request, kRequestHeaders), response);
  if (!policy.max_age.empty()) response.Set(kMaxAge, policy.max_age);
  if (policy.allow_private_network_access.value_or(false) &&
      ValueOf(request, kRequestPrivateNetwork) == "true") {
    response.Set(kAllowPrivateNetwork, "true");
  }
}

}  // namespace

FilterVerdict CorsFilter::OnRequest(FilterStream& stream) const {
  const Policy* policy = stream.settings<Policy>();
  // A route that answers by itself is none of Envoy's "route entries".
  if (!policy || !stream.selection.action) return FilterVerdict::kContinue;
  const bool enabled = IsIn(policy->enabled, stream.random.Next());
  if (!enabled && !IsIn(policy->shadow, stream.random.Next())) return FilterVerdict::kContinue;
  const Headers& request = stream.request();
  const std::string_view origin = request.Get(HeaderName::kOrigin);
  if (origin.empty()) return FilterVerdict::kContinue;
  const bool allowed = IsAllowed(*policy, origin);
  stream.stats.Inc(allowed ? stats_.origin_valid : stats_.origin_invalid);
  if (!enabled) return FilterVerdict::kContinue;
  if (allowed) stream.MakeState<AllowedOrigin>(origin);
  if (request.Get(HeaderName::kMethod) != "OPTIONS" || ValueOf(request, kRequestMethod).empty()) {
    return FilterVerdict::kContinue;
  }
  if (!allowed && policy->forward_not_matching_preflights.value_or(true)) {
    return FilterVerdict::kContinue;
  }
  FillPreflight(*policy, request, stream.reply_headers);
  if (policy->allow_credentials.value_or(false)) {
    stream.reply_headers.Set(kAllowCredentials, "true");
  }
  stream.reply = {.status = 200, .details = "cors_response", .verbatim = true};
  return FilterVerdict::kReply;
}

void CorsFilter::OnResponse(FilterStream& stream) const {
  const AllowedOrigin* allowed = stream.state<AllowedOrigin>();
  if (!allowed) return;
  const Policy& policy = *stream.settings<Policy>();
  Headers& response = *stream.response;
  response.Set(kAllowOrigin, allowed->origin);
  if (policy.allow_credentials.value_or(false)) response.Set(kAllowCredentials, "true");
  if (!policy.expose_headers.empty()) response.Set(kExposeHeaders, policy.expose_headers);
}

}  // namespace outrigger::proxy::cors
