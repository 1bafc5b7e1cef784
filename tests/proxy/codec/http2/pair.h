// pair.h: a ServerSession and a ClientSession back to back in memory, and either of them against
// raw bytes. Streams are released when the pair goes, unless a test did.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http2/session.h"
#include "tests/proxy/codec/http2/frames.h"

namespace outrigger::proxy::http2 {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

inline std::string Text(const SliceQueue& queue) {
  std::string text;
  for (const Slice& slice : queue) text += slice.view();
  return text;
}

inline void Fill(Headers& headers, const Fields& fields) {
  for (const auto& [name, value] : fields) headers.Add(name, value);
}

inline std::string Produced(Codec& codec, size_t limit = 1 << 20) {
  SliceQueue out;
  codec.Produce(out, limit);
  return Text(out);
}

inline void Send(Stream& stream, const Fields& fields, bool end) {
  Headers headers(stream.arena);
  Fill(headers, fields);
  stream.SendHeaders(headers, end);
}

inline void SendBody(Stream& stream, std::string_view body, bool end) {
  SliceQueue data;
  data.Push(Slice::Copy(body));
  stream.SendData(data, end);
}

inline void SendTrailers(Stream& stream, const Fields& fields) {
  Headers trailers(stream.arena);
  Fill(trailers, fields);
  stream.SendTrailers(trailers);
}

// Takes all that lies there, as a handler would.
inline std::string Take(Stream& stream) {
  std::string text = Text(stream.body);
  stream.body.Clear();
  stream.Consume(text.size());
  return text;
}

// Stats of its own for each end.
struct Meter {
  StatRegistry registry;
  SessionStats stats{registry.NewSlab(), Http2Stats::MakeDownstream(registry)};
  uint64_t Get(Counter Http2Stats::*counter) const { return registry.Sum(stats.handles.*counter); }
  int64_t Get(Gauge Http2Stats::*gauge) const { return registry.Sum(stats.handles.*gauge).value; }
};

struct ServerEnd : ServerEvents {
  explicit ServerEnd(Http2Options options = {}, HeaderLimits limits = {})
      : session(*this, options, limits, meter.stats) {}
  ~ServerEnd() { Release(); }
  void OnRequest(Stream& stream) override {
    streams.push_back(&stream);
    if (on_request) on_request(stream);
  }
  void OnWritable() override { ++writable; }
  void OnStall(bool head) override { ++(head ? stalled_heads : stalled_answers); }
  void Release() {
    for (Stream* stream : std::exchange(streams, {})) stream->Release();
  }
  bool Feed(std::string_view bytes) { return session.Feed(Slice::Copy(bytes)); }
  // What it says to `bytes`, as frames.
  std::vector<ParsedFrame> Ask(std::string_view bytes) {
    fed = Feed(bytes);
    return ParseFrames(Produced(session));
  }

  Meter meter;
  ServerSession session;
  std::vector<Stream*> streams;  // each holds a reference
  std::function<void(Stream&)> on_request;
  int writable = 0;
  int stalled_heads = 0, stalled_answers = 0;
  bool fed = true;
};

struct ClientEnd : ClientEvents {
  explicit ClientEnd(Http2Options options = {}, HeaderLimits limits = {})
      : session(*this, options, limits, meter.stats) {}
  ~ClientEnd() { Release(); }
  void OnWritable() override { ++writable; }
  void OnCapacity() override { ++capacity; }
  Stream& Open() {
    streams.push_back(&session.OpenStream());
    return *streams.back();
  }
  Stream& Get(const Fields& more = {}, bool end = true) {
    Fields fields = {{":method", end ? "GET" : "POST"},
                     {":scheme", "http"},
                     {":path", "/"},
                     {":authority", "a.test"}};
    fields.insert(fields.end(), more.begin(), more.end());
    Stream& stream = Open();
    Send(stream, fields, end);
    return stream;
  }
  void Release() {
    for (Stream* stream : std::exchange(streams, {})) stream->Release();
  }
  std::vector<ParsedFrame> Ask(std::string_view bytes) {
    fed = session.Feed(Slice::Copy(bytes));
    return ParseFrames(Produced(session));
  }

  Meter meter;
  ClientSession session;
  std::vector<Stream*> streams;
  int writable = 0;
  int capacity = 0;
  bool fed = true;
};

struct Pair {
  explicit Pair(Http2Options server_options = {}, HeaderLimits server_limits = {},
                Http2Options client_options = {}, HeaderLimits client_limits = {})
      : server(server_options, server_limits), client(client_options, client_limits) {}

  // Bytes go to and fro, in pieces, until neither side has more to say.
  void Run(size_t piece = 1500) {
    while (Move(client.session, server.session, piece, to_server) |
           Move(server.session, client.session, piece, to_client)) {
    }
  }
  Stream& request(size_t i = 0) { return *server.streams.at(i); }

  ServerEnd server;
  ClientEnd client;
  std::string to_server, to_client;  // all that was sent

 private:
  static bool Move(Codec& from, Codec& to, size_t piece, std::string& log) {
    const std::string bytes = Produced(from, 64 * 1024);
    log += bytes;
    for (std::string_view left = bytes; !left.empty();
         left.remove_prefix(std::min(piece, left.size()))) {
      if (!to.Feed(Slice::Copy(left.substr(0, piece)))) return false;
    }
    return !bytes.empty();
  }
};

inline std::vector<ParsedFrame> FromClient(const Pair& pair) {
  return ParseFrames(std::string_view(pair.to_server).substr(kPreface.size()));
}

}  // namespace outrigger::proxy::http2
