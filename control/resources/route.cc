#include "control/resources/route.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::route::v3;
using proxy::ClusterRoute;
using proxy::DirectResponse;
using proxy::Redirect;
using proxy::Route;
using proxy::RouteConfig;
using proxy::VirtualHost;

// max_direct_response_body_size_bytes
constexpr uint32_t kDefaultBodyBytes = 4096;

absl::Status ParseMatch(const v3::RouteMatch& proto, const FieldPath& path, Route& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"prefix", "path", "case_sensitive"}));
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
    default:
      return path.Error("path_specifier is required: prefix or path");
  }
}

uint32_t StatusOf(v3::RouteAction::ClusterNotFoundResponseCode code) {
  switch (code) {
    case v3::RouteAction::NOT_FOUND:
      return 404;
    case v3::RouteAction::INTERNAL_SERVER_ERROR:
      return 500;
    default:
      return 503;
  }
}

absl::Status ParseClusterRoute(const v3::RouteAction& proto, const FieldPath& path, Route& route) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"cluster", "cluster_not_found_response_code", "prefix_rewrite",
                 "host_rewrite_literal", "timeout", "idle_timeout"}));
  if (proto.cluster_specifier_case() != v3::RouteAction::kCluster) {
    return path.Error("cluster_specifier is required: cluster");
  }
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.cluster(), path["cluster"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.prefix_rewrite(), path["prefix_rewrite"]));
  OUTRIGGER_RETURN_IF_ERROR(
      CheckHeaderText(proto.host_rewrite_literal(), path["host_rewrite_literal"]));
  ClusterRoute to;
  to.cluster = proto.cluster();
  to.cluster_not_found_status = StatusOf(proto.cluster_not_found_response_code());
  to.prefix_rewrite = proto.prefix_rewrite();
  to.host_rewrite_literal = proto.host_rewrite_literal();
  OUTRIGGER_READ(proto, path, timeout, to.timeout);
  OUTRIGGER_READ(proto, path, idle_timeout, to.idle_timeout.emplace());
  route.action = std::move(to);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> StatusOf(v3::RedirectAction::RedirectResponseCode code,
                                  const FieldPath& path) {
  switch (code) {
    case v3::RedirectAction::MOVED_PERMANENTLY:
      return 301;
    case v3::RedirectAction::FOUND:
      return 302;
    case v3::RedirectAction::SEE_OTHER:
      return 303;
    case v3::RedirectAction::TEMPORARY_REDIRECT:
      return 307;
    case v3::RedirectAction::PERMANENT_REDIRECT:
      return 308;
    default:
      return path.Error("value must be one of the defined enum values");
  }
}

absl::Status ParseRedirect(const v3::RedirectAction& proto, const FieldPath& path, Route& route) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"https_redirect", "scheme_redirect", "host_redirect", "port_redirect",
                 "path_redirect", "prefix_rewrite", "response_code", "strip_query"}));
  Redirect to;
  const bool says_scheme =
      proto.scheme_rewrite_specifier_case() == v3::RedirectAction::kSchemeRedirect;
  if (says_scheme && absl::AsciiStrToLower(proto.scheme_redirect()) != "https") {
    return path["scheme_redirect"].NotSupported("a scheme other than https", "");
  }
  to.https = says_scheme || proto.https_redirect();
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.host_redirect(), path["host_redirect"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.path_redirect(), path["path_redirect"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.prefix_rewrite(), path["prefix_rewrite"]));
  to.host = proto.host_redirect();
  to.path = proto.path_redirect();
  to.prefix_rewrite = proto.prefix_rewrite();
  to.strip_query = proto.strip_query();
  if (proto.port_redirect() > 65535) {
    return path["port_redirect"].Error("value must be less than or equal to 65535");
  }
  if (proto.port_redirect() != 0) to.port = proto.port_redirect();
  OUTRIGGER_ASSIGN_OR_RETURN(to.status, StatusOf(proto.response_code(), path["response_code"]));
  route.action = std::move(to);
  return absl::OkStatus();
}

absl::Status ParseDirectResponse(const v3::DirectResponseAction& proto, const FieldPath& path,
                                 uint32_t max_body, Route& route) {
  DirectResponse to;
  to.status = proto.status();
  if (to.status < 200 || to.status >= 600) {
    return path["status"].Error("value must be inside range [200, 600)");
  }
  if (proto.has_body()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to.body, ReadDataSource(proto.body(), path["body"], max_body));
  }
  route.action = std::move(to);
  return absl::OkStatus();
}

