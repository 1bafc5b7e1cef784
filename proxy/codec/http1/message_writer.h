// message_writer.h: the head of an HTTP/1 response as bytes in one block: status line with its
// reason phrase, lower-case fields, framing, `connection: close`. Queues and sends nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/codec/buffer/slice.h"
#include "proxy/codec/http/headers.h"

namespace outrigger::proxy::http1 {

// RFC 9110 15, as Envoy writes it; "Unknown" for a code without a phrase.
std::string_view ReasonPhrase(int status);

// `headers` without pseudo, hop-by-hop and framing fields, and without any whose value holds CR, LF
// or NUL (RFC 9110 5.5: it would end the field early). `extra` is whole lines, each with its CRLF.
Slice WriteResponseHead(int version, int status, const Headers& headers, std::string_view extra);
Slice WriteTrailers(const Headers& trailers);

// A whole response of our own, as Envoy words it: the reason phrase as text, then the end.
Slice WriteErrorResponse(int status);

}  // namespace outrigger::proxy::http1
