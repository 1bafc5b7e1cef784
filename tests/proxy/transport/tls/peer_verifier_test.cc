#include "proxy/transport/tls/peer_verifier.h"

#include <gmock/gmock.h>

#include "absl/strings/escaping.h"
#include "tests/proxy/transport/tls/tls_test.h"

namespace outrigger::proxy {
namespace {

using testing::HasSubstr;

class PeerVerifierTest : public testing::Test {
 protected:
  // What the server says of a client with `identity`; "": it is let in.
  std::string Verdict(const Identity& identity) {
    server_->Finish();
    auto client = MakeConfig(TlsSide::kClient, &identity);
    client->Finish();
    TlsPair pair(server_, client);
    pair.Shake();
    return pair.server->failure();
  }
  PeerVerifier& verifier() { return server_->verifier(); }
  void Trust() { ASSERT_TRUE(verifier().TrustAuthorities(authority_.certificate()).ok()); }
  static SanMatcher Exactly(SanMatcher::Type type, const std::string& text) {
    return {type, type == SanMatcher::Type::kDns ? text : "",
            [text](std::string_view name) { return name == text; }};
  }

  const Identity authority_ = Identity::Make({.name = "ca", .authority = true});
  const Identity own_ = Identity::Make({.name = "server"});
  const Identity client_ = Identity::Make(
      {.name = "client", .sans = "URI:spiffe://td/client,DNS:*.example.com,IP:10.0.0.1"},
      &authority_);
  std::shared_ptr<TlsConfig> server_ = MakeConfig(TlsSide::kServer, &own_);
};

TEST_F(PeerVerifierTest, TrustsWhatTheAuthoritySigned) {
  Trust();
  EXPECT_EQ(Verdict(client_), "");
}

TEST_F(PeerVerifierTest, RefusesStrangers) {
  Trust();
  EXPECT_THAT(Verdict(Identity::Make({.name = "self"})), HasSubstr("self signed certificate"));
  const Identity other = Identity::Make({.name = "other", .authority = true});
  EXPECT_THAT(Verdict(Identity::Make({.name = "client"}, &other)),
              HasSubstr("unable to get local issuer certificate"));
}

TEST_F(PeerVerifierTest, RefusesTheWrongTime) {
  Trust();
  const Identity future = Identity::Make({.from = kDay, .to = 2 * kDay}, &authority_);
  EXPECT_THAT(Verdict(future), HasSubstr("certificate is not yet valid"));
  verifier().AllowExpired();
  EXPECT_EQ(Verdict(future), "");
}

TEST_F(PeerVerifierTest, ComparesNames) {
  Trust();
  verifier().AddSan(Exactly(SanMatcher::Type::kUri, "spiffe://td/other"));
  EXPECT_THAT(Verdict(client_),
              HasSubstr("verify cert failed: SAN matcher, certificate SANs are [*.example.com, "
                        "spiffe://td/client, 10.0.0.1]"));
  verifier().AddSan(Exactly(SanMatcher::Type::kUri, "spiffe://td/client"));
  EXPECT_EQ(Verdict(client_), "");
}

TEST_F(PeerVerifierTest, ComparesNamesOfTheirKindOnly) {
  Trust();
  verifier().AddSan(Exactly(SanMatcher::Type::kDns, "spiffe://td/client"));
  EXPECT_THAT(Verdict(client_), HasSubstr("SAN matcher"));
  verifier().AddSan(Exactly(SanMatcher::Type::kIp, "10.0.0.1"));
  EXPECT_EQ(Verdict(client_), "");
}

TEST_F(PeerVerifierTest, KnowsWildcards) {
  Trust();
  verifier().AddSan(Exactly(SanMatcher::Type::kDns, "a.example.com"));
  EXPECT_EQ(Verdict(client_), "");
}

TEST_F(PeerVerifierTest, ComparesHashes) {
  EXPECT_TRUE(verifier().AddCertificateHash(std::string(64, 'a')).ok());
  EXPECT_THAT(Verdict(client_), HasSubstr("verify cert failed: cert hash and spki"));
  uint8_t hash[32];
  unsigned size = 0;
  ASSERT_TRUE(X509_digest(client_.x509.get(), EVP_sha256(), hash, &size));
  const std::string hex = absl::BytesToHexString({reinterpret_cast<char*>(hash), size});
  EXPECT_TRUE(verifier().AddCertificateHash(hex).ok());
  EXPECT_EQ(Verdict(client_), "");
}

TEST_F(PeerVerifierTest, RefusesBadInput) {
  EXPECT_FALSE(verifier().AddCertificateHash("abc").ok());
  EXPECT_FALSE(verifier().AddCertificateHash(std::string(64, 'x')).ok());
  EXPECT_FALSE(verifier().AddKeyHash("abc").ok());
  EXPECT_FALSE(verifier().TrustAuthorities("garbage").ok());
  EXPECT_FALSE(verifier().TrustAuthorities("").ok());
  EXPECT_FALSE(verifier().AddRevocations(authority_.certificate()).ok());
  EXPECT_FALSE(verifier().checks());
}

TEST(DnsNameFits, TakesOneLabelForAStar) {
  EXPECT_TRUE(DnsNameFits("A.example.com", "a.EXAMPLE.com"));
  EXPECT_TRUE(DnsNameFits("a.example.com", "*.example.com"));
  EXPECT_FALSE(DnsNameFits("a.b.example.com", "*.example.com"));
  EXPECT_FALSE(DnsNameFits("example.com", "*.example.com"));
  EXPECT_FALSE(DnsNameFits(".example.com", "*.example.com"));
  EXPECT_FALSE(DnsNameFits("a.example.com", "a*.example.com"));
  EXPECT_FALSE(DnsNameFits("a.example.com", "*"));
}

}  // namespace
}  // namespace outrigger::proxy
