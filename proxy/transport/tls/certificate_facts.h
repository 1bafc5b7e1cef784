// certificate_facts.h: reads certificates for people and headers: names, serial, hashes, PEM.
// Decides nothing: that is peer_verifier.h.
#pragma once

#include <string>
#include <string_view>

#include "proxy/transport/tls/tls_peer.h"

struct ssl_st;
struct x509_st;

namespace outrigger::proxy {

// Of a finished handshake.
TlsPeer DescribePeer(const ssl_st* ssl);
CertificateFacts DescribeCertificate(const x509_st* certificate);

// Its subjectAltName entries of a kind (GEN_DNS, GEN_URI, ...); addresses as text.
std::vector<std::string> SansOf(const x509_st* certificate, int kind);

}  // namespace outrigger::proxy
