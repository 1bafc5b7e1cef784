#include "proxy/stats/stats_text.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/stats/scopes.h"

namespace outrigger::proxy {
namespace {

std::string Show(const StatRegistry& registry, StatsQuery query) {
  absl::StatusOr<StatsText> text = StatsText::Make(registry, std::move(query));
  EXPECT_TRUE(text.ok()) << text.status();
  std::string out;
  while (text->Next(out)) {
  }
  return out;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(StatsTextTest, ListsByNameThenHistograms) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  slab->Add(registry.AddCounter("b.total", ""), 12);
  slab->Set(registry.AddGauge("c.active", ""), -3);
  const Histogram time = registry.AddHistogram("a.time", "");
  registry.AddHistogram("a.unused", "");
  for (int i = 0; i < 4; ++i) slab->Record(time, 7);
  EXPECT_EQ(Show(registry, {}),
            "b.total: 12\n"
            "c.active: -3\n"
            "a.time: P0(nan,7) P25(nan,7) P50(nan,7) P75(nan,7) P90(nan,7) P95(nan,7) P99(nan,7) "
            "P99.5(nan,7) P99.9(nan,7) P100(nan,7)\n"
            "a.unused: No recorded values\n");
}

// Scopes inside of scopes: "listener.a." holds "listener.a.worker_0.", a cluster may be "x.y".
TEST(StatsTextTest, NamesAreInOrder) {
  StatRegistry registry;
  for (const char* name : {"x", "x.y", "x.v", "x-y", "a", ""}) ClusterStats::Make(registry, name);
  for (const char* name : {"a", "a.b"}) {
    ListenerStats::Make(registry, name);
    WorkerListenerStats::Make(registry, name, 0);
    WorkerListenerStats::Make(registry, name, 1);
  }
  ServerStats::Make(registry);
  registry.AddCounter("listener", "");
  registry.AddCounter("listener.a.zzz", "");
  std::vector<std::string> names;
  for (const std::string& line : Lines(Show(registry, {}))) {
    if (!line.ends_with("No recorded values")) names.push_back(line.substr(0, line.find(": ")));
  }
  EXPECT_GT(names.size(), 300u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST(StatsTextTest, UsedOnlyLeavesOutTheUntouched) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  const ClusterStats stats = ClusterStats::Make(registry, "a");
  slab->Inc(stats.upstream_rq_total);
  slab->Inc(stats.upstream_rq_active);
  slab->Dec(stats.upstream_rq_active);
  EXPECT_EQ(Show(registry, {.used_only = true}),
            "cluster.a.upstream_rq_active: 0\ncluster.a.upstream_rq_total: 1\n");
}

TEST(StatsTextTest, FilterIsFoundAnywhere) {
  StatRegistry registry;
  ClusterStats::Make(registry, "a");
  EXPECT_EQ(Show(registry, {.filter = "a\\.upstream_rq_(total|active)$"}),
            "cluster.a.upstream_rq_active: 0\ncluster.a.upstream_rq_total: 0\n");
}

TEST(StatsTextTest, BadFilterIsAnError) {
  StatRegistry registry;
  const auto text = StatsText::Make(registry, {.filter = "(("});
  EXPECT_EQ(text.status().message(), "Invalid re2 regex: missing ): ((");
  // Would need far more than its memory bound.
  EXPECT_FALSE(StatsText::Make(registry, {.filter = "((((a{99}){99}){99}){99})"}).ok());
}

TEST(StatsTextTest, JsonHasEnvoysShape) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  EXPECT_EQ(Show(registry, {.format = StatsFormat::kJson}), "{\"stats\":[]}");
  slab->Add(registry.AddCounter("b\"\n", ""), 12);
  EXPECT_EQ(Show(registry, {.format = StatsFormat::kJson}),
            R"({"stats":[{"name":"b\"\n","value":12}]})");
  slab->Record(registry.AddHistogram("t", ""), 3);
  registry.AddHistogram("u", "");
  const std::string out = Show(registry, {.format = StatsFormat::kJson, .filter = "^[tu]$"});
  EXPECT_TRUE(out.starts_with(
      R"({"stats":[{"histograms":{"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,100],)"
      R"("computed_quantiles":[{"name":"t","values":[{"cumulative":3,"interval":null},)"))
      << out;
  EXPECT_TRUE(out.ends_with(R"({"cumulative":null,"interval":null}]}]}}]})")) << out;
}

