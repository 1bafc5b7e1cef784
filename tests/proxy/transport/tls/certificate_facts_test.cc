#include "proxy/transport/tls/certificate_facts.h"

#include <gmock/gmock.h>

#include "tests/proxy/transport/tls/tls_test.h"

namespace outrigger::proxy {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(DescribeCertificate, ListsItsNames) {
  const Identity identity =
      Identity::Make({.name = "a,b", .sans = "URI:spiffe://x,DNS:y,DNS:z,IP:::1"});
  const CertificateFacts facts = DescribeCertificate(identity.x509.get());
  EXPECT_EQ(facts.subject, "CN=a\\,b");
  EXPECT_THAT(facts.uri_sans, ElementsAre("spiffe://x"));
  EXPECT_THAT(facts.dns_sans, ElementsAre("y", "z"));
  EXPECT_THAT(SansOf(identity.x509.get(), GEN_IPADD), ElementsAre("::1"));
}

TEST(DescribeCertificate, TakesNoneForEmpty) {
  EXPECT_EQ(DescribeCertificate(nullptr).subject, "");
  EXPECT_TRUE(DescribeCertificate(Identity::Make({}).x509.get()).uri_sans.empty());
}

TEST(DescribePeer, TellsOfBothEnds) {
  const Identity server = Identity::Make({.name = "server", .sans = "URI:spiffe://server"});
  const Identity client = Identity::Make({.name = "client", .sans = "DNS:client"});
  auto server_config = MakeConfig(TlsSide::kServer, &server);
  server_config->RequireCertificate();
  server_config->Finish();
  auto client_config = MakeConfig(TlsSide::kClient, &client);
  client_config->SetServerName("asked.for");
  client_config->Finish();
  TlsPair pair(server_config, client_config);
  ASSERT_TRUE(pair.Shake()) << pair.server->failure() << pair.client->failure();
  const TlsPeer facts = pair.server->Describe();
  EXPECT_EQ(facts.version, "TLSv1.2");
  EXPECT_EQ(facts.cipher, "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(facts.server_name, "asked.for");
  EXPECT_TRUE(facts.presented);
  EXPECT_EQ(facts.peer.subject, "CN=client");
  EXPECT_EQ(facts.issuer, "CN=client");
  EXPECT_THAT(facts.peer.dns_sans, ElementsAre("client"));
  EXPECT_THAT(facts.local.uri_sans, ElementsAre("spiffe://server"));
  EXPECT_EQ(facts.fingerprint_256.size(), 64u);
  EXPECT_EQ(facts.fingerprint_1.size(), 40u);
  EXPECT_THAT(facts.pem, StartsWith("-----BEGIN%20CERTIFICATE-----%0A"));
  EXPECT_EQ(facts.chain_pem, facts.pem);
  EXPECT_FALSE(facts.serial.empty());
}

}  // namespace
}  // namespace outrigger::proxy
