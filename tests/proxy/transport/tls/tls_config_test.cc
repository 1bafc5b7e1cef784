#include "proxy/transport/tls/tls_config.h"

#include <gmock/gmock.h>

#include "tests/proxy/transport/tls/tls_test.h"

namespace outrigger::proxy {
namespace {

using testing::HasSubstr;

std::string Text(const absl::Status& status) {
  return status.ok() ? "ok" : std::string(status.message());
}

TEST(TlsConfig, TakesACertificateAndItsKey) {
  const Identity identity = Identity::Make({});
  TlsConfig config(TlsSide::kServer, {});
  EXPECT_FALSE(config.has_certificate());
  EXPECT_EQ(Text(config.SetCertificate(identity.certificate())), "ok");
  EXPECT_EQ(Text(config.SetPrivateKey(identity.key())), "ok");
  EXPECT_TRUE(config.has_certificate());
}

TEST(TlsConfig, RefusesWhatDoesNotFit) {
  const Identity identity = Identity::Make({}), other = Identity::Make({});
  TlsConfig config(TlsSide::kServer, {});
  ASSERT_EQ(Text(config.SetCertificate(identity.certificate())), "ok");
  EXPECT_THAT(Text(config.SetPrivateKey(other.key())),
              HasSubstr("private key does not match the certificate"));
  EXPECT_THAT(Text(config.SetPrivateKey("garbage")), HasSubstr("failed to load private key"));
  EXPECT_THAT(Text(config.SetPrivateKey("")), HasSubstr("failed to load private key"));
}

TEST(TlsConfig, RefusesBadCertificates) {
  const Identity expired = Identity::Make({.from = -2 * kDay, .to = -kDay});
  const std::string good = Identity::Make({}).certificate();
  const auto error = [](const std::string& pem) {
    return Text(TlsConfig(TlsSide::kServer, {}).SetCertificate(pem));
  };
  EXPECT_THAT(error("garbage"), HasSubstr("failed to load certificate chain"));
  EXPECT_THAT(error(""), HasSubstr("failed to load certificate chain"));
  EXPECT_EQ(error(expired.certificate()), "certificate has expired");
  std::string broken = good;
  broken[broken.size() / 2] = '!';
  EXPECT_THAT(error(broken), HasSubstr("failed to load certificate chain"));
  EXPECT_THAT(error(good + broken), HasSubstr("failed to load certificate chain"));
  EXPECT_EQ(error(good + good), "ok");
}

TEST(TlsConfig, RefusesUnknownParameters) {
  TlsConfig config(TlsSide::kServer, {});
  EXPECT_EQ(Text(config.SetVersions(TlsVersion::k1_3, TlsVersion::k1_2)),
            "the minimum version is above the maximum");
  EXPECT_EQ(Text(config.SetVersions(TlsVersion::k1_2, TlsVersion::k1_2)), "ok");
  EXPECT_EQ(Text(config.SetCipherSuites({"ECDHE-RSA-AES128-GCM-SHA256", "NONE-SUCH"})),
            "failed to initialize cipher suites; refused: NONE-SUCH");
  EXPECT_EQ(Text(config.SetCipherSuites({"ECDHE-RSA-AES128-GCM-SHA256"})), "ok");
  EXPECT_EQ(Text(config.SetCurves({"P-1"})), "failed to initialize ECDH curves P-1");
  EXPECT_EQ(Text(config.SetCurves({"P-256", "X25519"})), "ok");
  EXPECT_THAT(Text(config.SetAlpn({""})), HasSubstr("1 to 255 bytes"));
  EXPECT_THAT(Text(config.SetAlpn({std::string(256, 'x')})), HasSubstr("1 to 255 bytes"));
}

TEST(TlsConfig, WritesAlpnAsOnTheWire) {
  TlsConfig config(TlsSide::kClient, {});
  ASSERT_TRUE(config.SetAlpn({"h2", "http/1.1"}).ok());
  EXPECT_EQ(config.alpn(), "\x02h2\x08http/1.1");
}

}  // namespace
}  // namespace outrigger::proxy
