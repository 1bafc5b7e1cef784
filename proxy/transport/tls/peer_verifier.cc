#include "proxy/transport/tls/peer_verifier.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "proxy/transport/tls/certificate_facts.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

using scheduler::EqualsIgnoreCase;

struct InfosDeleter {
  void operator()(STACK_OF(X509_INFO) * infos) const {
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
  }
};
using Infos = std::unique_ptr<STACK_OF(X509_INFO), InfosDeleter>;

absl::StatusOr<Infos> ReadPem(std::string_view pem) {
  ERR_clear_error();
  bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Infos infos(PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  if (infos) return infos;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return absl::InvalidArgumentError(
      scheduler::Concat("not valid PEM (", reason ? reason : "unknown", ")"));
}

// Envoy passes a certificate that is out of its time, and only that.
int IgnoreDates(int ok, X509_STORE_CTX* store) {
  const int error = X509_STORE_CTX_get_error(store);
  return ok || error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

PeerVerdict Refuse(PeerVerdict::Fault fault, int alert, std::string_view why) {
  return {fault, alert, scheduler::Concat("verify cert failed: ", why)};
}

int KindOf(SanMatcher::Type type) {
  switch (type) {
    case SanMatcher::Type::kEmail:
      return GEN_EMAIL;
    case SanMatcher::Type::kDns:
      return GEN_DNS;
    case SanMatcher::Type::kUri:
      return GEN_URI;
    case SanMatcher::Type::kIp:
      return GEN_IPADD;
  }
  return -1;
}

std::string AllSans(const X509* leaf) {
  std::string list;
  for (const int kind : {GEN_DNS, GEN_URI, GEN_EMAIL, GEN_IPADD}) {
    for (const std::string& name : SansOf(leaf, kind)) {
      scheduler::Append(list, list.empty() ? "" : ", ", name);
    }
  }
  return list;
}

}  // namespace

PeerVerifier::PeerVerifier() : store_(X509_STORE_new()) {}
PeerVerifier::~PeerVerifier() { X509_STORE_free(store_); }

absl::Status PeerVerifier::TrustAuthorities(std::string_view pem) {
  absl::StatusOr<Infos> infos = ReadPem(pem);
  if (!infos.ok()) return infos.status();
  for (size_t i = 0; i < sk_X509_INFO_num(infos->get()); ++i) {
    const X509_INFO* info = sk_X509_INFO_value(infos->get(), i);
    if (info->x509 && X509_STORE_add_cert(store_, info->x509)) ++authorities_;
    if (info->crl && X509_STORE_add_crl(store_, info->crl)) revokes_ = true;
  }
  ERR_clear_error();  // the same one twice
  return authorities_ > 0 ? absl::OkStatus() : absl::InvalidArgumentError("has no certificate");
}

absl::Status PeerVerifier::AddRevocations(std::string_view pem) {
  absl::StatusOr<Infos> infos = ReadPem(pem);
  if (!infos.ok()) return infos.status();
  bool found = false;
  for (size_t i = 0; i < sk_X509_INFO_num(infos->get()); ++i) {
    const X509_INFO* info = sk_X509_INFO_value(infos->get(), i);
    if (info->crl && X509_STORE_add_crl(store_, info->crl)) found = true;
  }
  ERR_clear_error();
  revokes_ = revokes_ || found;
  return found ? absl::OkStatus() : absl::InvalidArgumentError("has no CRL");
}

absl::Status PeerVerifier::AddCertificateHash(std::string_view hex) {
  std::string digits(hex);
  std::erase(digits, ':');
  const bool is_hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (!is_hex || digits.size() != 2 * SHA256_DIGEST_LENGTH) {
    return absl::InvalidArgumentError(scheduler::Concat("invalid hex-encoded SHA-256 ", hex));
  }
  const std::string bytes = absl::HexStringToBytes(digits);
  std::memcpy(hashes_.emplace_back().data(), bytes.data(), SHA256_DIGEST_LENGTH);
  return absl::OkStatus();
}

absl::Status PeerVerifier::AddKeyHash(std::string_view base64) {
  std::string bytes;
  if (!absl::Base64Unescape(scheduler::ToAbsl(base64), &bytes) ||
      bytes.size() != SHA256_DIGEST_LENGTH) {
    return absl::InvalidArgumentError(scheduler::Concat("invalid base64-encoded SHA-256 ", base64));
  }
  std::memcpy(key_hashes_.emplace_back().data(), bytes.data(), SHA256_DIGEST_LENGTH);
  return absl::OkStatus();
}

PeerVerdict PeerVerifier::Check(const SSL* ssl, TlsSide side) const {
  using Fault = PeerVerdict::Fault;
  STACK_OF(X509)* chain = SSL_get_peer_full_cert_chain(ssl);
  if (!chain || sk_X509_num(chain) == 0) return {};  // whether one is needed is the mode's to say
  X509* leaf = sk_X509_value(chain, 0);
  if (trusts()) {
    bssl::UniquePtr<X509_STORE_CTX> state(X509_STORE_CTX_new());
    if (!X509_STORE_CTX_init(state.get(), store_, leaf, chain) ||
        !X509_STORE_CTX_set_default(state.get(),
                                    side == TlsSide::kServer ? "ssl_client" : "ssl_server")) {
      return Refuse(Fault::kChain, SSL_AD_INTERNAL_ERROR, "X509_verify_cert: no memory");
    }
    // An intermediate that is trusted ends the chain as a root does.
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    if (revokes_) flags |= X509_V_FLAG_CRL_CHECK | (leaf_crl_only_ ? 0 : X509_V_FLAG_CRL_CHECK_ALL);
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(state.get()), flags);
    if (max_depth_ >= 0) X509_STORE_CTX_set_depth(state.get(), max_depth_);
    if (allow_expired_) X509_STORE_CTX_set_verify_cb(state.get(), IgnoreDates);
    if (X509_verify_cert(state.get()) != 1) {
      const int error = X509_STORE_CTX_get_error(state.get());
      return Refuse(Fault::kChain, SSL_alert_from_verify_result(error),
                    scheduler::Concat("X509_verify_cert: certificate verification error at depth ",
                                      X509_STORE_CTX_get_error_depth(state.get()), ": ",
                                      X509_verify_cert_error_string(error)));
    }
  }
  if (!sans_.empty() && !NameFits(leaf)) {
    return Refuse(Fault::kName, SSL_AD_CERTIFICATE_UNKNOWN,
                  scheduler::Concat("SAN matcher, certificate SANs are [", AllSans(leaf), "]"));
  }
  if ((!hashes_.empty() || !key_hashes_.empty()) && !HashFits(leaf)) {
    return Refuse(Fault::kHash, SSL_AD_CERTIFICATE_UNKNOWN, "cert hash and spki");
  }
  return {};
}

