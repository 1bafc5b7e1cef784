// scopes.h: the stats of each kind of thing as a struct of handles, by Envoy's names. Made where
// the thing is configured (control side), copied into the snapshot, written by workers through a
// StatSlab.
#pragma once

#include <string_view>

#include "proxy/stats/scope_lists.h"
#include "proxy/stats/stats.h"

namespace outrigger::proxy {

#define OUTRIGGER_STAT_FIELD(name, Kind, help) Kind name;

// "http2." or, as a part of ClusterStats, "cluster.<name>.http2."
struct Http2Stats {
  OUTRIGGER_HTTP2_STATS(OUTRIGGER_STAT_FIELD)
  static Http2Stats MakeDownstream(StatRegistry& registry);
};

// "http.<stat_prefix>."
struct HttpStats {
  Http2Stats http2;  // of all listeners
  OUTRIGGER_HTTP_STATS(OUTRIGGER_STAT_FIELD)
  static HttpStats Make(StatRegistry& registry, std::string_view stat_prefix);
  // The counter of a response's class; the scratch cell for a status outside of 100..599.
  Counter ByClass(int status) const;
};

// "listener.<address>.", with '_' for the colons of the address.
struct ListenerStats {
  OUTRIGGER_LISTENER_STATS(OUTRIGGER_STAT_FIELD)
  static ListenerStats Make(StatRegistry& registry, std::string_view address);
};

// "listener.<address>.ssl." or "cluster.<name>.ssl."
struct TlsStats {
  OUTRIGGER_TLS_STATS(OUTRIGGER_STAT_FIELD)
  static TlsStats MakeDownstream(StatRegistry& registry, std::string_view address);
  static TlsStats MakeUpstream(StatRegistry& registry, std::string_view cluster);
};

// "listener.<address>.worker_<id>."
struct WorkerListenerStats {
  OUTRIGGER_WORKER_LISTENER_STATS(OUTRIGGER_STAT_FIELD)
  static WorkerListenerStats Make(StatRegistry& registry, std::string_view address, int worker);
};

// "cluster.<name>.circuit_breakers.<priority>.", a part of ClusterStats.
struct CircuitBreakerStats {
  OUTRIGGER_CIRCUIT_BREAKER_STATS(OUTRIGGER_STAT_FIELD)
};

// Beside those, where track_remaining asks for them.
struct BreakerRemainingStats {
  OUTRIGGER_BREAKER_REMAINING_STATS(OUTRIGGER_STAT_FIELD)
  static BreakerRemainingStats Make(StatRegistry& registry, std::string_view cluster,
                                    bool high_priority);
};

// "cluster.<name>." One scope with all its parts: there may be thousands.
struct ClusterStats {
  OUTRIGGER_CLUSTER_STATS(OUTRIGGER_STAT_FIELD)
  CircuitBreakerStats circuit_breakers;
  CircuitBreakerStats high_circuit_breakers;
  Http2Stats http2;
  static ClusterStats Make(StatRegistry& registry, std::string_view name);
  Counter ByClass(int status) const;
};

// "server.". What is asked for and not counted is a gauge function under its full name.
struct ServerStats {
  OUTRIGGER_SERVER_STATS(OUTRIGGER_STAT_FIELD)
  static ServerStats Make(StatRegistry& registry);
};

// "listener_manager."
struct ListenerTableStats {
  OUTRIGGER_LISTENER_TABLE_STATS(OUTRIGGER_STAT_FIELD)
  static ListenerTableStats Make(StatRegistry& registry);
};

// "cluster_manager."
struct ClusterTableStats {
  OUTRIGGER_CLUSTER_TABLE_STATS(OUTRIGGER_STAT_FIELD)
  static ClusterTableStats Make(StatRegistry& registry);
};

// One xDS subscription; `prefix` is "cluster_manager.cds", "listener_manager.lds" and the like.
struct SubscriptionStats {
  OUTRIGGER_SUBSCRIPTION_STATS(OUTRIGGER_STAT_FIELD)
  static SubscriptionStats Make(StatRegistry& registry, std::string_view prefix);
};

#undef OUTRIGGER_STAT_FIELD

}  // namespace outrigger::proxy
