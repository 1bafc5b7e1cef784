#include "control/resources/route_action.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/resources/retry_policy.h"
#include "proxy/config/header_mutation.h"
#include "proxy/config/matcher.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::config::route::v3;
using proxy::ClusterRoute;
using proxy::DirectResponse;
using proxy::HashPolicy;
using proxy::LevelMutations;
using proxy::ParseLevelMutations;
using proxy::Redirect;
using proxy::WeightedCluster;
using proxy::WeightedClusters;

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

absl::StatusOr<WeightedCluster> ParseWeightedCluster(
    const v3::WeightedCluster::ClusterWeight& proto, const FieldPath& path,
    const SharedOverrides& filters, ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"name", "cluster_header", "weight", "request_headers_to_add",
                 "request_headers_to_remove", "response_headers_to_add",
                 "response_headers_to_remove", "host_rewrite_literal", "typed_per_filter_config"}));
  WeightedCluster to;
  if (proto.name().empty() == proto.cluster_header().empty()) {
    return path.Error("one of name and cluster_header is required");
  }
  to.cluster = proto.name();
  if (!proto.cluster_header().empty()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to.cluster_header,
                               ParseHeaderName(proto.cluster_header(), path["cluster_header"]));
  }
  if (!proto.has_weight()) return path["weight"].Error("value is required");
  to.weight = proto.weight().value();
  OUTRIGGER_RETURN_IF_ERROR(
      CheckHeaderText(proto.host_rewrite_literal(), path["host_rewrite_literal"]));
  to.host_rewrite_literal = proto.host_rewrite_literal();
  OUTRIGGER_ASSIGN_OR_RETURN(LevelMutations mutations, ParseLevelMutations(proto, path));
  to.request = std::move(mutations.request);
  to.response = std::move(mutations.response);
  OUTRIGGER_ASSIGN_OR_RETURN(
      to.filters, ParseFilterOverrides(proto.typed_per_filter_config(), path, filters, inputs));
  return to;
}

absl::StatusOr<std::shared_ptr<const WeightedClusters>> ParseWeightedClusters(
    const v3::WeightedCluster& proto, const FieldPath& path, const SharedOverrides& filters,
    ResourceInputs& inputs) {
  // total_weight is obsolete: it is the sum, in Envoy too. runtime_key_prefix names the runtime
  // keys that override weights, of which there are none.
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path, {"clusters", "total_weight", "runtime_key_prefix", "header_name"}));
  auto to = std::make_shared<WeightedClusters>();
  for (int i = 0; i < proto.clusters_size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        WeightedCluster cluster,
        ParseWeightedCluster(proto.clusters(i), path.At("clusters", i), filters, inputs));
    to->total += cluster.weight;
    to->clusters.push_back(std::move(cluster));
  }
  if (to->clusters.empty()) {
    return path["clusters"].Error("value must contain at least 1 item(s)");
  }
  if (to->total == 0) return path["clusters"].Error("the sum of the weights must be above 0");
  if (to->total > std::numeric_limits<uint32_t>::max()) {
    return path["clusters"].Error(
        absl::StrFormat("the sum of the weights exceeds %d", std::numeric_limits<uint32_t>::max()));
  }
  if (!proto.header_name().empty()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to->random_header,
                               ParseHeaderName(proto.header_name(), path["header_name"]));
  }
  return to;
}

absl::Status ParseSpecifier(const v3::RouteAction& proto, const FieldPath& path,
                            const SharedOverrides& filters, ResourceInputs& inputs,
                            ClusterRoute& to) {
  switch (proto.cluster_specifier_case()) {
    case v3::RouteAction::kCluster:
      to.cluster = proto.cluster();
      return CheckNotEmpty(proto.cluster(), path["cluster"]);
    case v3::RouteAction::kClusterHeader: {
      OUTRIGGER_ASSIGN_OR_RETURN(to.cluster_header,
                                 ParseHeaderName(proto.cluster_header(), path["cluster_header"]));
      return absl::OkStatus();
    }
    case v3::RouteAction::kWeightedClusters: {
      OUTRIGGER_ASSIGN_OR_RETURN(
          to.weighted, ParseWeightedClusters(proto.weighted_clusters(), path["weighted_clusters"],
                                             filters, inputs));
      return absl::OkStatus();
    }
    case v3::RouteAction::CLUSTER_SPECIFIER_NOT_SET:
      break;
  }
  return path.Error("cluster_specifier is required: cluster, cluster_header or weighted_clusters");
}

