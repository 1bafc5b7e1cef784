#include "proxy/connection/client_cert.h"

#include <gtest/gtest.h>

namespace outrigger::proxy {
namespace {

using Mode = HttpListenerOptions::ForwardClientCert;

TlsPeer Client() {
  TlsPeer tls;
  tls.presented = true;
  tls.local.uri_sans = {"spiffe://td/proxy"};
  tls.peer.subject = "CN=client";
  tls.peer.uri_sans = {"spiffe://td/client"};
  tls.peer.dns_sans = {"a.example", "b.example"};
  tls.fingerprint_256 = "abcd";
  tls.pem = "pem";
  tls.chain_pem = "chain";
  return tls;
}

// x-forwarded-client-cert as it is passed on; "-": it is not.
std::string Forwarded(Mode mode, const TlsPeer* tls, std::string_view sent = "By=evil") {
  Arena arena;
  Headers request(arena);
  if (!sent.empty()) request.Add(HeaderName::kXForwardedClientCert, sent);
  HttpListenerOptions options;
  options.forward_client_cert = mode;
  ForwardClientCert(request, options, tls, "Hash=1");
  const Header* header = request.Find(HeaderName::kXForwardedClientCert);
  return header ? std::string(header->value) : "-";
}

TEST(ForwardClientCert, FollowsItsMode) {
  const TlsPeer tls = Client();
  EXPECT_EQ(Forwarded(Mode::kSanitize, &tls), "-");
  EXPECT_EQ(Forwarded(Mode::kForwardOnly, &tls), "By=evil");
  EXPECT_EQ(Forwarded(Mode::kAppendForward, &tls), "By=evil,Hash=1");
  EXPECT_EQ(Forwarded(Mode::kAppendForward, &tls, ""), "Hash=1");
  EXPECT_EQ(Forwarded(Mode::kSanitizeSet, &tls), "Hash=1");
  EXPECT_EQ(Forwarded(Mode::kAlwaysForwardOnly, &tls), "By=evil");
}

TEST(ForwardClientCert, BelievesNobodyWithoutACertificate) {
  TlsPeer anonymous;
  for (const TlsPeer* tls : {static_cast<const TlsPeer*>(nullptr), &std::as_const(anonymous)}) {
    for (const Mode mode :
         {Mode::kSanitize, Mode::kForwardOnly, Mode::kAppendForward, Mode::kSanitizeSet}) {
      EXPECT_EQ(Forwarded(mode, tls), "-");
    }
    EXPECT_EQ(Forwarded(Mode::kAlwaysForwardOnly, tls), "By=evil");
  }
}

TEST(ClientCertElement, HoldsWhatIsAskedFor) {
  EXPECT_EQ(ClientCertElement({}, Client()), "By=spiffe://td/proxy;Hash=abcd");
  EXPECT_EQ(ClientCertElement(
                {.cert = true, .chain = true, .subject = true, .uri = true, .dns = true}, Client()),
            "By=spiffe://td/proxy;Hash=abcd;Cert=\"pem\";Chain=\"chain\";Subject=\"CN=client\";"
            "URI=spiffe://td/client;DNS=a.example;DNS=b.example");
}

TEST(ClientCertElement, KeepsAnEmptyUri) {
  TlsPeer tls = Client();
  tls.peer.uri_sans.clear();
  EXPECT_EQ(ClientCertElement({.uri = true}, tls), "By=spiffe://td/proxy;Hash=abcd;URI=");
}

TEST(ClientCertElement, LetsNoNameAddElements) {
  TlsPeer tls = Client();
  tls.local.uri_sans.clear();
  tls.peer.uri_sans = {"spiffe://a;Hash=b,By=\"c"};
  EXPECT_EQ(ClientCertElement({.uri = true}, tls), "Hash=abcd;URI=\"spiffe://a;Hash=b,By=\\\"c\"");
}

}  // namespace
}  // namespace outrigger::proxy
