#include "tests/support/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

constexpr int kPatienceMs = 20'000;

bool WaitFor(int fd, short events, int timeout_ms = kPatienceMs) {
  pollfd poll_fd{fd, events, 0};
  return poll(&poll_fd, 1, timeout_ms) == 1;
}

void Fill(Headers& headers, const Fields& fields) {
  for (const auto& [name, value] : fields) headers.Add(name, value);
}

Address BoundAddress(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return Address::From(storage, length);
}

Fd ListenOnLoopback() {
  absl::StatusOr<Fd> fd = Listen(*Address::Parse("127.0.0.1:0"), 128, /*reuse_port=*/false);
  EXPECT_TRUE(fd.ok()) << fd.status();
  return fd.ok() ? *std::move(fd) : Fd();
}

}  // namespace

std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

std::string Text(const SliceQueue& queue) {
  std::string text;
  for (const Slice& slice : queue) text += slice.view();
  return text;
}

std::string Take(Stream& stream) {
  std::string text = Text(stream.body);
  stream.body.Clear();
  stream.Consume(text.size());
  return text;
}

void SendHeaders(Stream& stream, const Fields& fields, bool end) {
  Headers headers(stream.arena);
  Fill(headers, fields);
  stream.SendHeaders(headers, end);
}

void SendBody(Stream& stream, std::string_view body, bool end) {
  SliceQueue data;
  data.Push(Slice::Copy(body));
  stream.SendData(data, end);
}

void SendTrailers(Stream& stream, const Fields& fields) {
  Headers trailers(stream.arena);
  Fill(trailers, fields);
  stream.SendTrailers(trailers);
}

Fd ConnectTo(const Address& address) {
  Fd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (address.is_ip()) SetNoDelay(fd.get());
  EXPECT_EQ(connect(fd.get(), address.get(), address.length), 0) << address.text;
  return fd;
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ASSERT_GT(n, 0);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

std::string ReadUpTo(int fd, size_t size) {
  std::string text;
  char buffer[16384];
  while (text.size() < size && WaitFor(fd, POLLIN, kPatienceMs / 2)) {
    const ssize_t n = recv(fd, buffer, std::min(sizeof(buffer), size - text.size()), 0);
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

std::string ReadToEnd(int fd) { return ReadUpTo(fd, std::string::npos); }

void Peer::Attach(Fd fd) {
  fd_ = std::move(fd);
  fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
}

void Peer::Close() {
  fd_ = Fd();
  closed_ = true;
}

void Peer::Flush() {
  while (!closed_) {
    codec_.Produce(out_, 64 * 1024);
    if (out_.empty()) return;
    const Slice front = *out_.begin();
    const ssize_t n = send(fd_.get(), front.data(), front.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      out_.Clear();
      return;
    }
    out_.Drain(static_cast<size_t>(n));
  }
}

void Peer::Read() {
  char buffer[16384];
  while (!closed_ && reading_) {
    const ssize_t n = recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) received_ += static_cast<size_t>(n);
    if (n > 0 && codec_.Feed(Slice::Copy({buffer, static_cast<size_t>(n)}))) continue;
    closed_ = true;
    codec_.Abort(ErrorCode::kConnectionClosed);
  }
}

bool Until(const std::vector<Peer*>& peers, const std::function<bool()>& done) {
  const scheduler::Nanos deadline = scheduler::MonotonicNow() + kPatienceMs * 1'000'000ll;
  while (true) {
    for (Peer* peer : peers) peer->Flush();
    if (done()) return true;
    if (scheduler::MonotonicNow() > deadline) return false;
    std::vector<pollfd> fds;
    for (Peer* peer : peers) {
      if (peer->closed()) continue;
      fds.push_back(
          {peer->fd(),
           static_cast<short>((peer->reading() ? POLLIN : 0) | (peer->unsent() ? POLLOUT : 0)), 0});
    }
    // Short: what is waited for may show elsewhere.
    poll(fds.data(), fds.size(), 5);
    for (Peer* peer : peers) peer->Read();
  }
}

TestClient::TestClient(const Address& address, const Http2Options& options)
    : Peer(session), session(*this, options, HeaderLimits()) {
  Attach(ConnectTo(address));
}

TestClient::~TestClient() { Release(); }

void TestClient::Release() {
  for (Stream* stream : std::exchange(streams_, {})) stream->Release();
}

Stream& TestClient::Send(const Fields& fields, bool end) {
  Stream& stream = session.OpenStream();
  streams_.push_back(&stream);
  SendHeaders(stream, fields, end);
  return stream;
}

Stream& TestClient::Get(const std::string& path, const Fields& more) {
  Fields fields = {
      {":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", "a.test"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return Send(fields, /*end=*/true);
}

Stream& TestClient::Post(const std::string& path, const Fields& more) {
  Fields fields = {
      {":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "a.test"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return Send(fields, /*end=*/false);
}

TestUpstreamConnection::TestUpstreamConnection(Fd fd, const Http2Options& options)
    : Peer(session), session(*this, options, HeaderLimits()) {
  Attach(std::move(fd));
}

TestUpstreamConnection::~TestUpstreamConnection() {
  for (Stream* stream : streams_) stream->Release();
}

TestUpstream::TestUpstream() : fd_(ListenOnLoopback()), address_(BoundAddress(fd_.get())) {}

Fd TestUpstream::AcceptRaw() {
  if (!WaitFor(fd_.get(), POLLIN)) return Fd();
  return Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
}

std::unique_ptr<TestUpstreamConnection> TestUpstream::Accept(const Http2Options& options) {
  Fd fd = AcceptRaw();
  EXPECT_TRUE(fd) << "nobody connected";
  if (!fd) return nullptr;
  return std::make_unique<TestUpstreamConnection>(std::move(fd), options);
}

bool TestUpstream::Idle() const { return !WaitFor(fd_.get(), POLLIN, 0); }

Address RefusingAddress() { return BoundAddress(ListenOnLoopback().get()); }

}  // namespace outrigger::proxy
