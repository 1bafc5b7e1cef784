// message_writer.h: the head of an HTTP/1 message as bytes in one block: request line, or status
// line with its reason phrase; lower-case fields, framing, `connection: close`. Queues and sends
// nothing.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "proxy/codec/buffer/slice.h"
#include "proxy/codec/http/headers.h"

namespace outrigger::proxy::http1 {

// A few header lines of the codec's own, at most 96 bytes.
struct HeadLines {
  char text[96];
  size_t size = 0;
  void Add(std::string_view part) {
    std::memcpy(text + size, part.data(), part.size());
    size += part.size();
  }
  std::string_view view() const { return {text, size}; }
};

// RFC 9110 15, as Envoy writes it; "Unknown" for a code without a phrase.
std::string_view ReasonPhrase(int status);

// `headers` without pseudo, hop-by-hop and framing fields, and without any whose value holds CR, LF
// or NUL (RFC 9110 5.5: it would end the field early). `extra` is whole lines, each with its CRLF.
Slice WriteResponseHead(int version, int status, const Headers& headers, std::string_view extra);
// The same of a request. `headers` begin with its pseudo fields; :method and :path stand in the
// request line and :authority in `host`, whatever else says `host`. Nothing in them is checked.
Slice WriteRequestHead(const Headers& headers, std::string_view extra);
Slice WriteTrailers(const Headers& trailers);

// A whole response of our own, as Envoy words it: the reason phrase as text, then the end.
Slice WriteErrorResponse(int status);

}  // namespace outrigger::proxy::http1
