// peer.h: a test's end of a connection, run by the test's own thread: a socket that pumps a codec.
// As a client of a proxy, or as an upstream whose every step the test decides.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/http2/session.h"
#include "proxy/transport/socket.h"

namespace outrigger::proxy {

using Fields = std::vector<std::pair<std::string, std::string>>;

std::string Text(const Headers& headers);
std::string Text(const SliceQueue& queue);
// Takes what lies in the stream's body, as a handler would.
std::string Take(Stream& stream);
void SendHeaders(Stream& stream, const Fields& fields, bool end);
void SendBody(Stream& stream, std::string_view body, bool end);
void SendTrailers(Stream& stream, const Fields& fields);

// A connected, blocking socket. The test fails where there is none.
Fd ConnectTo(const Address& address);
// Writes all of it.
void WriteAll(int fd, std::string_view bytes);
// Until `size` bytes are there, the end of the stream, or 10 s of silence.
std::string ReadUpTo(int fd, size_t size);
// Until the end of the stream (or a reset).
std::string ReadToEnd(int fd);

// Owner: the test. Thread-safety: confined to its thread.
class Peer {
 public:
  explicit Peer(Codec& codec) : codec_(codec) {}
  void Attach(Fd fd);

  // What the codec has to say, as far as the socket takes it.
  void Flush();
  void Read();
  // false: what comes stays in the kernel's buffers.
  void set_reading(bool reading) { reading_ = reading; }
  void Close();

  int fd() const { return fd_.get(); }
  bool reading() const { return reading_; }
  bool unsent() const { return !out_.empty(); }
  size_t received() const { return received_; }
  // The other side closed, or broke the protocol.
  bool closed() const { return closed_; }

 private:
  Codec& codec_;
  Fd fd_;
  SliceQueue out_;
  size_t received_ = 0;
  bool reading_ = true;
  bool closed_ = false;
};

// Pumps until `done`; false after 20 s.
bool Until(const std::vector<Peer*>& peers, const std::function<bool()>& done);

class TestClient final : private ClientEvents, public Peer {
 public:
  explicit TestClient(const Address& address, const Http2Options& options = {});
  ~TestClient();

  Stream& Send(const Fields& fields, bool end = true);
  // GET of `path`; more fields after the four.
  Stream& Get(const std::string& path, const Fields& more = {});
  Stream& Post(const std::string& path, const Fields& more = {});
  // Lets go of all streams: what is open is reset.
  void Release();

  http2::ClientSession session;

 private:
  void OnWritable() override {}
  void OnCapacity() override {}
  std::vector<Stream*> streams_;
};

// One accepted connection.
class TestUpstreamConnection final : private ServerEvents, public Peer {
 public:
  TestUpstreamConnection(Fd fd, const Http2Options& options);
  ~TestUpstreamConnection();
  // The requests so far; each is released at the end.
  const std::vector<Stream*>& requests() const { return streams_; }

  http2::ServerSession session;

 private:
  void OnRequest(Stream& stream) override { streams_.push_back(&stream); }
  void OnWritable() override {}
  std::vector<Stream*> streams_;
};

// A listening socket on an ephemeral port of the loopback.
class TestUpstream {
 public:
  TestUpstream();
  const Address& address() const { return address_; }
  // The next connection: waits for it 20 s. Null: none came.
  std::unique_ptr<TestUpstreamConnection> Accept(const Http2Options& options = {});
  Fd AcceptRaw();
  // Nobody is waiting now.
  bool Idle() const;

 private:
  Fd fd_;
  Address address_;
};

// An address at which nobody listens.
Address RefusingAddress();

}  // namespace outrigger::proxy
