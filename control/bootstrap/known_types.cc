#include "control/bootstrap/known_types.h"

#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/load_balancing_policies/least_request/v3/least_request.pb.h"
#include "envoy/extensions/load_balancing_policies/maglev/v3/maglev.pb.h"
#include "envoy/extensions/load_balancing_policies/random/v3/random.pb.h"
#include "envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.pb.h"
#include "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.pb.h"
#include "envoy/extensions/request_id/uuid/v3/uuid.pb.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "google/protobuf/message.h"

namespace outrigger::control {
namespace {

namespace extensions = envoy::extensions;

template <typename... Messages>
void Link() {
  (google::protobuf::LinkMessageReflection<Messages>(), ...);
}

}  // namespace

void LinkKnownTypes() {
  Link<envoy::config::route::v3::FilterConfig, extensions::access_loggers::file::v3::FileAccessLog,
       extensions::access_loggers::stream::v3::StderrAccessLog,
       extensions::access_loggers::stream::v3::StdoutAccessLog,
       extensions::filters::http::cors::v3::Cors, extensions::filters::http::cors::v3::CorsPolicy,
       extensions::filters::http::fault::v3::HTTPFault,
       extensions::filters::http::local_ratelimit::v3::LocalRateLimit,
       extensions::filters::http::router::v3::Router,
       extensions::filters::network::http_connection_manager::v3::HttpConnectionManager,
       extensions::load_balancing_policies::least_request::v3::LeastRequest,
       extensions::load_balancing_policies::maglev::v3::Maglev,
       extensions::load_balancing_policies::random::v3::Random,
       extensions::load_balancing_policies::ring_hash::v3::RingHash,
       extensions::load_balancing_policies::round_robin::v3::RoundRobin,
       extensions::request_id::uuid::v3::UuidRequestIdConfig,
       extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate,
       extensions::transport_sockets::raw_buffer::v3::RawBuffer,
       extensions::transport_sockets::tls::v3::DownstreamTlsContext,
       extensions::transport_sockets::tls::v3::UpstreamTlsContext,
       extensions::upstreams::http::v3::HttpProtocolOptions>();
}

}  // namespace outrigger::control
