// upstream_test.h: the base of the upstream side's tests: a proxy between one client and upstreams
// whose every step the test decides. What is tested is what an upstream or an operator sees.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/connection/exchange.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {

class UpstreamTest : public testing::Test {
 protected:
  // One cluster, "up", of these hosts behind "/"; the test may change it before Start().
  Cluster& AddUp(const std::vector<Address>& hosts) {
    proxy_.AddRoute("/", "up");
    return proxy_.AddCluster("up", hosts);
  }
  void Start() {
    proxy_.Start(&Exchange::Handle);
    client_ = std::make_unique<TestClient>(proxy_.address());
  }
  // Other hosts, as DNS would bring them; returns when the worker has them.
  void SetHosts(const std::vector<Address>& hosts) {
    proxy_.workers().SetHosts("up", proxy_.AddCluster("spare", hosts).hosts);
    proxy_.OnWorkers([](scheduler::Processor&) {});
  }
  const ClusterStats& stats() { return proxy_.cluster("up"); }
  uint64_t Count(Counter counter) { return proxy_.Get(counter); }
  int64_t Level(Gauge gauge) { return proxy_.Get(gauge); }

  bool Pump(const std::function<bool()>& done) {
    std::vector<Peer*> peers = {client_.get()};
    for (const auto& connection : connections_) peers.push_back(connection.get());
    return Until(peers, done);
  }
  // The next connection to `upstream`.
  TestUpstreamConnection& Accept(TestUpstream& upstream, const Http2Options& options = {}) {
    EXPECT_TRUE(Pump([&] { return !upstream.Idle(); })) << "nobody connects";
    connections_.push_back(upstream.Accept(options));
    return *connections_.back();
  }
  // The next connection to an upstream of HTTP/1.1, and the head of a request on it.
  Fd AcceptHttp1(TestUpstream& upstream) {
    EXPECT_TRUE(Pump([&] { return !upstream.Idle(); })) << "nobody connects";
    return upstream.AcceptRaw();
  }
  std::string Head(const Fd& fd) {
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      const std::string next = ReadUpTo(fd.get(), 1);
      if (next.empty()) break;
      head += next;
    }
    return head.substr(0, head.find("\r\n"));
  }
  void AnswerHttp1(const Fd& fd, std::string_view more = "") {
    WriteAll(fd.get(), "HTTP/1.1 200 OK\r\n" + std::string(more) + "content-length: 0\r\n\r\n");
  }
  // The i-th request on a connection, once its headers are there.
  Stream& Request(TestUpstreamConnection& connection, size_t i) {
    EXPECT_TRUE(Pump([&] { return connection.requests().size() > i; })) << "no request comes";
    return *connection.requests().at(i);
  }
  void Answer(Stream& request) { SendHeaders(request, {{":status", "200"}}, true); }
  // The whole answer's status; "reset" where there is none.
  std::string Status(Stream& stream) {
    if (!Pump([&] { return stream.end_received || stream.error; })) return "none";
    return stream.end_received ? std::string(stream.headers.Get(HeaderName::kStatus)) : "reset";
  }

  TestUpstream upstream_;
  TestProxy proxy_;
  std::unique_ptr<TestClient> client_;
  std::vector<std::unique_ptr<TestUpstreamConnection>> connections_;
};

// Where a connect never ends: the accept queue is full, and the kernel drops what else comes.
class SilentAddress {
 public:
  SilentAddress() : fd_(*Listen(*Address::Parse("127.0.0.1:0"), 0, /*reuse_port=*/false)) {
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = Address::From(storage, length);
    for (int i = 0; i < 4; ++i) filling_.push_back(*StartConnect(address_));
  }
  const Address& address() const { return address_; }

 private:
  Fd fd_;
  Address address_;
  std::vector<Fd> filling_;
};

}  // namespace outrigger::proxy
