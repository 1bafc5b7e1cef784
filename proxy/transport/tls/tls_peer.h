// tls_peer.h: what a finished handshake tells of its two ends, as access logs and
// x-forwarded-client-cert show it. Plain values; tls_transport.h makes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace outrigger::proxy {

// Of one end's certificate; empty where there is none.
struct CertificateFacts {
  std::string subject;  // RFC 2253
  std::vector<std::string> uri_sans, dns_sans;
};

// Owner: the connection. Thread-safety: immutable.
struct TlsPeer {
  std::string_view version;  // "TLSv1.3"; static, as the cipher
  std::string_view cipher;   // OpenSSL's name
  std::string server_name;   // what the client asked for (SNI)
  CertificateFacts local, peer;
  bool presented = false;  // the peer has a certificate; then also:
  std::string issuer;
  std::string serial;           // hex
  std::string fingerprint_1;    // hex of its SHA-1
  std::string fingerprint_256;  // and SHA-256
  std::string pem;              // percent-encoded, as x-forwarded-client-cert has it
  std::string chain_pem;
};

}  // namespace outrigger::proxy
