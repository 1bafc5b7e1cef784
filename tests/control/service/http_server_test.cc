#include "control/service/http_server.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <future>

#include "gtest/gtest.h"
#include "proxy/codec/http2/session.h"
#include "tests/control/service/peer.h"

namespace outrigger::control {
namespace {

using scheduler::Task;

Task<> Echo(const ControlRequest& request, ResponseWriter& writer) {
  co_await writer.Send(
      200, "text/plain",
      request.method + " " + request.path + " " + std::to_string(request.body.size()));
}

Task<> StopServer(HttpServer& server, std::promise<void>& stopped) {
  co_await server.Stop();
  stopped.set_value();
}

std::unique_ptr<proxy::Codec> NewHttp2(proxy::ServerEvents& events) {
  return std::make_unique<proxy::http2::ServerSession>(events, proxy::Http2Options(),
                                                       proxy::HeaderLimits());
}

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(std::string_view address, size_t max_connections = 256) {
    auto server = HttpServer::Listen(Options(address, max_connections));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->Start(pool_);
  }
  static HttpServerOptions Options(std::string_view address, size_t max_connections = 256) {
    HttpServerOptions options{.name = "admin",
                              .address = *proxy::Address::Parse(address),
                              .max_connections = max_connections};
    options.connection.handler = Echo;
    options.connection.http2 = NewHttp2;
    return options;
  }
  void Stop() {
    std::promise<void> stopped;
    pool_.Go("stop", StopServer(*server_, stopped));
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
  ~HttpServerTest() override {
    pool_.Stop();
    server_.reset();
    unlink(SocketPath().c_str());
    rmdir(folder_.c_str());
  }
  // Short: a socket's path has 107 characters, and a test's own folder is deep.
  std::string SocketPath() const { return folder_ + "/s"; }

  std::string folder_ = [] {
    char name[] = "/tmp/http_server_test.XXXXXX";
    return std::string(mkdtemp(name));
  }();
  std::unique_ptr<HttpServer> server_;
  scheduler::Pool pool_{{.name = "control",
                         .policy = scheduler::Policy::kStealing,
                         .affinity = std::vector<scheduler::CpuSet>(2)}};
};

const char kGet[] = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

TEST_F(HttpServerTest, ServesManyConnectionsOnAnyFreePort) {
  Start("127.0.0.1:0");
  EXPECT_NE(server_->address().port(), 0);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 50; ++i) peers.push_back(std::make_unique<Peer>(server_->address()));
  for (auto& peer : peers) peer->Send(kGet);
  for (auto& peer : peers)
    EXPECT_NE(peer->ReceiveUntil("GET /a 0").find(" 200 "), std::string::npos);
  EXPECT_EQ(server_->connections(), 50u);
  Stop();
  EXPECT_EQ(server_->connections(), 0u);
  for (auto& peer : peers) EXPECT_EQ(peer->Receive(), "");
}

TEST_F(HttpServerTest, RefusesConnectionsBeyondTheBound) {
  Start("127.0.0.1:0", 1);
  Peer first(server_->address());
  first.Send(kGet);
  first.ReceiveUntil("GET /a 0");
  Peer second(server_->address());
  EXPECT_EQ(second.Receive(), "");
  first.Send(kGet);
  EXPECT_NE(first.ReceiveUntil("GET /a 0").find(" 200 "), std::string::npos);
}

TEST_F(HttpServerTest, NamesTheAddressThatIsTaken) {
  Start("127.0.0.1:0");
  const auto second = HttpServer::Listen(Options(server_->address().text));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("admin: cannot bind " + server_->address().text +
                                           ": Address already in use"),
            std::string::npos);
}

TEST_F(HttpServerTest, ServesAUnixSocketForItsOwnerOnly) {
  Start("unix:" + SocketPath());
  struct stat status;
  ASSERT_EQ(stat(SocketPath().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  Peer peer(server_->address());
  ASSERT_TRUE(peer.connected());
  peer.Send(kGet);
  peer.ReceiveUntil("GET /a 0");
  // A living socket is not taken away from its owner.
  EXPECT_FALSE(HttpServer::Listen(Options("unix:" + SocketPath())).ok());
  Peer again(server_->address());
  EXPECT_TRUE(again.connected());
  Stop();
  server_.reset();
  EXPECT_NE(stat(SocketPath().c_str(), &status), 0);
}

TEST_F(HttpServerTest, ReplacesADeadUnixSocket) {
  const proxy::Address address = *proxy::Address::Parse("unix:" + SocketPath());
  const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(dead, address.get(), address.length), 0);
  close(dead);
  Start("unix:" + SocketPath());
  EXPECT_TRUE(Peer(server_->address()).connected());
}

std::string Output(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  pclose(pipe);
  return output;
}

TEST_F(HttpServerTest, UnderstandsCurlInBothProtocols) {
  Start("127.0.0.1:0");
  const std::string url = "http://" + server_->address().text + "/x";
  const std::string curl = "curl -sS -m 10 --noproxy '*' -w ' %{http_code} %{http_version}' ";
  EXPECT_EQ(Output(curl + url), "GET /x 0 200 1.1");
  EXPECT_EQ(Output(curl + "--http2-prior-knowledge " + url), "GET /x 0 200 2");
  const std::string upload = "head -c 3000000 /dev/zero | " + curl + "--data-binary @- ";
  EXPECT_EQ(Output(upload + url), "POST /x 3000000 200 1.1");
  EXPECT_EQ(Output(upload + "--http2-prior-knowledge " + url), "POST /x 3000000 200 2");
  EXPECT_EQ(Output(curl + "-I " + url).find("HTTP/1.1 200 OK\r\n"), 0u);
}

}  // namespace
}  // namespace outrigger::control
