#include "control/resources/http_filters.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "proxy/filters/filter_kind.h"

namespace outrigger::control {
namespace {

namespace v3 = envoy::extensions::filters::network::http_connection_manager::v3;
namespace router = envoy::extensions::filters::http::router::v3;
using envoy::config::route::v3::FilterConfig;
using google::protobuf::Any;
using proxy::ChainedFilter;
using proxy::FilterKind;
using proxy::FilterOverride;
using proxy::FilterOverrides;

constexpr std::string_view kRouterName = "envoy.filters.http.router";

std::string_view TypeOf(const Any& any) {
  const std::string_view url = any.type_url();
  return url.substr(url.rfind('/') + 1);
}

const FilterKind* FindKind(const ResourceInputs& inputs, const Any& any,
                           std::string_view FilterKind::*type) {
  for (const FilterKind* kind : inputs.filters) {
    if (!(kind->*type).empty() && kind->*type == TypeOf(any)) return kind;
  }
  return nullptr;
}

std::string Describe(std::string_view name, const Any& any) {
  return absl::StrFormat("filter \"%s\" with type URL \"%s\"", name, any.type_url());
}

absl::Status ParseRouter(const v3::HttpFilter& filter, const FieldPath& path, bool last) {
  if (!last) {
    return path.Error(
        absl::StrFormat("terminal filter named %s of type %s must be the last filter in a http "
                        "filter chain",
                        filter.name(), kRouterName));
  }
  if (filter.disabled()) {
    return path["disabled"].Error(
        absl::StrFormat("the last (terminal) filter (%s) in the chain cannot be disabled by "
                        "default",
                        filter.name()));
  }
  const FieldPath config = path["typed_config"];
  OUTRIGGER_ASSIGN_OR_RETURN(const router::Router proto,
                             Unpack<router::Router>(filter.typed_config(), config));
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, config, {"dynamic_stats"}));
  // True is the default, and what the router does.
  if (!proto.has_dynamic_stats() || proto.dynamic_stats().value()) return absl::OkStatus();
  return config["dynamic_stats"].NotSupported();
}

// Nothing, if it is optional and not there.
absl::StatusOr<std::optional<ChainedFilter>> ParseFilter(const v3::HttpFilter& filter,
                                                         const FieldPath& path,
                                                         ResourceInputs& inputs,
                                                         std::string_view stat_prefix) {
  const Any& config = filter.typed_config();
  const FilterKind* kind = FindKind(inputs, config, &FilterKind::config_type);
  if (!kind) {
    const std::string what = Describe(filter.name(), config);
    if (!filter.is_optional()) {
      return path.NotSupported(what, "is_optional: true skips a filter that is not there");
    }
    inputs.warnings.push_back(
        absl::StrFormat("%s: optional %s is not supported yet and skipped", path.text(), what));
    return std::nullopt;
  }
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(filter, path, {"name", "typed_config", "is_optional", "disabled"}));
  ChainedFilter to;
  to.name = inputs.filter_names.Intern(filter.name());
  to.kind = kind;
  to.disabled = filter.disabled();
  OUTRIGGER_ASSIGN_OR_RETURN(
      to.filter, kind->make(config, path["typed_config"], inputs.ForFilters(stat_prefix)));
  return to;
}

// Null: the chain's own settings hold.
absl::StatusOr<std::shared_ptr<const proxy::FilterSettings>> ParseSettings(const std::string& name,
                                                                           const Any& any,
                                                                           bool optional,
                                                                           const FieldPath& path,
                                                                           ResourceInputs& inputs) {
  const FilterKind* kind = FindKind(inputs, any, &FilterKind::settings_type);
  if (kind) return kind->make_settings(any, path, inputs.ForFilters(""));
  const std::string what = Describe(name, any);
  if (!optional) {
    return path.NotSupported(what + " on a route",
                             "a FilterConfig with is_optional: true around it skips it");
  }
  inputs.warnings.push_back(absl::StrFormat(
      "%s: optional %s is not supported yet on a route and skipped", path.text(), what));
  return nullptr;
}

