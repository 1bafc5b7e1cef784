#include "control/admin/redact.h"

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace tls = envoy::extensions::transport_sockets::tls::v3;

constexpr char kRedacted[] = "[redacted]";

void Redact(core::DataSource& source) {
  switch (source.specifier_case()) {
    case core::DataSource::kFilename:
      return source.set_filename(kRedacted);
    case core::DataSource::kInlineBytes:
      return source.set_inline_bytes(kRedacted);
    case core::DataSource::kInlineString:
      return source.set_inline_string(kRedacted);
    case core::DataSource::kEnvironmentVariable:
      return source.set_environment_variable(kRedacted);
    case core::DataSource::SPECIFIER_NOT_SET:
      return;
  }
}

template <typename Settings>
void RedactAs(google::protobuf::Any& any) {
  Settings settings;
  if (!any.UnpackTo(&settings)) return;
  for (auto& certificate : *settings.mutable_common_tls_context()->mutable_tls_certificates()) {
    if (certificate.has_private_key()) Redact(*certificate.mutable_private_key());
    if (certificate.has_password()) Redact(*certificate.mutable_password());
  }
  any.PackFrom(settings);
}

void Redact(core::TransportSocket& socket) {
  google::protobuf::Any& any = *socket.mutable_typed_config();
  if (any.Is<tls::DownstreamTlsContext>()) RedactAs<tls::DownstreamTlsContext>(any);
  if (any.Is<tls::UpstreamTlsContext>()) RedactAs<tls::UpstreamTlsContext>(any);
}

}  // namespace

void Redact(envoy::config::bootstrap::v3::Bootstrap::StaticResources& resources) {
  for (auto& listener : *resources.mutable_listeners()) {
    for (auto& chain : *listener.mutable_filter_chains()) {
      if (chain.has_transport_socket()) Redact(*chain.mutable_transport_socket());
    }
  }
  for (auto& cluster : *resources.mutable_clusters()) {
    if (cluster.has_transport_socket()) Redact(*cluster.mutable_transport_socket());
  }
}

}  // namespace outrigger::control
