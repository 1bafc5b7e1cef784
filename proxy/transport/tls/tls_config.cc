#include "proxy/transport/tls/tls_config.h"

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "proxy/transport/tls/tls_transport.h"
#include "scheduler/base/check.h"
#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

using scheduler::Concat;

constexpr char kCiphers[] =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr char kCurves[] = "X25519:P-256";
constexpr unsigned kLeastRsaBits = 2048;
constexpr size_t kLongestAlpn = 255;  // RFC 7301 3.1: one byte of length

absl::Status Bad(std::string_view what) {
  return absl::InvalidArgumentError(scheduler::ToAbsl(what));
}

// What the library says of the last failure; its queue is empty afterwards.
std::string TakeReason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? reason : "unknown error";
}

bssl::UniquePtr<BIO> Memory(std::string_view bytes) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string Joined(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) scheduler::Append(list, list.empty() ? "" : ":", name);
  return list;
}

// A prompt on the terminal is what the library would do otherwise.
int NoPassword(char*, int, int, void*) { return 0; }

absl::Status CheckKeyKind(X509* leaf) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf));
  if (!key) return Bad("has no usable public key");
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_RSA:
      if (RSA_bits(EVP_PKEY_get0_RSA(key.get())) >= kLeastRsaBits) return absl::OkStatus();
      return Bad("only RSA certificates with 2048-bit or larger keys are supported");
    case EVP_PKEY_EC:
      switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key.get())))) {
        case NID_X9_62_prime256v1:
        case NID_secp384r1:
        case NID_secp521r1:
          return absl::OkStatus();
        default:
          return Bad("only P-256, P-384 or P-521 ECDSA certificates are supported");
      }
    default:
      return Bad("only RSA and ECDSA certificates are supported");
  }
}

int ChooseAlpn(SSL*, const uint8_t** out, uint8_t* size, const uint8_t* offered,
               unsigned offered_size, void* config) {
  const std::string& ours = static_cast<const TlsConfig*>(config)->alpn();
  const auto* list = reinterpret_cast<const uint8_t*>(ours.data());
  // Without a protocol in common the connection goes on without one, as Envoy has it.
  return SSL_select_next_proto(const_cast<uint8_t**>(out), size, list,
                               static_cast<unsigned>(ours.size()), offered,
                               offered_size) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

ssl_verify_result_t Verify(SSL* ssl, uint8_t* alert) {
  const auto* config = static_cast<const TlsConfig*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  PeerVerdict verdict = config->verifier().Check(ssl, config->side());
  if (verdict.fault == PeerVerdict::Fault::kNone) return ssl_verify_ok;
  *alert = static_cast<uint8_t>(verdict.alert);
  *static_cast<PeerVerdict*>(SSL_get_app_data(ssl)) = std::move(verdict);
  return ssl_verify_invalid;
}

}  // namespace

TlsConfig::TlsConfig(TlsSide side, const TlsStats& stats)
    : side_(side), stats_(stats), handle_(SSL_CTX_new(TLS_method())), bio_(MakeTlsBio()) {
  OUTRIGGER_CHECK(handle_);
  SSL_CTX_set_app_data(handle_, this);
  SSL_CTX_set_mode(handle_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets alone resume: nothing is kept here for a client that may never return.
  SSL_CTX_set_session_cache_mode(handle_, SSL_SESS_CACHE_OFF);
  OUTRIGGER_CHECK(
      SetVersions(TlsVersion::k1_2, side == TlsSide::kServer ? TlsVersion::k1_3 : TlsVersion::k1_2)
          .ok());
  OUTRIGGER_CHECK(SSL_CTX_set_strict_cipher_list(handle_, kCiphers));
  OUTRIGGER_CHECK(SSL_CTX_set1_curves_list(handle_, kCurves));
  if (side == TlsSide::kServer) SSL_CTX_set_options(handle_, SSL_OP_CIPHER_SERVER_PREFERENCE);
}

TlsConfig::~TlsConfig() {
  SSL_CTX_free(handle_);
  BIO_meth_free(bio_);
}

absl::Status TlsConfig::SetVersions(TlsVersion least, TlsVersion most) {
  if (least > most) return Bad("the minimum version is above the maximum");
  if (SSL_CTX_set_min_proto_version(handle_, static_cast<uint16_t>(least)) &&
      SSL_CTX_set_max_proto_version(handle_, static_cast<uint16_t>(most))) {
    return absl::OkStatus();
  }
  return Bad(TakeReason());
}

absl::Status TlsConfig::SetCipherSuites(const std::vector<std::string>& names) {
  if (SSL_CTX_set_strict_cipher_list(handle_, Joined(names).c_str())) return absl::OkStatus();
  ERR_clear_error();
  std::vector<std::string> refused;
  for (const std::string& name : names) {
    if (!SSL_CTX_set_strict_cipher_list(handle_, name.c_str())) refused.push_back(name);
  }
  ERR_clear_error();
  return Bad(Concat("failed to initialize cipher suites; refused: ", Joined(refused)));
}

absl::Status TlsConfig::SetCurves(const std::vector<std::string>& names) {
  if (SSL_CTX_set1_curves_list(handle_, Joined(names).c_str())) return absl::OkStatus();
  ERR_clear_error();
  return Bad(Concat("failed to initialize ECDH curves ", Joined(names)));
}

absl::Status TlsConfig::SetAlpn(const std::vector<std::string>& protocols) {
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > kLongestAlpn) {
      return Bad(Concat("'", protocol, "' must have 1 to 255 bytes"));
    }
    alpn_.push_back(static_cast<char>(protocol.size()));
    alpn_ += protocol;
  }
  return absl::OkStatus();
}

