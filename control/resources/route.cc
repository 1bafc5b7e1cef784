#include "control/resources/route.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "control/resources/http_filters.h"
#include "control/resources/retry_policy.h"
#include "control/resources/route_action.h"
#include "proxy/config/header_mutation.h"
#include "proxy/config/matcher.h"
#include "proxy/router/path_index.h"
#include "proxy/router/route_table.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::route::v3;
using proxy::ClusterRoute;
using proxy::LevelMutations;
using proxy::MutationList;
using proxy::Mutations;
using proxy::ParseLevelMutations;
using proxy::Route;
using proxy::RouteConditions;
using proxy::RouteConfig;
using proxy::VirtualHost;

// max_direct_response_body_size_bytes
constexpr uint32_t kDefaultBodyBytes = 4096;

// What a table and a virtual host hand down to their routes.
struct Inherited {
  uint32_t max_body = kDefaultBodyBytes;
  bool most_specific_wins = false;  // most_specific_header_mutations_wins
  LevelMutations table;
  LevelMutations host;
  std::shared_ptr<const proxy::RetryPolicy> retry_policy;
  uint32_t request_buffer_limit = UINT32_MAX;
  SharedOverrides filters;
};

absl::Status ParsePath(const v3::RouteMatch& proto, const FieldPath& path, Route& to) {
  OUTRIGGER_READ(proto, path, case_sensitive, to.case_sensitive);
  switch (proto.path_specifier_case()) {
    case v3::RouteMatch::kPrefix:
      to.match = Route::Match::kPrefix;
      to.path = proto.prefix();
      return absl::OkStatus();
    case v3::RouteMatch::kPath:
      to.match = Route::Match::kPath;
      to.path = proto.path();
      return absl::OkStatus();
    case v3::RouteMatch::kPathSeparatedPrefix: {
      to.match = Route::Match::kPathSeparatedPrefix;
      to.path = proto.path_separated_prefix();
      const bool separates = to.path.size() > 1 && to.path.back() != '/' &&
                             to.path.find_first_of("?#") == std::string::npos;
      if (separates) return absl::OkStatus();
      return path["path_separated_prefix"].Error(
          "value must have 2 characters or more, no ? or #, and no / at its end");
    }
    case v3::RouteMatch::kSafeRegex: {
      to.match = Route::Match::kRegex;
      OUTRIGGER_ASSIGN_OR_RETURN(to.regex, ParseRegex(proto.safe_regex(), path["safe_regex"]));
      return absl::OkStatus();
    }
    case v3::RouteMatch::PATH_SPECIFIER_NOT_SET:
      break;
  }
  return path.Error(
      "path_specifier is required: prefix, path, path_separated_prefix or safe_regex");
}

absl::Status ParseMatch(const v3::RouteMatch& proto, const FieldPath& path, Route& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"prefix", "path", "path_separated_prefix", "safe_regex", "case_sensitive",
                 "runtime_fraction", "headers", "query_parameters", "grpc"}));
  OUTRIGGER_RETURN_IF_ERROR(ParsePath(proto, path, to));
  RouteConditions conditions;
  conditions.grpc = proto.has_grpc();
  OUTRIGGER_ASSIGN_OR_RETURN(conditions.headers,
                             ParseHeaderMatchers(proto.headers(), path, "headers"));
  for (int i = 0; i < proto.query_parameters_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        proxy::QueryMatcher matcher,
        ParseQueryMatcher(proto.query_parameters(i), path.At("query_parameters", i)));
    conditions.query_parameters.push_back(std::move(matcher));
  }
  if (proto.has_runtime_fraction()) {
    OUTRIGGER_ASSIGN_OR_RETURN(conditions.runtime_fraction,
                               ParseFraction(proto.runtime_fraction(), path["runtime_fraction"]));
  }
  if (conditions.grpc || conditions.runtime_fraction || !conditions.headers.empty() ||
      !conditions.query_parameters.empty()) {
    to.conditions = std::make_shared<const RouteConditions>(std::move(conditions));
  }
  return absl::OkStatus();
}

