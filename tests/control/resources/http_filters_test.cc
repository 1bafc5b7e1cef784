#include "control/resources/http_filters.h"

#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using google::protobuf::Any;
using proxy::FilterKind;
using proxy::FilterOverride;
using proxy::HttpListenerOptions;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const FieldPath kPath("x");

// --- Two kinds of filters that take any message of the type they are registered for.

struct Noted final : proxy::FilterSettings {
  Noted(const FilterKind& kind, std::string said) : FilterSettings(kind), text(std::move(said)) {}
  std::string text;
};

extern const FilterKind kAlone;
extern const FilterKind kMerging;

template <const FilterKind& kind>
absl::StatusOr<std::shared_ptr<const proxy::Filter>> Make(const Any&, const FieldPath&,
                                                          const proxy::FilterInputs& inputs) {
  inputs.warnings.push_back("made for " + std::string(inputs.stat_prefix));
  return std::make_shared<proxy::Filter>();
}
// The text is the abort's or the policy's: whatever is short to write.
template <const FilterKind& kind>
absl::StatusOr<std::shared_ptr<const proxy::FilterSettings>> MakeSettings(
    const Any& any, const FieldPath& path, const proxy::FilterInputs&) {
  if (any.value().empty()) return path.Error("says nothing");
  return std::make_shared<Noted>(kind, any.value().substr(2));
}
std::shared_ptr<const proxy::FilterSettings> Combine(const proxy::FilterSettings& specific,
                                                     const proxy::FilterSettings& general) {
  return std::make_shared<Noted>(kMerging, static_cast<const Noted&>(specific).text + "+" +
                                               static_cast<const Noted&>(general).text);
}

constinit const FilterKind kAlone = {
    .name = "envoy.filters.http.alone",
    .config_type = "envoy.extensions.filters.http.fault.v3.HTTPFault",
    .settings_type = "envoy.extensions.filters.http.fault.v3.HTTPFault",
    .make = Make<kAlone>,
    .make_settings = MakeSettings<kAlone>};
constinit const FilterKind kMerging = {
    .name = "envoy.filters.http.merging",
    .config_type = "envoy.extensions.filters.http.cors.v3.Cors",
    .settings_type = "envoy.extensions.filters.http.cors.v3.CorsPolicy",
    .make = Make<kMerging>,
    .make_settings = MakeSettings<kMerging>,
    .combine = Combine};
constexpr const FilterKind* kKinds[] = {&kAlone, &kMerging};

constexpr std::string_view kTypes = "type.googleapis.com/envoy.extensions.filters.http.";

class HttpFiltersTest : public ResourceTest {
 protected:
  HttpFiltersTest() { inputs_.filters = kKinds; }

  // A filter whose type is of http filters' package.
  static std::string FilterOf(const std::string& name, const std::string& type,
                              const std::string& more = "") {
    return absl::StrFormat("- {name: %s, typed_config: {\"@type\": %s%s}%s}\n", name, kTypes, type,
                           more);
  }
  const std::string router_ = FilterOf("router", "router.v3.Router");

  absl::Status Parse(const std::string& filters) {
    to_ = {};
    const auto proto =
        FromYaml<HttpConnectionManager>("stat_prefix: in\nhttp_filters:\n" + filters);
    return ParseHttpFilters(proto, kPath, inputs_, to_);
  }
  std::string ErrorOf(const std::string& filters) { return Message(Parse(filters)); }