bool PeerVerifier::NameFits(const X509* leaf) const {
  for (const SanMatcher& matcher : sans_) {
    for (const std::string& name : SansOf(leaf, KindOf(matcher.type))) {
      if (matcher.exact_dns.empty() ? matcher.matches(name)
                                    : DnsNameFits(matcher.exact_dns, name)) {
        return true;
      }
    }
  }
  return false;
}

bool PeerVerifier::HashFits(const X509* leaf) const {
  Hash hash;
  unsigned size = 0;
  const auto is_hash = [&hash](const Hash& other) { return hash == other; };
  if (X509_digest(leaf, EVP_sha256(), hash.data(), &size) &&
      std::any_of(hashes_.begin(), hashes_.end(), is_hash)) {
    return true;
  }
  uint8_t* key = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &key);
  if (length <= 0) return false;
  SHA256(key, static_cast<size_t>(length), hash.data());
  OPENSSL_free(key);
  return std::any_of(key_hashes_.begin(), key_hashes_.end(), is_hash);
}

bool DnsNameFits(std::string_view name, std::string_view pattern) {
  if (EqualsIgnoreCase(name, pattern)) return true;
  if (!pattern.starts_with("*.")) return false;
  const size_t dot = name.find('.');
  return dot != 0 && dot != name.npos && EqualsIgnoreCase(name.substr(dot), pattern.substr(1));
}

}  // namespace outrigger::proxy
