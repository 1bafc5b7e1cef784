#include "proxy/codec/http1/message_writer.h"

#include <cstring>
#include <string>

namespace outrigger::proxy::http1 {
namespace {

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
void PutFields(Sink& sink, const Headers& headers) {
  for (const Header& header : headers) {
    if (!Written(header)) continue;
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
  switch (status) {
    case 100: return "Continue";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Entity";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 510: return "Not Extended";
    case 511: return "Network Authentication Required";
    default: return "Unknown";
  }
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