absl::StatusOr<Route> ParseRoute(const v3::Route& proto, const FieldPath& path, uint32_t max_body) {
  // Metadata is kept for whoever knows its namespace, the decorator names spans: both act on
  // nothing.
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"name", "match", "route", "redirect", "direct_response", "metadata", "decorator"}));
  Route to;
  to.name = proto.name();
  if (!proto.has_match()) return path["match"].Error("value is required");
  OUTRIGGER_RETURN_IF_ERROR(ParseMatch(proto.match(), path["match"], to));
  absl::Status status;
  switch (proto.action_case()) {
    case v3::Route::kRoute:
      status = ParseClusterRoute(proto.route(), path["route"], to);
      break;
    case v3::Route::kRedirect:
      status = ParseRedirect(proto.redirect(), path["redirect"], to);
      break;
    case v3::Route::kDirectResponse:
      status = ParseDirectResponse(proto.direct_response(), path["direct_response"], max_body, to);
      break;
    case v3::Route::ACTION_NOT_SET:
      status = path.Error("action is required: route, redirect or direct_response");
      break;
  }
  OUTRIGGER_RETURN_IF_ERROR(status);
  return to;
}

absl::StatusOr<VirtualHost> ParseVirtualHost(const v3::VirtualHost& proto, const FieldPath& path,
                                             uint32_t max_body) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"name", "domains", "routes", "metadata"}));
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.name(), path["name"]));
  if (proto.domains().empty()) {
    return path["domains"].Error("value must contain at least 1 item(s)");
  }
  VirtualHost to;
  to.name = proto.name();
  to.domains.assign(proto.domains().begin(), proto.domains().end());
  to.routes.reserve(static_cast<size_t>(proto.routes_size()));
  for (int i = 0; i < proto.routes_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(Route route,
                               ParseRoute(proto.routes(i), path.At("routes", i), max_body));
    to.routes.push_back(std::move(route));
  }
  return to;
}

absl::Status IndexDomain(const std::string& domain, uint32_t host, const FieldPath& path,
                         RouteConfig& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(domain, path));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(domain, path));
  if (domain == "*") {
    if (to.any) return path.Error("only a single wildcard domain \"*\" is permitted");
    to.any = host;
    return absl::OkStatus();
  }
  const std::string lower = absl::AsciiStrToLower(domain);
  bool fresh;
  if (lower.front() == '*') {
    fresh = to.suffix.emplace(lower.substr(1), host).second;
  } else if (lower.back() == '*') {
    fresh = to.prefix.emplace(lower.substr(0, lower.size() - 1), host).second;
  } else {
    fresh = to.exact.emplace(lower, host).second;
  }
  if (fresh) return absl::OkStatus();
  return path.Error(absl::StrFormat("duplicate domain \"%s\"", domain));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RouteConfig>> ParseRouteConfig(
    const v3::RouteConfiguration& proto, const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"name", "virtual_hosts", "validate_clusters", "ignore_port_in_host_matching",
                 "max_direct_response_body_size_bytes", "metadata"}));
  auto to = std::make_shared<RouteConfig>();
  to->name = proto.name();
  to->ignore_port_in_host_matching = proto.ignore_port_in_host_matching();
  OUTRIGGER_READ(proto, path, validate_clusters, to->validate_clusters);
  uint32_t max_body = kDefaultBodyBytes;
  OUTRIGGER_READ(proto, path, max_direct_response_body_size_bytes, max_body);
  for (int i = 0; i < proto.virtual_hosts_size(); ++i) {
    const FieldPath place = path.At("virtual_hosts", i);
    OUTRIGGER_ASSIGN_OR_RETURN(VirtualHost host,
                               ParseVirtualHost(proto.virtual_hosts(i), place, max_body));
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
      if (!action || exists(action->cluster)) continue;
      const FieldPath route = host.At("routes", static_cast<int>(j));
      return route["route.cluster"].Error(
          absl::StrFormat("unknown cluster \"%s\"", action->cluster));
    }
  }
  return absl::OkStatus();
}

}  // namespace outrigger::control