absl::Status TlsConfig::SetCertificate(std::string_view chain) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio = Memory(chain);
  const bssl::UniquePtr<X509> leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassword, nullptr));
  if (!leaf || !SSL_CTX_use_certificate(handle_, leaf.get())) {
    return Bad(Concat("failed to load certificate chain: ", TakeReason()));
  }
  while (true) {
    bssl::UniquePtr<X509> next(PEM_read_bio_X509(bio.get(), nullptr, NoPassword, nullptr));
    if (!next) break;
    if (!SSL_CTX_add1_chain_cert(handle_, next.get())) {
      return Bad(Concat("failed to load certificate chain: ", TakeReason()));
    }
  }
  const uint32_t end = ERR_peek_last_error();
  if (ERR_GET_LIB(end) != ERR_LIB_PEM || ERR_GET_REASON(end) != PEM_R_NO_START_LINE) {
    return Bad(Concat("failed to load certificate chain: ", TakeReason()));
  }
  ERR_clear_error();
  leaf_ = SSL_CTX_get0_certificate(handle_);
  if (X509_cmp_current_time(X509_get0_notAfter(leaf_)) < 0) return Bad("certificate has expired");
  return CheckKeyKind(leaf_);
}

absl::Status TlsConfig::SetPrivateKey(std::string_view key) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio = Memory(key);
  const bssl::UniquePtr<EVP_PKEY> parsed(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (!parsed) return Bad(Concat("failed to load private key: ", TakeReason()));
  // Compares the two.
  if (!SSL_CTX_use_PrivateKey(handle_, parsed.get())) {
    return Bad(Concat("private key does not match the certificate: ", TakeReason()));
  }
  return absl::OkStatus();
}

void TlsConfig::Finish() {
  int mode = SSL_VERIFY_NONE;
  if (verifier_.checks() || required_) mode = SSL_VERIFY_PEER;
  if (side_ == TlsSide::kServer && (required_ || verifier_.demands())) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_CTX_set_custom_verify(handle_, mode, Verify);
  if (side_ == TlsSide::kClient) {
    if (!alpn_.empty()) {
      SSL_CTX_set_alpn_protos(handle_, reinterpret_cast<const uint8_t*>(alpn_.data()),
                              static_cast<unsigned>(alpn_.size()));
    }
    return;
  }
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(handle_, ChooseAlpn, this);
  // Tickets are of this configuration alone: its keys are not shared.
  static constexpr uint8_t kSessions[] = "outrigger";
  SSL_CTX_set_session_id_context(handle_, kSessions, sizeof(kSessions) - 1);
  STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
  STACK_OF(X509_OBJECT)* objects =
      X509_STORE_get0_objects(const_cast<X509_STORE*>(verifier_.store()));
  for (size_t i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (!authority) continue;
    X509_NAME* name = X509_NAME_dup(X509_get_subject_name(authority));
    if (name && !sk_X509_NAME_push(names, name)) X509_NAME_free(name);
  }
  SSL_CTX_set_client_CA_list(handle_, names);
}

}  // namespace outrigger::proxy