absl::Status ParseAction(const v3::Route& proto, const FieldPath& path, const Inherited& inherited,
                         ResourceInputs& inputs, Route& to) {
  switch (proto.action_case()) {
    case v3::Route::kRoute: {
      OUTRIGGER_ASSIGN_OR_RETURN(
          to.action, ParseClusterRoute(proto.route(), path["route"], inherited.retry_policy,
                                       to.filters, inputs));
      return absl::OkStatus();
    }
    case v3::Route::kRedirect: {
      OUTRIGGER_ASSIGN_OR_RETURN(to.action, ParseRedirect(proto.redirect(), path["redirect"]));
      return absl::OkStatus();
    }
    case v3::Route::kDirectResponse: {
      OUTRIGGER_ASSIGN_OR_RETURN(
          to.action, ParseDirectResponse(proto.direct_response(), path["direct_response"],
                                         inherited.max_body));
      return absl::OkStatus();
    }
    case v3::Route::ACTION_NOT_SET:
      break;
  }
  return path.Error("action is required: route, redirect or direct_response");
}

// The later one has the last word.
MutationList InOrder(const Mutations& route, const Mutations& host, const Mutations& table,
                     bool most_specific_wins) {
  MutationList list;
  for (const Mutations& mutations :
       {most_specific_wins ? table : route, host, most_specific_wins ? route : table}) {
    if (mutations) list.push_back(mutations);
  }
  return list;
}

absl::StatusOr<Route> ParseRoute(const v3::Route& proto, const FieldPath& path,
                                 const Inherited& inherited, ResourceInputs& inputs) {
  // Metadata is kept for whoever knows its namespace, the decorator names spans: both act on
  // nothing.
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"name", "match", "route", "redirect", "direct_response", "metadata", "decorator",
       "request_headers_to_add", "request_headers_to_remove", "response_headers_to_add",
       "response_headers_to_remove", "per_request_buffer_limit_bytes", "typed_per_filter_config"}));
  Route to;
  to.name = proto.name();
  if (!proto.has_match()) return path["match"].Error("value is required");
  OUTRIGGER_RETURN_IF_ERROR(ParseMatch(proto.match(), path["match"], to));
  OUTRIGGER_ASSIGN_OR_RETURN(to.filters, ParseFilterOverrides(proto.typed_per_filter_config(), path,
                                                              inherited.filters, inputs));
  OUTRIGGER_RETURN_IF_ERROR(ParseAction(proto, path, inherited, inputs, to));
  to.request_buffer_limit = inherited.request_buffer_limit;
  OUTRIGGER_READ(proto, path, per_request_buffer_limit_bytes, to.request_buffer_limit);
  OUTRIGGER_ASSIGN_OR_RETURN(const LevelMutations own, ParseLevelMutations(proto, path));
  to.request_mutations = InOrder(own.request, inherited.host.request, inherited.table.request,
                                 inherited.most_specific_wins);
  to.response_mutations = InOrder(own.response, inherited.host.response, inherited.table.response,
                                  inherited.most_specific_wins);
  return to;
}

absl::Status IndexDomain(const std::string& domain, uint32_t host, const FieldPath& path,
                         RouteConfig& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(domain, path));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(domain, path));
  if (proxy::AddDomain(to, absl::AsciiStrToLower(domain), host)) return absl::OkStatus();
  if (domain == "*") return path.Error("only a single wildcard domain \"*\" is permitted");
  return path.Error(absl::StrFormat("duplicate domain \"%s\"", domain));
}

absl::StatusOr<VirtualHost> ParseVirtualHost(const v3::VirtualHost& proto, const FieldPath& path,
                                             Inherited inherited, ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"name", "domains", "routes", "metadata", "request_headers_to_add",
       "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove",
       "include_request_attempt_count", "include_attempt_count_in_response", "retry_policy",
       "include_is_timeout_retry_header", "per_request_buffer_limit_bytes",
       "typed_per_filter_config"}));
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.name(), path["name"]));
  if (proto.domains().empty()) {
    return path["domains"].Error("value must contain at least 1 item(s)");
  }
  VirtualHost to;
  to.name = proto.name();
  to.include_request_attempt_count = proto.include_request_attempt_count();
  to.include_attempt_count_in_response = proto.include_attempt_count_in_response();
  to.include_is_timeout_retry_header = proto.include_is_timeout_retry_header();
  OUTRIGGER_READ(proto, path, per_request_buffer_limit_bytes, inherited.request_buffer_limit);
  OUTRIGGER_ASSIGN_OR_RETURN(inherited.host, ParseLevelMutations(proto, path));
  if (proto.has_retry_policy()) {
    OUTRIGGER_ASSIGN_OR_RETURN(inherited.retry_policy,
                               ParseRetryPolicy(proto.retry_policy(), path["retry_policy"]));
  }
  OUTRIGGER_ASSIGN_OR_RETURN(
      inherited.filters,
      ParseFilterOverrides(proto.typed_per_filter_config(), path, inherited.filters, inputs));
  to.routes.reserve(static_cast<size_t>(proto.routes_size()));
  for (int i = 0; i < proto.routes_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        Route route, ParseRoute(proto.routes(i), path.At("routes", i), inherited, inputs));
    to.routes.push_back(std::move(route));
  }
  to.index = proxy::PathIndex::Build(to.routes);
  return to;
}