absl::StatusOr<FilterOverride> ParseOverride(const std::string& name, const Any& any,
                                             const FieldPath& path, ResourceInputs& inputs) {
  FilterOverride to;
  to.name = inputs.filter_names.Intern(name);
  if (TypeOf(any) != FilterConfig::descriptor()->full_name()) {
    OUTRIGGER_ASSIGN_OR_RETURN(to.settings, ParseSettings(name, any, false, path, inputs));
    return to;
  }
  OUTRIGGER_ASSIGN_OR_RETURN(const FilterConfig proto, Unpack<FilterConfig>(any, path));
  to.disabled = proto.disabled();
  if (to.disabled) return to;  // Envoy: whatever else it says
  if (!proto.has_config()) {
    return path["config"].Error(
        absl::StrFormat("empty route/virtual host per filter configuration for %s filter", name));
  }
  // An empty one enables the filter, and no more.
  if (proto.config().type_url().empty()) return to;
  OUTRIGGER_ASSIGN_OR_RETURN(to.settings, ParseSettings(name, proto.config(), proto.is_optional(),
                                                        path["config"], inputs));
  return to;
}

// `entry` takes the place of what `all` has under its name.
void Put(FilterOverride entry, FilterOverrides& all) {
  const auto it = std::find_if(all.begin(), all.end(), [&entry](const FilterOverride& other) {
    return other.name == entry.name;
  });
  if (it == all.end()) {
    all.push_back(std::move(entry));
    return;
  }
  const auto& general = it->settings;
  if (!entry.settings) {
    entry.settings = general;
  } else if (general && &general->kind == &entry.settings->kind && general->kind.combine) {
    entry.settings = general->kind.combine(*entry.settings, *general);
  }
  *it = std::move(entry);
}

}  // namespace

absl::Status ParseHttpFilters(const v3::HttpConnectionManager& proto, const FieldPath& path,
                              ResourceInputs& inputs, proxy::HttpListenerOptions& to) {
  const int count = proto.http_filters_size();
  for (int i = 0; i < count; ++i) {
    const v3::HttpFilter& filter = proto.http_filters(i);
    const FieldPath place = path.At("http_filters", i);
    const bool last = i + 1 == count;
    OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(filter.name(), place["name"]));
    if (filter.typed_config().Is<router::Router>()) {
      OUTRIGGER_RETURN_IF_ERROR(ParseRouter(filter, place, last));
      return AllowOnly(filter, place, {"name", "typed_config", "is_optional"});
    }
    OUTRIGGER_ASSIGN_OR_RETURN(std::optional<ChainedFilter> parsed,
                               ParseFilter(filter, place, inputs, proto.stat_prefix()));
    if (!parsed) continue;
    if (last) {
      return place.Error(
          absl::StrFormat("non-terminal filter named %s of type %s is the last filter in a http "
                          "filter chain",
                          filter.name(), parsed->kind->name));
    }
    to.filters.push_back(*std::move(parsed));
  }
  // Envoy takes such a chain, and answers nothing that comes to it.
  return path["http_filters"].Error(absl::StrFormat(
      "the last filter in a http filter chain must be the router, %s", kRouterName));
}

absl::StatusOr<SharedOverrides> ParseFilterOverrides(const PerFilterConfig& proto,
                                                     const FieldPath& path,
                                                     const SharedOverrides& around,
                                                     ResourceInputs& inputs) {
  if (proto.empty()) return around;
  auto all =
      around ? std::make_shared<FilterOverrides>(*around) : std::make_shared<FilterOverrides>();
  const std::map<std::string_view, const Any*> sorted = [&proto] {
    std::map<std::string_view, const Any*> entries;
    for (const auto& [name, any] : proto) entries.emplace(name, &any);
    return entries;
  }();
  for (const auto& [name, any] : sorted) {
    OUTRIGGER_ASSIGN_OR_RETURN(
        FilterOverride entry,
        ParseOverride(std::string(name), *any, path.Key("typed_per_filter_config", name), inputs));
    Put(std::move(entry), *all);
  }
  return all;
}

}  // namespace outrigger::control