  // One level's typed_per_filter_config, in flow style.
  absl::StatusOr<SharedOverrides> Overrides(const std::string& entries,
                                            const SharedOverrides& around = nullptr) {
    const auto host = FromYaml<envoy::config::route::v3::VirtualHost>(
        absl::StrFormat("{typed_per_filter_config: {%s}}", entries));
    return ParseFilterOverrides(host.typed_per_filter_config(), kPath, around, inputs_);
  }
  std::string OverridesErrorOf(const std::string& entries) {
    return Message(Overrides(entries).status());
  }
  static std::string Fault(const std::string& cluster) {
    return absl::StrFormat("{\"@type\": %sfault.v3.HTTPFault, upstream_cluster: %s}", kTypes,
                           cluster);
  }
  static std::string Cors(const std::string& methods) {
    return absl::StrFormat("{\"@type\": %scors.v3.CorsPolicy, allow_methods: %s}", kTypes, methods);
  }
  static std::string Wrapped(const std::string& fields) {
    return "{\"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, " + fields + "}";
  }
  // "name: text", "name: off" or "name: -"; null: "null".
  std::string Show(const absl::StatusOr<SharedOverrides>& overrides) {
    if (!overrides.ok()) return std::string(overrides.status().message());
    if (!*overrides) return "null";
    std::string text;
    for (const FilterOverride& entry : **overrides) {
      for (const char* name : {"a", "b", "c"}) {
        if (filter_names_.Intern(name) == entry.name) text.append(name).append(": ");
      }
      const auto* noted = static_cast<const Noted*>(entry.settings.get());
      text += entry.disabled ? "off" : noted ? noted->text : "-";
      text += "; ";
    }
    return text;
  }

  HttpListenerOptions to_;
};

TEST_F(HttpFiltersTest, ReadsAChain) {
  ASSERT_EQ(ErrorOf(FilterOf("b", "cors.v3.Cors", ", disabled: true") +
                    FilterOf("a", "fault.v3.HTTPFault") + router_),
            "no error");
  ASSERT_EQ(to_.filters.size(), 2u);
  EXPECT_EQ(to_.filters[0].kind, &kMerging);
  EXPECT_EQ(to_.filters[0].name, filter_names_.Intern("b"));
  EXPECT_TRUE(to_.filters[0].disabled);
  EXPECT_EQ(to_.filters[1].kind, &kAlone);
  EXPECT_EQ(to_.filters[1].name, filter_names_.Intern("a"));
  EXPECT_FALSE(to_.filters[1].disabled);
  EXPECT_NE(to_.filters[1].filter, nullptr);
  EXPECT_THAT(warnings_, ElementsAre("made for in", "made for in"));
}

TEST_F(HttpFiltersTest, TheRouterIsTheLastFilterAndTheOnlyOne) {
  EXPECT_EQ(ErrorOf(router_ + router_),
            "x: http_filters[0]: terminal filter named router of type envoy.filters.http.router "
            "must be the last filter in a http filter chain");
  EXPECT_EQ(ErrorOf(FilterOf("a", "fault.v3.HTTPFault")),
            "x: http_filters[0]: non-terminal filter named a of type envoy.filters.http.alone is "
            "the last filter in a http filter chain");
  EXPECT_EQ(ErrorOf(FilterOf("router", "router.v3.Router", ", disabled: true")),
            "x: http_filters[0].disabled: the last (terminal) filter (router) in the chain cannot "
            "be disabled by default");
  for (const char* none : {" []", "- {name: odd, is_optional: true}"}) {
    EXPECT_EQ(ErrorOf(none),
              "x: http_filters: the last filter in a http filter chain must be the router, "
              "envoy.filters.http.router");
  }
}

TEST_F(HttpFiltersTest, SkipsOptionalFiltersAndRefusesOthers) {
  EXPECT_EQ(ErrorOf("- {name: odd, is_optional: true}\n" + router_), "no error");
  EXPECT_THAT(to_.filters, IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre("x: http_filters[0]: optional filter \"odd\" with type URL "
                                     "\"\" is not supported yet and skipped"));
  EXPECT_EQ(ErrorOf(FilterOf("rl", "local_ratelimit.v3.LocalRateLimit") + router_),
            "x: http_filters[0]: filter \"rl\" with type URL \"type.googleapis.com/envoy."
            "extensions.filters.http.local_ratelimit.v3.LocalRateLimit\" is not supported yet; "
            "is_optional: true skips a filter that is not there");
  EXPECT_EQ(ErrorOf("- {is_optional: true}"),
            "x: http_filters[0].name: value length must be at least 1 characters");
}