TEST(StatsTextTest, PrometheusNamesAreEnvoys) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  slab->Add(ClusterStats::Make(registry, "foo").upstream_rq_total, 2);
  slab->Inc(HttpStats::Make(registry, "in").downstream_rq_2xx);
  slab->Inc(ListenerStats::Make(registry, "127.0.0.1:80").downstream_cx_total);
  slab->Inc(WorkerListenerStats::Make(registry, "127.0.0.1:80", 0).downstream_cx_total);
  slab->Set(ClusterStats::Make(registry, "foo").circuit_breakers.cx_open, 1);
  slab->Inc(SubscriptionStats::Make(registry, "listener_manager.lds").update_success);
  slab->Set(registry.AddGauge("outrigger.own-figure", "Ours"), 4);
  EXPECT_EQ(
      Show(registry, {.format = StatsFormat::kPrometheus, .used_only = true}),
      R"(# HELP envoy_cluster_circuit_breakers_default_cx_open 1 while the connection breaker is open
# TYPE envoy_cluster_circuit_breakers_default_cx_open gauge
envoy_cluster_circuit_breakers_default_cx_open{envoy_cluster_name="foo"} 1
# HELP envoy_cluster_upstream_rq_total Requests
# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="foo"} 2
# HELP envoy_http_downstream_rq_xx Responses by class of status
# TYPE envoy_http_downstream_rq_xx counter
envoy_http_downstream_rq_xx{envoy_response_code_class="2",envoy_http_conn_manager_prefix="in"} 1
# HELP envoy_listener_downstream_cx_total Connections
# TYPE envoy_listener_downstream_cx_total counter
envoy_listener_downstream_cx_total{envoy_listener_address="127.0.0.1_80"} 1
# HELP envoy_listener_manager_lds_update_success Updates taken
# TYPE envoy_listener_manager_lds_update_success counter
envoy_listener_manager_lds_update_success 1
# HELP envoy_listener_worker_downstream_cx_total Connections of a worker
# TYPE envoy_listener_worker_downstream_cx_total counter
envoy_listener_worker_downstream_cx_total{envoy_listener_address="127.0.0.1_80",envoy_worker_id="0"} 1
# HELP envoy_outrigger_own_figure Ours
# TYPE envoy_outrigger_own_figure gauge
envoy_outrigger_own_figure 4
)");
}

TEST(StatsTextTest, PrometheusEscapesLabels) {
  StatRegistry registry;
  ClusterStats::Make(registry, "a\"b\\c\nd");
  EXPECT_EQ(
      Lines(Show(registry, {.format = StatsFormat::kPrometheus, .filter = "upstream_rq_total"}))
          .back(),
      R"(envoy_cluster_upstream_rq_total{envoy_cluster_name="a\"b\\c\nd"} 0)");
}

TEST(StatsTextTest, PrometheusHistogramsAreCumulative) {
  StatRegistry registry;
  StatSlab* slab = registry.NewSlab();
  const Histogram time = registry.AddHistogram("t", "");
  for (uint64_t value : {0, 1, 5, 400, 9'000'000}) slab->Record(time, value);
  const std::string out = Show(registry, {.format = StatsFormat::kPrometheus});
  for (const char* line :
       {"envoy_t_bucket{le=\"0.5\"} 1\n", "envoy_t_bucket{le=\"1\"} 2\n",
        "envoy_t_bucket{le=\"5\"} 3\n", "envoy_t_bucket{le=\"250\"} 3\n",
        "envoy_t_bucket{le=\"500\"} 4\n", "envoy_t_bucket{le=\"3600000\"} 4\n",
        "envoy_t_bucket{le=\"+Inf\"} 5\n", "envoy_t_sum 9000406\n", "envoy_t_count 5\n"}) {
    EXPECT_NE(out.find(line), std::string::npos) << line << out;
  }
}

// What a checker of the format asks: one head a family, its series together.
TEST(StatsTextTest, PrometheusFamiliesStandTogether) {
  StatRegistry registry;
  for (const char* name : {"a", "b", "c.d"}) {
    ClusterStats::Make(registry, name);
    HttpStats::Make(registry, name);
  }
  registry.AddCounter("same.name", "");
  registry.AddGauge("same_name", "");
  std::set<std::string> heads, series;
  std::string family;
  for (const std::string& line : Lines(Show(registry, {.format = StatsFormat::kPrometheus}))) {
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.rfind(' ') - 7);
      EXPECT_TRUE(heads.insert(family).second) << "two heads: " << line;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(line.starts_with(family)) << line;
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
    }
  }
  EXPECT_TRUE(heads.contains("envoy_same_name"));
}

TEST(StatsTextTest, ControlBytesDoNotBreakLines) {
  StatRegistry registry;
  ClusterStats::Make(registry, "a\nb\rc");
  for (const std::string& line : Lines(Show(registry, {}))) {
    EXPECT_TRUE(line.starts_with("cluster.a_b_c.")) << line;
  }
}

TEST(StatsTextTest, ComesInPieces) {
  StatRegistry registry;
  for (int i = 0; i < 50; ++i) ClusterStats::Make(registry, "cluster" + std::to_string(i));
  for (StatsFormat format : {StatsFormat::kText, StatsFormat::kJson, StatsFormat::kPrometheus}) {
    absl::StatusOr<StatsText> text = StatsText::Make(registry, {.format = format});
    ASSERT_TRUE(text.ok());
    std::string all;
    int pieces = 0;
    for (bool more = true; more; ++pieces) {
      std::string piece;
      more = text->Next(piece, 1000);
      EXPECT_LT(piece.size(), 6000u);
      all += piece;
    }
    EXPECT_GT(pieces, 100);
    EXPECT_EQ(all, Show(registry, {.format = format}));
  }
}

}  // namespace
}  // namespace outrigger::proxy
