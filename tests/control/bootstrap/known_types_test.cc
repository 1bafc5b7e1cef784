#include "control/bootstrap/known_types.h"

#include <gtest/gtest.h>

#include <string>

#include "google/protobuf/descriptor.h"

namespace outrigger::control {
namespace {

// This binary mentions no message itself, so what the pool holds is what the list links.
TEST(KnownTypesTest, EveryExtensionOfTheSubsetIsLinked) {
  LinkKnownTypes();
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string type :
       {"config.route.v3.FilterConfig", "extensions.access_loggers.file.v3.FileAccessLog",
        "extensions.access_loggers.stream.v3.StderrAccessLog",
        "extensions.access_loggers.stream.v3.StdoutAccessLog",
        "extensions.filters.http.cors.v3.Cors", "extensions.filters.http.cors.v3.CorsPolicy",
        "extensions.filters.http.fault.v3.HTTPFault",
        "extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "extensions.filters.http.router.v3.Router",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "extensions.load_balancing_policies.least_request.v3.LeastRequest",
        "extensions.load_balancing_policies.maglev.v3.Maglev",
        "extensions.load_balancing_policies.random.v3.Random",
        "extensions.load_balancing_policies.ring_hash.v3.RingHash",
        "extensions.load_balancing_policies.round_robin.v3.RoundRobin",
        "extensions.request_id.uuid.v3.UuidRequestIdConfig",
        "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        "extensions.transport_sockets.raw_buffer.v3.RawBuffer",
        "extensions.upstreams.http.v3.HttpProtocolOptions"}) {
    EXPECT_NE(pool->FindMessageTypeByName("envoy." + type), nullptr) << type;
  }
}

}  // namespace
}  // namespace outrigger::control
