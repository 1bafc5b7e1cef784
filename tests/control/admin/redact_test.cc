#include "control/admin/redact.h"

#include <gtest/gtest.h>

#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"

namespace outrigger::control {
namespace {

namespace tls = envoy::extensions::transport_sockets::tls::v3;
using StaticResources = envoy::config::bootstrap::v3::Bootstrap::StaticResources;

template <typename Settings>
Settings WithKey() {
  Settings settings;
  auto& certificate = *settings.mutable_common_tls_context()->add_tls_certificates();
  certificate.mutable_certificate_chain()->set_inline_string("public");
  certificate.mutable_private_key()->set_inline_string("secret");
  certificate.mutable_password()->set_inline_bytes("secret");
  return settings;
}

template <typename Settings>
void ExpectRedacted(const google::protobuf::Any& any) {
  Settings settings;
  ASSERT_TRUE(any.UnpackTo(&settings));
  const auto& certificate = settings.common_tls_context().tls_certificates(0);
  EXPECT_EQ(certificate.certificate_chain().inline_string(), "public");
  EXPECT_EQ(certificate.private_key().inline_string(), "[redacted]");
  EXPECT_EQ(certificate.password().inline_bytes(), "[redacted]");
}

TEST(Redact, TakesKeysAndPasswordsOut) {
  StaticResources resources;
  auto& down = *resources.add_listeners()->add_filter_chains()->mutable_transport_socket();
  down.mutable_typed_config()->PackFrom(WithKey<tls::DownstreamTlsContext>());
  auto& up = *resources.add_clusters()->mutable_transport_socket();
  up.mutable_typed_config()->PackFrom(WithKey<tls::UpstreamTlsContext>());
  Redact(resources);
  ExpectRedacted<tls::DownstreamTlsContext>(down.typed_config());
  ExpectRedacted<tls::UpstreamTlsContext>(up.typed_config());
}

TEST(Redact, LeavesTheRest) {
  StaticResources resources;
  resources.add_clusters()->set_name("plain");
  resources.add_listeners()->add_filter_chains();
  const std::string before = resources.SerializeAsString();
  Redact(resources);
  EXPECT_EQ(resources.SerializeAsString(), before);
}

}  // namespace
}  // namespace outrigger::control
