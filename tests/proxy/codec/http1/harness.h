// harness.h: drives an HTTP/1 codec of either side without a socket: bytes in at any split, streams
// kept, bytes out as one string.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http1/client_codec.h"
#include "proxy/codec/http1/server_codec.h"

namespace outrigger::proxy::http1 {

inline std::string Text(const SliceQueue& queue) {
  std::string text;
  for (const Slice& slice : queue) text += slice.view();
  return text;
}

inline std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

struct Harness : ServerEvents {
  explicit Harness(RequestRules with_rules = {}) : rules(with_rules), codec(*this, rules) {}
  ~Harness() {
    for (Stream* stream : streams) stream->Release();
  }

  void OnRequest(Stream& stream) override {
    streams.push_back(&stream);
    if (on_request) on_request(stream);
  }
  void OnWritable() override { ++writable; }

  // In pieces of `size` bytes, as a socket might give them. False as soon as the codec says so.
  bool Feed(std::string_view bytes, size_t size = std::string_view::npos) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, size);
      bytes.remove_prefix(piece.size());
      if (!codec.Feed(Slice::Copy(piece))) return false;
    }
    return true;
  }
  std::string Output() {
    SliceQueue out;
    codec.Produce(out, 1 << 20);
    return Text(out);
  }
  Stream& last() { return *streams.back(); }
  void Release() {
    for (Stream* stream : std::exchange(streams, {})) stream->Release();
  }

  RequestRules rules;
  std::vector<Stream*> streams;
  std::function<void(Stream&)> on_request;
  int writable = 0;
  Http1ServerCodec codec;
};

inline void SendBody(Stream& stream, std::string_view body, bool end) {
  SliceQueue data;
  data.Push(Slice::Copy(body));
  stream.SendData(data, end);
}

struct ClientHarness : ClientEvents {
  using Fields = std::vector<std::pair<std::string, std::string>>;

  explicit ClientHarness(ResponseRules with_rules = {}) : rules(with_rules), codec(*this, rules) {}
  ~ClientHarness() {
    for (Stream* stream : streams) stream->Release();
  }

  void OnWritable() override { ++writable; }
  void OnCapacity() override {
    ++capacity_told;
    if (on_capacity) on_capacity();
  }

  // Opens a stream and sends the head of a request.
  Stream& Send(std::string_view method, bool end = true, const Fields& extra = {}) {
    Stream& stream = codec.OpenStream();
    streams.push_back(&stream);
    Headers head(stream.arena);
    head.Add(HeaderName::kMethod, method);
    head.Add(HeaderName::kScheme, "http");
    head.Add(HeaderName::kAuthority, "a");
    head.Add(HeaderName::kPath, "/");
    for (const auto& [name, value] : extra) head.Set(name, value);
    stream.SendHeaders(head, end);
    return stream;
  }
  // The same, on the wire.
  Stream& Ask(std::string_view method = "GET") {
    Stream& stream = Send(method);
    Output();
    return stream;
  }
  void Feed(std::string_view bytes, size_t size = std::string_view::npos) {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, size);
      bytes.remove_prefix(piece.size());
      codec.Feed(Slice::Copy(piece));
    }
  }
  std::string Output() {
    SliceQueue out;
    codec.Produce(out, 1 << 20);
    return Text(out);
  }

  const ResponseRules rules;
  std::vector<Stream*> streams;
  std::function<void()> on_capacity;
  int writable = 0;
  int capacity_told = 0;
  Http1ClientCodec codec;
};

inline void Respond(Stream& stream, std::string_view status, std::string_view body,
                    std::vector<std::pair<std::string, std::string>> extra = {}) {
  Headers headers(stream.arena);
  headers.Add(HeaderName::kStatus, status);
  for (const auto& [name, value] : extra) headers.Add(name, value);
  stream.SendHeaders(headers, body.empty());
  if (body.empty()) return;
  SliceQueue data;
  data.Push(Slice::Copy(body));
  stream.SendData(data, true);
}

}  // namespace outrigger::proxy::http1
