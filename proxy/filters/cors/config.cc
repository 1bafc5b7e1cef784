#include "proxy/filters/cors/config.h"

#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "proxy/config/fields.h"
#include "proxy/config/matcher.h"
#include "proxy/filters/cors/filter.h"

namespace outrigger::proxy::cors {
namespace {

namespace v3 = envoy::extensions::filters::http::cors::v3;
using google::protobuf::Any;

absl::Status ParseText(const std::string& text, const FieldPath& path, std::string& to) {
  to = text;
  return CheckHeaderText(text, path);
}

absl::StatusOr<std::shared_ptr<const FilterSettings>> ParsePolicy(const Any& any,
                                                                  const FieldPath& path,
                                                                  const FilterInputs&) {
  OUTRIGGER_ASSIGN_OR_RETURN(const v3::CorsPolicy proto, Unpack<v3::CorsPolicy>(any, path));
  auto to = std::make_shared<Policy>();
  for (int i = 0; i < proto.allow_origin_string_match_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(StringMatcher matcher,
                               ParseStringMatcher(proto.allow_origin_string_match(i),
                                                  path.At("allow_origin_string_match", i)));
    to->allow_origins.push_back(std::move(matcher));
  }
  OUTRIGGER_RETURN_IF_ERROR(
      ParseText(proto.allow_methods(), path["allow_methods"], to->allow_methods));
  OUTRIGGER_RETURN_IF_ERROR(
      ParseText(proto.allow_headers(), path["allow_headers"], to->allow_headers));
  OUTRIGGER_RETURN_IF_ERROR(
      ParseText(proto.expose_headers(), path["expose_headers"], to->expose_headers));
  OUTRIGGER_RETURN_IF_ERROR(ParseText(proto.max_age(), path["max_age"], to->max_age));
  OUTRIGGER_READ(proto, path, allow_credentials, to->allow_credentials.emplace());
  OUTRIGGER_READ(proto, path, allow_private_network_access,
                 to->allow_private_network_access.emplace());
  OUTRIGGER_READ(proto, path, forward_not_matching_preflights,
                 to->forward_not_matching_preflights.emplace());
  if (proto.has_filter_enabled()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->enabled,
                               ParseFraction(proto.filter_enabled(), path["filter_enabled"]));
  }
  if (proto.has_shadow_enabled()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->shadow,
                               ParseFraction(proto.shadow_enabled(), path["shadow_enabled"]));
  }
  return to;
}

absl::StatusOr<std::shared_ptr<const Filter>> Make(const Any& any, const FieldPath& path,
                                                   const FilterInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(Unpack<v3::Cors>(any, path).status());
  return std::make_shared<CorsFilter>(MakeStats(inputs.stats, inputs.stat_prefix));
}

}  // namespace

std::shared_ptr<const FilterSettings> Combine(const FilterSettings& specific,
                                              const FilterSettings& general) {
  const Policy& around = static_cast<const Policy&>(general);
  auto to = std::make_shared<Policy>(static_cast<const Policy&>(specific));
  if (to->allow_origins.empty()) to->allow_origins = around.allow_origins;
  for (std::string Policy::*text : {&Policy::allow_methods, &Policy::allow_headers,
                                    &Policy::expose_headers, &Policy::max_age}) {
    if ((*to.*text).empty()) *to.*text = around.*text;
  }
  for (std::optional<bool> Policy::*flag :
       {&Policy::allow_credentials, &Policy::allow_private_network_access,
        &Policy::forward_not_matching_preflights}) {
    if (!(*to.*flag)) *to.*flag = around.*flag;
  }
  return to;
}

constinit const FilterKind kKind = {
    .name = "envoy.filters.http.cors",
    .config_type = "envoy.extensions.filters.http.cors.v3.Cors",
    .settings_type = "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    .make = Make,
    .make_settings = ParsePolicy,
    .combine = Combine,
};

}  // namespace outrigger::proxy::cors
