// peer_verifier.h: whom one side of TLS believes: trusted authorities, revocations, names, and
// certificates pinned by hash. Built on the control side, asked once a handshake.
// Does not fetch anything: no OCSP, no CRL distribution points.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

struct ssl_st;
struct x509_st;
struct x509_store_st;

namespace outrigger::proxy {

enum class TlsSide : uint8_t { kServer, kClient };

// One name of the peer's certificate (subjectAltName) against one pattern.
struct SanMatcher {
  enum class Type : uint8_t { kEmail, kDns, kUri, kIp };
  Type type = Type::kDns;
  // kDns: a whole name, which a certificate's "*.example.com" may stand for. Else empty.
  std::string exact_dns;
  std::function<bool(std::string_view)> matches;
};

// What became of asking.
struct PeerVerdict {
  enum class Fault : uint8_t { kNone, kChain, kName, kHash };
  Fault fault = Fault::kNone;
  int alert = 0;       // to be sent
  std::string reason;  // Envoy's words
};

// Owner: TlsConfig. Thread-safety: immutable once it is built.
class PeerVerifier {
 public:
  PeerVerifier();
  ~PeerVerifier();
  PeerVerifier(const PeerVerifier&) = delete;
  PeerVerifier& operator=(const PeerVerifier&) = delete;

  // PEM of one or more certificates, and lists of revocations among them.
  absl::Status TrustAuthorities(std::string_view pem);
  absl::Status AddRevocations(std::string_view pem);
  void RevokeLeafOnly() { leaf_crl_only_ = true; }
  void AllowExpired() { allow_expired_ = true; }
  void SetMaxDepth(uint32_t depth) { max_depth_ = static_cast<int>(depth); }
  void AddSan(SanMatcher matcher) { sans_.push_back(std::move(matcher)); }
  // Hex of SHA-256 of the certificate, with or without colons.
  absl::Status AddCertificateHash(std::string_view hex);
  // Base64 of SHA-256 of its public key (SubjectPublicKeyInfo).
  absl::Status AddKeyHash(std::string_view base64);

  bool trusts() const { return authorities_ > 0; }
  // A peer without a certificate cannot pass.
  bool demands() const { return !sans_.empty() || !hashes_.empty() || !key_hashes_.empty(); }
  // What anything is checked by.
  bool checks() const { return trusts() || demands(); }
  const x509_store_st* store() const { return store_; }

  // `side` is this one's.
  PeerVerdict Check(const ssl_st* ssl, TlsSide side) const;

 private:
  using Hash = std::array<uint8_t, 32>;
  bool NameFits(const x509_st* leaf) const;
  bool HashFits(const x509_st* leaf) const;

  x509_store_st* const store_;
  int authorities_ = 0;
  bool revokes_ = false;
  bool leaf_crl_only_ = false;
  bool allow_expired_ = false;
  int max_depth_ = -1;
  std::vector<SanMatcher> sans_;
  std::vector<Hash> hashes_, key_hashes_;
};

// Envoy's rule (RFC 6125 6.4.3): `pattern` may have one "*", as its whole first label.
bool DnsNameFits(std::string_view name, std::string_view pattern);

}  // namespace outrigger::proxy