absl::Status ParseRewrites(const v3::RouteAction& proto, const FieldPath& path, ClusterRoute& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.prefix_rewrite(), path["prefix_rewrite"]));
  OUTRIGGER_RETURN_IF_ERROR(
      CheckHeaderText(proto.host_rewrite_literal(), path["host_rewrite_literal"]));
  to.prefix_rewrite = proto.prefix_rewrite();
  to.host_rewrite_literal = proto.host_rewrite_literal();
  to.auto_host_rewrite = proto.auto_host_rewrite().value();
  to.append_x_forwarded_host = proto.append_x_forwarded_host();
  if (proto.has_regex_rewrite()) {
    if (!to.prefix_rewrite.empty()) {
      return path["regex_rewrite"].Error("only one of prefix_rewrite and regex_rewrite is allowed");
    }
    OUTRIGGER_ASSIGN_OR_RETURN(to.regex_rewrite,
                               ParseRegexRewrite(proto.regex_rewrite(), path["regex_rewrite"]));
  }
  if (!proto.host_rewrite_header().empty()) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        to.host_rewrite_header,
        ParseHeaderName(proto.host_rewrite_header(), path["host_rewrite_header"]));
  }
  if (proto.has_host_rewrite_path_regex()) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        to.host_rewrite_path_regex,
        ParseRegexRewrite(proto.host_rewrite_path_regex(), path["host_rewrite_path_regex"]));
  }
  return absl::OkStatus();
}

absl::Status ParseTimeouts(const v3::RouteAction& proto, const FieldPath& path, ClusterRoute& to) {
  OUTRIGGER_READ(proto, path, timeout, to.timeout);
  OUTRIGGER_READ(proto, path, idle_timeout, to.idle_timeout.emplace());
  OUTRIGGER_READ(proto, path, max_grpc_timeout, to.max_grpc_timeout.emplace());
  OUTRIGGER_READ(proto, path, grpc_timeout_offset, to.max_grpc_timeout_offset.emplace());
  if (!proto.has_max_stream_duration()) return absl::OkStatus();
  const v3::RouteAction::MaxStreamDuration& duration = proto.max_stream_duration();
  const FieldPath place = path["max_stream_duration"];
  to.new_timeouts = true;
  OUTRIGGER_READ(duration, place, max_stream_duration, to.max_stream_duration.emplace());
  OUTRIGGER_READ(duration, place, grpc_timeout_header_max, to.grpc_timeout_max.emplace());
  OUTRIGGER_READ(duration, place, grpc_timeout_header_offset, to.grpc_timeout_offset.emplace());
  return absl::OkStatus();
}

// As Envoy lays out the attributes of a cookie that it mints.
absl::Status ParseCookie(const v3::RouteAction::HashPolicy::Cookie& proto, const FieldPath& path,
                         HashPolicy& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(proto.name(), path["name"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.name(), path["name"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.path(), path["path"]));
  to.kind = HashPolicy::Kind::kCookie;
  to.name = proto.name();
  if (!proto.has_ttl()) return absl::OkStatus();
  to.mint_cookie = true;
  scheduler::Nanos ttl = 0;
  OUTRIGGER_READ(proto, path, ttl, ttl);
  if (ttl >= scheduler::kSecond) {
    absl::StrAppend(&to.cookie_attributes, "; Max-Age=", ttl / scheduler::kSecond);
  }
  if (!proto.path().empty()) absl::StrAppend(&to.cookie_attributes, "; Path=", proto.path());
  for (int i = 0; i < proto.attributes_size(); ++i) {
    const auto& attribute = proto.attributes(i);
    const FieldPath place = path.At("attributes", i);
    OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(attribute.name(), place["name"]));
    OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(attribute.name(), place["name"]));
    OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(attribute.value(), place["value"]));
    absl::StrAppend(&to.cookie_attributes, "; ", attribute.name(),
                    attribute.value().empty() ? "" : "=", attribute.value());
  }
  absl::StrAppend(&to.cookie_attributes, "; HttpOnly");
  return absl::OkStatus();
}

