// tls_test.h: certificates for tests, made in memory, and two ends of TLS on one socket pair.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "proxy/transport/tls/tls_transport.h"

namespace outrigger::proxy {

constexpr int kDay = 24 * 3600;

// A certificate with its key; signs others.
struct Identity {
  struct Wish {
    std::string name = "test";
    std::string sans = {};  // "DNS:localhost,URI:spiffe://a"
    bool authority = false;
    int from = -kDay, to = 30 * kDay;  // seconds from now
  };
  // Null `issuer`: signs itself.
  static Identity Make(const Wish& wish, const Identity* issuer = nullptr) {
    Identity to;
    const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    EXPECT_TRUE(EC_KEY_generate_key(ec.get()));
    to.pkey.reset(EVP_PKEY_new());
    EVP_PKEY_set1_EC_KEY(to.pkey.get(), ec.get());
    to.x509.reset(X509_new());
    X509* x509 = to.x509.get();
    X509_set_version(x509, 2);
    static long serial = 100;  // NOLINT: the library's type
    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), wish.from);
    X509_gmtime_adj(X509_getm_notAfter(x509), wish.to);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const uint8_t*>(wish.name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(issuer ? issuer->x509.get() : x509));
    X509_set_pubkey(x509, to.pkey.get());
    if (wish.authority) to.AddExtension(NID_basic_constraints, "critical,CA:TRUE");
    if (!wish.sans.empty()) to.AddExtension(NID_subject_alt_name, wish.sans);
    EXPECT_GT(X509_sign(x509, (issuer ? *issuer : to).pkey.get(), EVP_sha256()), 0);
    return to;
  }
  std::string certificate() const {
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), x509.get());
    return Text(bio.get());
  }
  std::string key() const {
    const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), pkey.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return Text(bio.get());
  }
  static std::string Text(BIO* bio) {
    const uint8_t* bytes = nullptr;
    size_t size = 0;
    BIO_mem_contents(bio, &bytes, &size);
    return {reinterpret_cast<const char*>(bytes), size};
  }
  void AddExtension(int nid, const std::string& value) {
    X509V3_CTX state;
    X509V3_set_ctx(&state, x509.get(), x509.get(), nullptr, nullptr, 0);
    const bssl::UniquePtr<X509_EXTENSION> extension(
        X509V3_EXT_nconf_nid(nullptr, &state, nid, const_cast<char*>(value.c_str())));
    ASSERT_TRUE(extension);
    X509_add_ext(x509.get(), extension.get(), -1);
  }

  bssl::UniquePtr<EVP_PKEY> pkey;
  bssl::UniquePtr<X509> x509;
};

// A server with `identity`, or a client.
inline std::shared_ptr<TlsConfig> MakeConfig(TlsSide side, const Identity* identity = nullptr,
                                             const TlsStats& stats = {}) {
  auto config = std::make_shared<TlsConfig>(side, stats);
  if (identity) {
    EXPECT_TRUE(config->SetCertificate(identity->certificate()).ok());
    EXPECT_TRUE(config->SetPrivateKey(identity->key()).ok());
  }
  return config;
}

// Both ends of a connection.
struct TlsPair {
  TlsPair(std::shared_ptr<const TlsConfig> server_config,
          std::shared_ptr<const TlsConfig> client_config) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    server_fd = Fd(fds[0]);
    client_fd = Fd(fds[1]);
    server = std::make_unique<TlsTransport>(std::move(server_config), fds[0]);
    client = std::make_unique<TlsTransport>(std::move(client_config), fds[1]);
  }
  // True: both are done.
  bool Shake() {
    using Step = TlsTransport::Step;
    for (int i = 0; i < 10; ++i) {
      if (client_step != Step::kDone && client_step != Step::kFailed) {
        client_step = client->Handshake();
      }
      if (server_step != Step::kDone && server_step != Step::kFailed) {
        server_step = server->Handshake();
      }
    }
    return client_step == Step::kDone && server_step == Step::kDone;
  }

  Fd server_fd, client_fd;
  std::unique_ptr<TlsTransport> server, client;
  TlsTransport::Step server_step = TlsTransport::Step::kRead;
  TlsTransport::Step client_step = TlsTransport::Step::kRead;
};

}  // namespace outrigger::proxy