TEST_F(HttpFiltersTest, RefusesSettingsOfTheRouterThatItDoesNotHaveYet) {
  const auto error = [&](std::string_view field) {
    return ErrorOf(FilterOf("r", absl::StrFormat("router.v3.Router, %s", field)));
  };
  EXPECT_EQ(error("dynamic_stats: true"), "no error");
  EXPECT_EQ(error("dynamic_stats: false"),
            "x: http_filters[0].typed_config.dynamic_stats: not supported yet");
  EXPECT_EQ(error("suppress_envoy_headers: true"),
            "x: http_filters[0].typed_config.suppress_envoy_headers: not supported yet");
}

TEST_F(HttpFiltersTest, NamesHaveTheSameNumberInEveryBuild) {
  const proxy::FilterName first = filter_names_.Intern("a");
  EXPECT_NE(filter_names_.Intern("b"), first);
  EXPECT_EQ(filter_names_.Intern("a"), first);
}

TEST_F(HttpFiltersTest, ARouteThatSaysNothingSharesWhatItStandsIn) {
  EXPECT_EQ(Show(Overrides("")), "null");
  const SharedOverrides around = *Overrides("a: " + Fault("one"));
  EXPECT_EQ(*Overrides("", around), around);
}

TEST_F(HttpFiltersTest, TheMostSpecificWins) {
  const SharedOverrides table = *Overrides("a: " + Fault("table") + ", b: " + Fault("kept"));
  EXPECT_EQ(Show(Overrides("a: " + Fault("host") + ", c: " + Cors("new"), table)),
            "a: host; b: kept; c: new; ");
  EXPECT_EQ(Show(table), "a: table; b: kept; ");
}

TEST_F(HttpFiltersTest, AKindMayCombineTheLevels) {
  const SharedOverrides table = *Overrides("a: " + Cors("table"));
  const SharedOverrides host = *Overrides("a: " + Cors("host"), table);
  EXPECT_EQ(Show(Overrides("a: " + Cors("route"), host)), "a: route+host+table; ");
  EXPECT_EQ(Show(Overrides("a: " + Fault("other"), host)), "a: other; ") << "not two kinds";
}

TEST_F(HttpFiltersTest, AWrapperEnablesAndDisables) {
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("disabled: true, config: " + Fault("unread")))),
            "a: off; ");
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("config: {}"))), "a: -; ");
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("config: " + Fault("read")))), "a: read; ");
  const SharedOverrides around = *Overrides("a: " + Fault("table"));
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("config: {}"), around)), "a: table; ")
      << "enabling leaves the settings";
  const SharedOverrides off = *Overrides("a: " + Wrapped("disabled: true"), around);
  EXPECT_EQ(Show(off), "a: off; ");
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("config: {}"), off)), "a: table; ");
}

TEST_F(HttpFiltersTest, RefusesOverridesThatItCannotRead) {
  EXPECT_EQ(OverridesErrorOf("a: " + Wrapped("is_optional: true")),
            "x: typed_per_filter_config[\"a\"].config: empty route/virtual host per filter "
            "configuration for a filter");
  EXPECT_EQ(OverridesErrorOf(absl::StrFormat("a: {\"@type\": %sfault.v3.HTTPFault}", kTypes)),
            "x: typed_per_filter_config[\"a\"]: says nothing");
  EXPECT_EQ(OverridesErrorOf(absl::StrFormat("a: {\"@type\": %srouter.v3.Router}", kTypes)),
            "x: typed_per_filter_config[\"a\"]: filter \"a\" with type URL \"type.googleapis.com/"
            "envoy.extensions.filters.http.router.v3.Router\" on a route is not supported yet; a "
            "FilterConfig with is_optional: true around it skips it");
}

TEST_F(HttpFiltersTest, SkipsAnOptionalOverride) {
  const std::string router = absl::StrFormat("{\"@type\": %srouter.v3.Router}", kTypes);
  EXPECT_EQ(Show(Overrides("a: " + Wrapped("is_optional: true, config: " + router))), "a: -; ");
  EXPECT_THAT(warnings_,
              ElementsAre("x: typed_per_filter_config[\"a\"].config: optional filter \"a\" with "
                          "type URL \"type.googleapis.com/envoy.extensions.filters.http.router.v3."
                          "Router\" is not supported yet on a route and skipped"));
}

}  // namespace
}  // namespace outrigger::control