absl::Status ParseHashPolicy(const v3::RouteAction::HashPolicy& proto, const FieldPath& path,
                             ClusterRoute& route) {
  using Proto = v3::RouteAction::HashPolicy;
  HashPolicy to;
  to.terminal = proto.terminal();
  switch (proto.policy_specifier_case()) {
    case Proto::kHeader: {
      const FieldPath header = path["header"];
      OUTRIGGER_ASSIGN_OR_RETURN(
          to.header, ParseHeaderName(proto.header().header_name(), header["header_name"]));
      if (!proto.header().has_regex_rewrite()) break;
      OUTRIGGER_ASSIGN_OR_RETURN(
          to.header_rewrite,
          ParseRegexRewrite(proto.header().regex_rewrite(), header["regex_rewrite"]));
      break;
    }
    case Proto::kCookie:
      OUTRIGGER_RETURN_IF_ERROR(ParseCookie(proto.cookie(), path["cookie"], to));
      break;
    case Proto::kConnectionProperties:
      if (!proto.connection_properties().source_ip()) return absl::OkStatus();
      to.kind = HashPolicy::Kind::kSourceIp;
      break;
    case Proto::kQueryParameter:
      OUTRIGGER_RETURN_IF_ERROR(
          CheckNotEmpty(proto.query_parameter().name(), path["query_parameter.name"]));
      to.kind = HashPolicy::Kind::kQueryParameter;
      to.name = proto.query_parameter().name();
      break;
    case Proto::POLICY_SPECIFIER_NOT_SET:
      return path.Error(
          "policy_specifier is required: header, cookie, connection_properties or "
          "query_parameter");
  }
  route.hash_policies.push_back(std::move(to));
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

absl::Status ParsePathRedirect(const v3::RedirectAction& proto, const FieldPath& path,
                               Redirect& to) {
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.path_redirect(), path["path_redirect"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.prefix_rewrite(), path["prefix_rewrite"]));
  to.path = proto.path_redirect();
  to.prefix_rewrite = proto.prefix_rewrite();
  if (!proto.has_regex_rewrite()) return absl::OkStatus();
  OUTRIGGER_ASSIGN_OR_RETURN(to.regex_rewrite,
                             ParseRegexRewrite(proto.regex_rewrite(), path["regex_rewrite"]));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ClusterRoute> ParseClusterRoute(
    const v3::RouteAction& proto, const FieldPath& path,
    const std::shared_ptr<const proxy::RetryPolicy>& inherited, const SharedOverrides& filters,
    ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"cluster", "cluster_header", "weighted_clusters", "cluster_not_found_response_code",
       "prefix_rewrite", "regex_rewrite", "host_rewrite_literal", "auto_host_rewrite",
       "host_rewrite_header", "host_rewrite_path_regex", "append_x_forwarded_host", "timeout",
       "idle_timeout", "retry_policy", "priority", "hash_policy", "max_grpc_timeout",
       "grpc_timeout_offset", "max_stream_duration"}));
  ClusterRoute to;
  OUTRIGGER_RETURN_IF_ERROR(ParseSpecifier(proto, path, filters, inputs, to));
  to.cluster_not_found_status = StatusOf(proto.cluster_not_found_response_code());
  to.high_priority = proto.priority() == envoy::config::core::v3::HIGH;
  OUTRIGGER_RETURN_IF_ERROR(ParseRewrites(proto, path, to));
  OUTRIGGER_RETURN_IF_ERROR(ParseTimeouts(proto, path, to));
  to.retry_policy = inherited;
  if (proto.has_retry_policy()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to.retry_policy,
                               ParseRetryPolicy(proto.retry_policy(), path["retry_policy"]));
  }
  for (int i = 0; i < proto.hash_policy_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(ParseHashPolicy(proto.hash_policy(i), path.At("hash_policy", i), to));
  }
  return to;
}

absl::StatusOr<Redirect> ParseRedirect(const v3::RedirectAction& proto, const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"https_redirect", "scheme_redirect", "host_redirect", "port_redirect", "path_redirect",
       "prefix_rewrite", "regex_rewrite", "response_code", "strip_query"}));
  Redirect to;
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.scheme_redirect(), path["scheme_redirect"]));
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(proto.host_redirect(), path["host_redirect"]));
  to.scheme = proto.https_redirect() ? "https" : proto.scheme_redirect();
  to.host = proto.host_redirect();
  to.strip_query = proto.strip_query();
  if (proto.port_redirect() > 65535) {
    return path["port_redirect"].Error("value must be less than or equal to 65535");
  }
  if (proto.port_redirect() != 0) to.port = proto.port_redirect();
  OUTRIGGER_RETURN_IF_ERROR(ParsePathRedirect(proto, path, to));
  OUTRIGGER_ASSIGN_OR_RETURN(to.status, StatusOf(proto.response_code(), path["response_code"]));
  return to;
}

absl::StatusOr<DirectResponse> ParseDirectResponse(const v3::DirectResponseAction& proto,
                                                   const FieldPath& path, uint32_t max_body) {
  DirectResponse to;
  to.status = proto.status();
  if (to.status < 200 || to.status >= 600) {
    return path["status"].Error("value must be inside range [200, 600)");
  }
  if (proto.has_body()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to.body, ReadDataSource(proto.body(), path["body"], max_body));
  }
  return to;
}

}  // namespace outrigger::control
