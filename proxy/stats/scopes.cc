#include "proxy/stats/scopes.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"

namespace outrigger::proxy {
namespace {

#define OUTRIGGER_STAT_ROW(name, Kind, help) {#name, StatKind::k##Kind, help},
constexpr StatDesc kHttp2[] = {OUTRIGGER_HTTP2_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kHttp[] = {OUTRIGGER_HTTP_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kListener[] = {OUTRIGGER_LISTENER_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kWorkerListener[] = {OUTRIGGER_WORKER_LISTENER_STATS(OUTRIGGER_STAT_ROW)};
#define OUTRIGGER_STAT_BREAKER_ROW(name, Kind, help) \
  {"circuit_breakers.default." #name, StatKind::k##Kind, help},
#define OUTRIGGER_STAT_HIGH_BREAKER_ROW(name, Kind, help) \
  {"circuit_breakers.high." #name, StatKind::k##Kind, help},
#define OUTRIGGER_STAT_HTTP2_ROW(name, Kind, help) {"http2." #name, StatKind::k##Kind, help},
constexpr StatDesc kCluster[] = {OUTRIGGER_CLUSTER_STATS(OUTRIGGER_STAT_ROW)                  //
                                 OUTRIGGER_CIRCUIT_BREAKER_STATS(OUTRIGGER_STAT_BREAKER_ROW)  //
                                 OUTRIGGER_CIRCUIT_BREAKER_STATS(OUTRIGGER_STAT_HIGH_BREAKER_ROW)
                                     OUTRIGGER_HTTP2_STATS(OUTRIGGER_STAT_HTTP2_ROW)};
#undef OUTRIGGER_STAT_BREAKER_ROW
#undef OUTRIGGER_STAT_HIGH_BREAKER_ROW
#undef OUTRIGGER_STAT_HTTP2_ROW
constexpr StatDesc kBreakerRemaining[] = {OUTRIGGER_BREAKER_REMAINING_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kServer[] = {OUTRIGGER_SERVER_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kListenerTable[] = {OUTRIGGER_LISTENER_TABLE_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kClusterTable[] = {OUTRIGGER_CLUSTER_TABLE_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kSubscription[] = {OUTRIGGER_SUBSCRIPTION_STATS(OUTRIGGER_STAT_ROW)};
constexpr StatDesc kTls[] = {OUTRIGGER_TLS_STATS(OUTRIGGER_STAT_ROW)};
#undef OUTRIGGER_STAT_ROW

// Expands inside a Make(): fills `stats` from its scope's first slot, in the order of the list.
#define OUTRIGGER_STAT_FILL(name, Kind, help) stats.name = Kind{slot++};

std::string Replaced(std::string_view text, char from, char to) {
  std::string out(text);
  std::replace(out.begin(), out.end(), from, to);
  return out;
}

void Fill(CircuitBreakerStats& stats, uint32_t& slot) {
  OUTRIGGER_CIRCUIT_BREAKER_STATS(OUTRIGGER_STAT_FILL)
}

void Fill(Http2Stats& stats, uint32_t& slot) { OUTRIGGER_HTTP2_STATS(OUTRIGGER_STAT_FILL) }

}  // namespace

Http2Stats Http2Stats::MakeDownstream(StatRegistry& registry) {
  Http2Stats stats;
  uint32_t slot = registry.AddScope("http2.", "envoy_http2_", {}, kHttp2);
  if (slot == 0) return stats;
  Fill(stats, slot);
  return stats;
}

HttpStats HttpStats::Make(StatRegistry& registry, std::string_view stat_prefix) {
  HttpStats stats;
  stats.http2 = Http2Stats::MakeDownstream(registry);
  uint32_t slot =
      registry.AddScope(absl::StrFormat("http.%s.", stat_prefix), "envoy_http_",
                        {{"envoy_http_conn_manager_prefix", std::string(stat_prefix)}}, kHttp);
  if (slot == 0) return stats;
  OUTRIGGER_HTTP_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

Counter HttpStats::ByClass(int status) const {
  switch (status / 100) {
    case 1:
      return downstream_rq_1xx;
    case 2:
      return downstream_rq_2xx;
    case 3:
      return downstream_rq_3xx;
    case 4:
      return downstream_rq_4xx;
    case 5:
      return downstream_rq_5xx;
    default:
      return {};
  }
}

ListenerStats ListenerStats::Make(StatRegistry& registry, std::string_view address) {
  ListenerStats stats;
  const std::string name = Replaced(address, ':', '_');
  uint32_t slot = registry.AddScope(absl::StrFormat("listener.%s.", name), "envoy_listener_",
                                    {{"envoy_listener_address", name}}, kListener);
  if (slot == 0) return stats;
  OUTRIGGER_LISTENER_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

TlsStats TlsStats::MakeDownstream(StatRegistry& registry, std::string_view address) {
  TlsStats stats;
  const std::string name = Replaced(address, ':', '_');
  uint32_t slot =
      registry.AddScope(absl::StrFormat("listener.%s.ssl.", name), "envoy_listener_ssl_",
                        {{"envoy_listener_address", name}}, kTls);
  if (slot == 0) return stats;
  OUTRIGGER_TLS_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

TlsStats TlsStats::MakeUpstream(StatRegistry& registry, std::string_view cluster) {
  TlsStats stats;
  uint32_t slot =
      registry.AddScope(absl::StrFormat("cluster.%s.ssl.", cluster), "envoy_cluster_ssl_",
                        {{"envoy_cluster_name", std::string(cluster)}}, kTls);
  if (slot == 0) return stats;
  OUTRIGGER_TLS_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

WorkerListenerStats WorkerListenerStats::Make(StatRegistry& registry, std::string_view address,
                                              int worker) {
  WorkerListenerStats stats;
  const std::string name = Replaced(address, ':', '_');
  uint32_t slot = registry.AddScope(
      absl::StrFormat("listener.%s.worker_%d.", name, worker), "envoy_listener_worker_",
      {{"envoy_listener_address", name}, {"envoy_worker_id", std::to_string(worker)}},
      kWorkerListener);
  if (slot == 0) return stats;
  OUTRIGGER_WORKER_LISTENER_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

BreakerRemainingStats BreakerRemainingStats::Make(StatRegistry& registry, std::string_view cluster,
                                                  bool high_priority) {
  BreakerRemainingStats stats;
  const std::string_view priority = high_priority ? "high" : "default";
  uint32_t slot =
      registry.AddScope(absl::StrFormat("cluster.%s.circuit_breakers.%s.", cluster, priority),
                        absl::StrFormat("envoy_cluster_circuit_breakers_%s_", priority),
                        {{"envoy_cluster_name", std::string(cluster)}}, kBreakerRemaining);
  if (slot == 0) return stats;
  OUTRIGGER_BREAKER_REMAINING_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

ClusterStats ClusterStats::Make(StatRegistry& registry, std::string_view name) {
  ClusterStats stats;
  uint32_t slot = registry.AddScope(absl::StrFormat("cluster.%s.", name), "envoy_cluster_",
                                    {{"envoy_cluster_name", std::string(name)}}, kCluster);
  if (slot == 0) return stats;
  OUTRIGGER_CLUSTER_STATS(OUTRIGGER_STAT_FILL)
  Fill(stats.circuit_breakers, slot);
  Fill(stats.high_circuit_breakers, slot);
  Fill(stats.http2, slot);
  return stats;
}

Counter ClusterStats::ByClass(int status) const {
  switch (status / 100) {
    case 1:
      return upstream_rq_1xx;
    case 2:
      return upstream_rq_2xx;
    case 3:
      return upstream_rq_3xx;
    case 4:
      return upstream_rq_4xx;
    case 5:
      return upstream_rq_5xx;
    default:
      return {};
  }
}

ServerStats ServerStats::Make(StatRegistry& registry) {
  ServerStats stats;
  uint32_t slot = registry.AddScope("server.", "envoy_server_", {}, kServer);
  if (slot == 0) return stats;
  OUTRIGGER_SERVER_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

ListenerTableStats ListenerTableStats::Make(StatRegistry& registry) {
  ListenerTableStats stats;
  uint32_t slot =
      registry.AddScope("listener_manager.", "envoy_listener_manager_", {}, kListenerTable);
  if (slot == 0) return stats;
  OUTRIGGER_LISTENER_TABLE_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

ClusterTableStats ClusterTableStats::Make(StatRegistry& registry) {
  ClusterTableStats stats;
  uint32_t slot =
      registry.AddScope("cluster_manager.", "envoy_cluster_manager_", {}, kClusterTable);
  if (slot == 0) return stats;
  OUTRIGGER_CLUSTER_TABLE_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

SubscriptionStats SubscriptionStats::Make(StatRegistry& registry, std::string_view prefix) {
  SubscriptionStats stats;
  uint32_t slot = registry.AddScope(absl::StrFormat("%s.", prefix),
                                    absl::StrFormat("envoy_%s_", Replaced(prefix, '.', '_')), {},
                                    kSubscription);
  if (slot == 0) return stats;
  OUTRIGGER_SUBSCRIPTION_STATS(OUTRIGGER_STAT_FILL)
  return stats;
}

}  // namespace outrigger::proxy
