// tls_config.h: what all connections of one listener, or to one cluster, share of TLS: versions,
// ciphers, this side's certificate, whom it believes. Built once on the control side, part of the
// snapshot, used by all workers. Does not see a connection: that is tls_transport.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "proxy/stats/scopes.h"
#include "proxy/transport/tls/peer_verifier.h"

struct bio_method_st;
struct ssl_ctx_st;
struct x509_st;

namespace outrigger::proxy {

enum class TlsVersion : uint16_t { k1_0 = 0x0301, k1_1 = 0x0302, k1_2 = 0x0303, k1_3 = 0x0304 };

// Owner: the snapshot and each connection. Thread-safety: immutable, once it is shared.
class TlsConfig {
 public:
  // Versions, ciphers and curves are Envoy's defaults for that side.
  TlsConfig(TlsSide side, const TlsStats& stats);
  ~TlsConfig();
  TlsConfig(const TlsConfig&) = delete;
  TlsConfig& operator=(const TlsConfig&) = delete;

  // --- Building it: errors say what is wrong with the value, not where it stood.
  absl::Status SetVersions(TlsVersion least, TlsVersion most);
  // OpenSSL's names; "[A|B]" is a group of equals.
  absl::Status SetCipherSuites(const std::vector<std::string>& names);
  absl::Status SetCurves(const std::vector<std::string>& names);
  // Best first.
  absl::Status SetAlpn(const std::vector<std::string>& protocols);
  // PEM; the leaf first, then what leads to an authority. It must be in its time.
  absl::Status SetCertificate(std::string_view chain);
  // PEM, after its certificate.
  absl::Status SetPrivateKey(std::string_view key);
  bool has_certificate() const { return leaf_ != nullptr; }
  // To be filled before Finish().
  PeerVerifier& verifier() { return verifier_; }
  // kServer: ask for a certificate, and let nobody in without.
  void RequireCertificate() { required_ = true; }
  // kClient: the name that is asked for.
  void SetServerName(std::string_view name) { server_name_ = name; }
  void Finish();

  // --- In use.
  TlsSide side() const { return side_; }
  ssl_ctx_st* handle() const { return handle_; }  // counts its connections under a lock of its own
  const bio_method_st* bio() const { return bio_; }
  const std::string& server_name() const { return server_name_; }
  const TlsStats& stats() const { return stats_; }
  const PeerVerifier& verifier() const { return verifier_; }
  // Wire form (RFC 7301 3.1).
  const std::string& alpn() const { return alpn_; }

 private:
  const TlsSide side_;
  const TlsStats stats_;
  ssl_ctx_st* const handle_;
  bio_method_st* const bio_;
  x509_st* leaf_ = nullptr;  // handle_'s
  PeerVerifier verifier_;
  bool required_ = false;
  std::string server_name_;
  std::string alpn_;
};

}  // namespace outrigger::proxy
