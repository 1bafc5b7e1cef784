// client_cert.h: x-forwarded-client-cert: what the next hop is told of the client's certificate
// (forward_client_cert_details). Without one, whatever a client wrote there itself is taken out.
#pragma once

#include <string>
#include <string_view>

#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/listener.h"
#include "proxy/transport/tls/tls_peer.h"

namespace outrigger::proxy {

// In place. `tls`: of the downstream connection; null: plain TCP. `element`: what
// ClientCertElement() said of the two, for it is the same for all requests of a connection.
void ForwardClientCert(Headers& request, const HttpListenerOptions& options, const TlsPeer* tls,
                       std::string_view element);

// The element for this hop: "By=...;Hash=...;URI=...".
std::string ClientCertElement(const HttpListenerOptions::ClientCertDetails& details,
                              const TlsPeer& tls);

}  // namespace outrigger::proxy
