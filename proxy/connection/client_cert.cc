#include "proxy/connection/client_cert.h"

#include "scheduler/base/text.h"

namespace outrigger::proxy {
namespace {

std::string Escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

void ForwardClientCert(Headers& request, const HttpListenerOptions& options, const TlsPeer* tls,
                       std::string_view element) {
  using Mode = HttpListenerOptions::ForwardClientCert;
  const Mode mode = options.forward_client_cert;
  if (mode == Mode::kAlwaysForwardOnly) return;
  if (mode == Mode::kSanitize || !tls || !tls->presented) {
    request.Remove(HeaderName::kXForwardedClientCert);
    return;
  }
  if (mode == Mode::kForwardOnly) return;
  if (mode == Mode::kSanitizeSet || !request.Find(HeaderName::kXForwardedClientCert)) {
    return request.Set(HeaderName::kXForwardedClientCert, element);
  }
  std::string list;
  for (const Header& header : request) {
    if (header.id != HeaderName::kXForwardedClientCert || header.value.empty()) continue;
    scheduler::Append(list, header.value, ",");
  }
  scheduler::Append(list, element);
  request.Set(HeaderName::kXForwardedClientCert, list);
}

std::string ClientCertElement(const HttpListenerOptions::ClientCertDetails& details,
                              const TlsPeer& tls) {
  std::string text;
  const auto quoted = [&text](std::string_view key, std::string_view value) {
    scheduler::Append(text, text.empty() ? "" : ";", key, "=\"", value, "\"");
  };
  const auto add = [&](std::string_view key, std::string_view value) {
    // A name with the list's own marks in it would add elements of the client's making.
    if (value.find_first_of(",;\"\\") != value.npos) return quoted(key, Escaped(value));
    scheduler::Append(text, text.empty() ? "" : ";", key, "=", value);
  };
  for (const std::string& uri : tls.local.uri_sans) add("By", uri);
  add("Hash", tls.fingerprint_256);
  if (details.cert) quoted("Cert", tls.pem);
  if (details.chain) quoted("Chain", tls.chain_pem);
  if (details.subject) quoted("Subject", tls.peer.subject);
  if (details.uri) {
    for (const std::string& uri : tls.peer.uri_sans) add("URI", uri);
    if (tls.peer.uri_sans.empty()) add("URI", "");
  }
  if (details.dns) {
    for (const std::string& dns : tls.peer.dns_sans) add("DNS", dns);
  }
  return text;
}

}  // namespace outrigger::proxy
