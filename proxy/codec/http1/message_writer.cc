#include "proxy/codec/http1/message_writer.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

namespace outrigger::proxy::http1 {
namespace {

struct Phrase {
  int status;
  std::string_view text;
};

// Sorted by status.
constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Payload Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {510, "Not Extended"},
    {511, "Network Authentication Required"},
};

bool Written(const Header& header) {
  if (header.name.empty() || header.name.front() == ':') return false;
  switch (header.id) {
    case HeaderName::kContentLength:  // framing: the caller's `extra` says it
    case HeaderName::kConnection:
    case HeaderName::kKeepAlive:
    case HeaderName::kProxyConnection:
    case HeaderName::kTransferEncoding:
    case HeaderName::kUpgrade:
      return false;
    default:
      return header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
  }
}

// Sizes and writes in two passes over the same calls, so that the block fits.
struct Sizer {
  size_t size = 0;
  void Put(std::string_view text) { size += text.size(); }
};
struct Writer {
  char* at;
  void Put(std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
};

template <typename Sink>
void PutFields(Sink& sink, const Headers& headers, HeaderName but = HeaderName::kMethod) {
  for (const Header& header : headers) {
    if (!Written(header) || header.id == but) continue;
    sink.Put(header.name);
    sink.Put(": ");
    sink.Put(header.value);
    sink.Put("\r\n");
  }
}

template <typename Fill>
Slice Build(const Fill& fill) {
  Sizer sizer;
  fill(sizer);
  Block* block = Block::New(sizer.size);
  Writer writer{block->data()};
  fill(writer);
  Slice slice(block, block->data(), sizer.size);
  block->Unref();
  return slice;
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  const Phrase* found =
      std::lower_bound(std::begin(kPhrases), std::end(kPhrases), status,
                       [](const Phrase& phrase, int wanted) { return phrase.status < wanted; });
  return found != std::end(kPhrases) && found->status == status ? found->text : "Unknown";
}

Slice WriteResponseHead(int version, int status, const Headers& headers, std::string_view extra) {
  const char code[4] = {static_cast<char>('0' + status / 100 % 10),
                        static_cast<char>('0' + status / 10 % 10),
                        static_cast<char>('0' + status % 10), ' '};
  return Build([&](auto& sink) {
    sink.Put(version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ");
    sink.Put({code, 4});
    sink.Put(ReasonPhrase(status));
    sink.Put("\r\n");
    PutFields(sink, headers);
    sink.Put(extra);
    sink.Put("\r\n");
  });
}

Slice WriteRequestHead(const Headers& headers, std::string_view extra) {
  return Build([&](auto& sink) {
    sink.Put(headers.Get(HeaderName::kMethod));
    sink.Put(" ");
    sink.Put(headers.Get(HeaderName::kPath));
    sink.Put(" HTTP/1.1\r\nhost: ");
    sink.Put(headers.Get(HeaderName::kAuthority));
    sink.Put("\r\n");
    PutFields(sink, headers, HeaderName::kHost);
    sink.Put(extra);
    sink.Put("\r\n");
  });
}

Slice WriteTrailers(const Headers& trailers) {
  return Build([&](auto& sink) {
    sink.Put("0\r\n");
    PutFields(sink, trailers);
    sink.Put("\r\n");
  });
}

Slice WriteErrorResponse(int status) {
  const std::string_view body = ReasonPhrase(status);
  Arena arena;
  Headers headers(arena);
  headers.AddStatic(HeaderName::kContentType, "text/plain");
  const std::string extra =
      "content-length: " + std::to_string(body.size()) + "\r\nconnection: close\r\n";
  const Slice head = WriteResponseHead(11, status, headers, extra);
  return Build([&](auto& sink) {
    sink.Put(head.view());
    sink.Put(body);
  });
}

}  // namespace outrigger::proxy::http1
