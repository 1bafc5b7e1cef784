#include "control/resources/tls.h"

#include <fstream>
#include <string>

#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kDownstream =
    "{name: tls, typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, ";
constexpr std::string_view kUpstream =
    "{name: tls, typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, ";

class TlsTest : public ResourceTest {
 protected:
  // Of a socket with these fields; "no error": it is well.
  std::string UpstreamError(const std::string& fields) {
    const auto proto =
        FromYaml<envoy::config::core::v3::TransportSocket>(std::string(kUpstream) + fields + "}}");
    return Message(ParseUpstreamTransport(proto, FieldPath("x"), "up", "h2", inputs_).status());
  }
  std::string DownstreamError(const std::string& fields) {
    const auto proto = FromYaml<envoy::config::core::v3::TransportSocket>(std::string(kDownstream) +
                                                                          fields + "}}");
    return Message(ParseDownstreamTransport(proto, FieldPath("x"), "down", inputs_).status());
  }
  std::string ValidationError(const std::string& fields) {
    return UpstreamError("common_tls_context: {validation_context: {" + fields + "}}");
  }
};

TEST_F(TlsTest, RawBufferIsPlain) {
  const auto proto = FromYaml<envoy::config::core::v3::TransportSocket>(
      "{name: raw, typed_config: {\"@type\": "
      "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer}}");
  const auto tls = ParseUpstreamTransport(proto, FieldPath("x"), "up", "h2", inputs_);
  ASSERT_TRUE(tls.ok()) << tls.status();
  EXPECT_EQ(*tls, nullptr);
}

TEST_F(TlsTest, OtherSocketsAreRefused) {
  const auto proto =
      FromYaml<envoy::config::core::v3::TransportSocket>(std::string(kUpstream) + "}}");
  EXPECT_THAT(Message(ParseDownstreamTransport(proto, FieldPath("x"), "a", inputs_).status()),
              HasSubstr("x: transport socket \"tls\" with type URL"));
}

TEST_F(TlsTest, UpstreamNeedsNothing) {
  const auto proto = FromYaml<envoy::config::core::v3::TransportSocket>(std::string(kUpstream) +
                                                                        "sni: a.example}}");
  const auto tls = ParseUpstreamTransport(proto, FieldPath("x"), "up", "h2", inputs_);
  ASSERT_TRUE(tls.ok()) << tls.status();
  EXPECT_EQ((*tls)->server_name(), "a.example");
  EXPECT_EQ((*tls)->alpn(), "\x02h2");
}

TEST_F(TlsTest, DownstreamNeedsACertificate) {
  EXPECT_EQ(DownstreamError("common_tls_context: {}"),
            "x: typed_config.common_tls_context.tls_certificates: no TLS certificates found for "
            "server context");
}

TEST_F(TlsTest, NamesFieldAndFile) {
  const std::string path = testing::TempDir() + "/garbage.pem";
  std::ofstream(path) << "garbage";
  const std::string place = "x: typed_config.common_tls_context.tls_certificates[0].";
  EXPECT_THAT(
      DownstreamError("common_tls_context: {tls_certificates: [{certificate_chain: {filename: " +
                      path + "}}]}"),
      StartsWith(place + "certificate_chain.filename: " + path +
                 ": failed to load certificate chain: "));
  EXPECT_EQ(DownstreamError("common_tls_context: {tls_certificates: [{certificate_chain: "
                            "{filename: /none.pem}}]}"),
            place + "certificate_chain.filename: file /none.pem cannot be read");
  EXPECT_THAT(DownstreamError("common_tls_context: {tls_certificates: [{certificate_chain: "
                              "{inline_string: secret}}]}"),
              AllOf(StartsWith(place + "certificate_chain: failed"), Not(HasSubstr("secret"))));
}

TEST_F(TlsTest, RefusesBadParameters) {
  const std::string place = "x: typed_config.common_tls_context.";
  EXPECT_EQ(UpstreamError("common_tls_context: {tls_params: {tls_minimum_protocol_version: "
                          "TLSv1_3}}"),
            place + "tls_params: the minimum version is above the maximum");
  EXPECT_EQ(UpstreamError("common_tls_context: {tls_params: {tls_minimum_protocol_version: "
                          "TLSv1_3, tls_maximum_protocol_version: TLSv1_3}}"),
            "no error");
  EXPECT_EQ(UpstreamError("common_tls_context: {tls_params: {cipher_suites: [NONE]}}"),
            place + "tls_params.cipher_suites: failed to initialize cipher suites; refused: NONE");
  EXPECT_EQ(UpstreamError("common_tls_context: {tls_params: {ecdh_curves: [P-1]}}"),
            place + "tls_params.ecdh_curves: failed to initialize ECDH curves P-1");
  EXPECT_THAT(UpstreamError("common_tls_context: {alpn_protocols: [\"\"]}"),
              StartsWith(place + "alpn_protocols: "));
  EXPECT_THAT(UpstreamError("common_tls_context: {tls_certificates: [{}, {}]}"),
              StartsWith(place + "tls_certificates[1]: a second certificate is not supported"));
}

TEST_F(TlsTest, RefusesBadValidation) {
  const std::string place = "x: typed_config.common_tls_context.validation_context";
  EXPECT_THAT(ValidationError("trusted_ca: {inline_string: garbage}"),
              StartsWith(place + ".trusted_ca: "));
  EXPECT_THAT(ValidationError("crl: {inline_string: garbage}"), StartsWith(place + ".crl: "));
  EXPECT_THAT(ValidationError("verify_certificate_hash: [abc]"),
              StartsWith(place + ".verify_certificate_hash[0]: invalid hex-encoded SHA-256"));
  EXPECT_THAT(ValidationError("verify_certificate_spki: [abc]"),
              StartsWith(place + ".verify_certificate_spki[0]: invalid base64-encoded SHA-256"));
  EXPECT_THAT(
      ValidationError("match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: a}}]"),
      StartsWith(place + ": SAN-based verification of peer certificates without trusted CA"));
  EXPECT_EQ(ValidationError("allow_expired_certificate: true"),
            place + ".allow_expired_certificate: needs trusted_ca");
}

}  // namespace
}  // namespace outrigger::control