absl::Status CheckClusters(const ClusterRoute& action, const FieldPath& path,
                           const std::function<bool(const std::string&)>& exists) {
  const auto check = [&exists](const std::string& name, const FieldPath& place) {
    if (name.empty() || exists(name)) return absl::OkStatus();
    return place.Error(absl::StrFormat("unknown cluster \"%s\"", name));
  };
  if (!action.weighted) return check(action.cluster, path["cluster"]);
  const FieldPath weighted = path["weighted_clusters"];
  for (size_t i = 0; i < action.weighted->clusters.size(); ++i) {
    const FieldPath place = weighted.At("clusters", static_cast<int>(i));
    OUTRIGGER_RETURN_IF_ERROR(check(action.weighted->clusters[i].cluster, place["name"]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RouteConfig>> ParseRouteConfig(
    const v3::RouteConfiguration& proto, const FieldPath& path, ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"name", "virtual_hosts", "validate_clusters", "ignore_port_in_host_matching",
       "ignore_path_parameters_in_path_matching", "max_direct_response_body_size_bytes", "metadata",
       "internal_only_headers", "request_headers_to_add", "request_headers_to_remove",
       "response_headers_to_add", "response_headers_to_remove",
       "most_specific_header_mutations_wins", "typed_per_filter_config"}));
  auto to = std::make_shared<RouteConfig>();
  to->name = proto.name();
  to->ignore_port_in_host_matching = proto.ignore_port_in_host_matching();
  to->ignore_path_parameters = proto.ignore_path_parameters_in_path_matching();
  OUTRIGGER_READ(proto, path, validate_clusters, to->validate_clusters);
  for (int i = 0; i < proto.internal_only_headers_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        proxy::HeaderKey key,
        ParseHeaderName(proto.internal_only_headers(i), path.At("internal_only_headers", i)));
    to->internal_only_headers.push_back(std::move(key));
  }
  Inherited inherited;
  inherited.most_specific_wins = proto.most_specific_header_mutations_wins();
  OUTRIGGER_READ(proto, path, max_direct_response_body_size_bytes, inherited.max_body);
  OUTRIGGER_ASSIGN_OR_RETURN(inherited.table, ParseLevelMutations(proto, path));
  OUTRIGGER_ASSIGN_OR_RETURN(
      inherited.filters,
      ParseFilterOverrides(proto.typed_per_filter_config(), path, nullptr, inputs));
  for (int i = 0; i < proto.virtual_hosts_size(); ++i) {
    const FieldPath place = path.At("virtual_hosts", i);
    OUTRIGGER_ASSIGN_OR_RETURN(VirtualHost host,
                               ParseVirtualHost(proto.virtual_hosts(i), place, inherited, inputs));
    for (int j = 0; j < proto.virtual_hosts(i).domains_size(); ++j) {
      OUTRIGGER_RETURN_IF_ERROR(IndexDomain(proto.virtual_hosts(i).domains(j),
                                            static_cast<uint32_t>(i), place.At("domains", j), *to));
    }
    to->virtual_hosts.push_back(std::move(host));
  }
  return to;
}

absl::Status CheckRouteClusters(const RouteConfig& routes, const FieldPath& path,
                                const std::function<bool(const std::string&)>& exists) {
  if (!routes.validate_clusters) return absl::OkStatus();
  for (size_t i = 0; i < routes.virtual_hosts.size(); ++i) {
    const FieldPath host = path.At("virtual_hosts", static_cast<int>(i));
    const std::vector<Route>& table = routes.virtual_hosts[i].routes;
    for (size_t j = 0; j < table.size(); ++j) {
      const auto* action = std::get_if<ClusterRoute>(&table[j].action);
      if (!action) continue;
      const FieldPath route = host.At("routes", static_cast<int>(j));
      OUTRIGGER_RETURN_IF_ERROR(CheckClusters(*action, route["route"], exists));
    }
  }
  return absl::OkStatus();
}

}  // namespace outrigger::control
