#include "proxy/transport/tls/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"

namespace outrigger::proxy {
namespace {

struct NamesDeleter {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};

std::string TextOf(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string IpText(const std::string& bytes) {
  char text[INET6_ADDRSTRLEN];
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return inet_ntop(family, bytes.data(), text, sizeof(text)) ? text : "";
}

// A NUL inside is how a name was once made to look like another, and a line's end would go into a
// header.
bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) != 0x7f;
  });
}

std::string TakeText(BIO* bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  if (!BIO_mem_contents(bio, &bytes, &size)) return "";
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string NameText(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  // Without the rest of the flags, other scripts come as escapes: one form, and safe in a header.
  X509_NAME_print_ex(bio.get(), const_cast<X509_NAME*>(name), 0, XN_FLAG_RFC2253);
  return TakeText(bio.get());
}

std::string HexDigest(const X509* certificate, const EVP_MD* digest) {
  uint8_t bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!X509_digest(certificate, digest, bytes, &size)) return "";
  return absl::BytesToHexString({reinterpret_cast<const char*>(bytes), size});
}

std::string SerialOf(X509* certificate) {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get_serialNumber(certificate), nullptr));
  const bssl::UniquePtr<char> hex(number ? BN_bn2hex(number.get()) : nullptr);
  return hex ? hex.get() : "";
}

// What PEM has beside letters and digits, as Envoy encodes it for the header.
std::string EncodedPem(X509* certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  if (!PEM_write_bio_X509(bio.get(), certificate)) return "";
  return absl::StrReplaceAll(
      TakeText(bio.get()), {{"\n", "%0A"}, {" ", "%20"}, {"+", "%2B"}, {"/", "%2F"}, {"=", "%3D"}});
}

}  // namespace

std::vector<std::string> SansOf(const X509* certificate, int kind) {
  std::vector<std::string> found;
  const std::unique_ptr<GENERAL_NAMES, NamesDeleter> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (!names) return found;
  for (size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != kind) continue;
    std::string text;
    if (kind == GEN_EMAIL || kind == GEN_DNS || kind == GEN_URI) text = TextOf(name->d.ia5);
    if (kind == GEN_IPADD) text = IpText(TextOf(name->d.ip));
    if (!text.empty() && IsPrintable(text)) found.push_back(std::move(text));
  }
  return found;
}

CertificateFacts DescribeCertificate(const X509* certificate) {
  CertificateFacts facts;
  if (!certificate) return facts;
  facts.subject = NameText(X509_get_subject_name(certificate));
  facts.uri_sans = SansOf(certificate, GEN_URI);
  facts.dns_sans = SansOf(certificate, GEN_DNS);
  return facts;
}

TlsPeer DescribePeer(const SSL* ssl) {
  TlsPeer to;
  to.version = SSL_get_version(ssl);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl)) {
    to.cipher = SSL_CIPHER_get_name(cipher);
  }
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) to.server_name = name;
  to.local = DescribeCertificate(SSL_CTX_get0_certificate(SSL_get_SSL_CTX(ssl)));
  STACK_OF(X509)* chain = SSL_get_peer_full_cert_chain(ssl);
  if (!chain || sk_X509_num(chain) == 0) return to;
  X509* leaf = sk_X509_value(chain, 0);
  to.presented = true;
  to.peer = DescribeCertificate(leaf);
  to.issuer = NameText(X509_get_issuer_name(leaf));
  to.serial = SerialOf(leaf);
  to.fingerprint_1 = HexDigest(leaf, EVP_sha1());
  to.fingerprint_256 = HexDigest(leaf, EVP_sha256());
  to.pem = EncodedPem(leaf);
  for (size_t i = 0; i < sk_X509_num(chain); ++i) {
    to.chain_pem += i == 0 ? to.pem : EncodedPem(sk_X509_value(chain, i));
  }
  return to;
}

}  // namespace outrigger::proxy
