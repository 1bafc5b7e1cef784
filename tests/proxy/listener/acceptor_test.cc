#include "proxy/listener/acceptor.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/connection/echo.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

// While it lives, nobody in this process gets a descriptor.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &saved_), 0);
    rlimit low = saved_;
    low.rlim_cur = static_cast<rlim_t>(Fd(dup(0)).get());  // the lowest that is free
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  ~NoDescriptors() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &saved_), 0); }

 private:
  rlimit saved_;
};

class AcceptorTest : public testing::Test {
 protected:
  Fd Connect() { return ConnectTo(proxy_.address()); }
  // Once a connection.
  bool Serves(const Fd& fd) {
    WriteAll(fd.get(), kGet);
    return ReadUpTo(fd.get(), 12) == "HTTP/1.1 200";
  }
  const ListenerStats& stats() const { return proxy_.listener.stats; }
  uint64_t ticks() { return proxy_.workers().pool().processor(0).stats().ticks.load(); }

  TestProxy proxy_;
};

TEST_F(AcceptorTest, TakesMoreAtOnceThanATurnAllows) {
  proxy_.Start(&Echo);
  std::vector<Fd> clients;
  proxy_.OnWorkers([&](scheduler::Processor&) {  // who accepts meanwhile? nobody
    for (int i = 0; i < 100; ++i) clients.push_back(Connect());
  });
  for (const Fd& client : clients) EXPECT_TRUE(Serves(client));
  EXPECT_EQ(proxy_.Get(stats().downstream_cx_total), 100u);
  EXPECT_EQ(proxy_.workers().connections(), 100u);
}

TEST_F(AcceptorTest, RefusesWhatIsAboveTheLimitOfTheMoment) {
  proxy_.listener.max_connections = 2;
  proxy_.Start(&Echo);
  Fd first = Connect(), second = Connect();
  EXPECT_TRUE(Serves(first));
  EXPECT_TRUE(Serves(second));
  EXPECT_EQ(ReadToEnd(Connect().get()), "");
  EXPECT_EQ(proxy_.Get(stats().downstream_cx_overflow), 1u);
  first = Fd();
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 1; }));
  Fd third = Connect();
  EXPECT_TRUE(Serves(third));
  proxy_.listener.max_connections = 3;
  proxy_.Apply();
  EXPECT_TRUE(Serves(Connect()));
  EXPECT_EQ(proxy_.Get(stats().downstream_cx_overflow), 1u);
}

TEST_F(AcceptorTest, ConnectionsThatAreGoneAlreadyHarmNobody) {
  proxy_.Start(&Echo);
  proxy_.OnWorkers([&](scheduler::Processor&) {
    for (int i = 0; i < 50; ++i) {
      const Fd gone = Connect();
      const linger reset{1, 0};
      setsockopt(gone.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
  });
  EXPECT_TRUE(Serves(Connect()));
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

TEST_F(AcceptorTest, OutOfDescriptorsItWaitsAndThenGoesOn) {
  proxy_.Start(&Echo);
  EXPECT_TRUE(Serves(Connect()));
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const NoDescriptors limit;
    const uint64_t before = ticks();
    ASSERT_EQ(connect(client.get(), proxy_.address().get(), proxy_.address().length), 0);
    EXPECT_TRUE(proxy_.Eventually([&] { return ticks() > before; })) << "it has tried";
    for (int i = 0; i < 100; ++i) proxy_.OnWorkers([](scheduler::Processor&) {});
    EXPECT_LT(ticks() - before, 50u) << "it does not spin";
    EXPECT_EQ(proxy_.Get(stats().downstream_cx_total), 1u);
  }
  EXPECT_TRUE(Serves(client));
}

TEST_F(AcceptorTest, EndsWithTheListening) {
  proxy_.Start(&Echo);
  TestClient open(proxy_.address());
  Stream& before = open.Get("/");
  EXPECT_TRUE(Until({&open}, [&] { return before.end_received; }));
  proxy_.workers().StopListening();
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().pool().live() == 1; }))
      << "the open connection alone";
  Stream& after = open.Get("/");
  EXPECT_TRUE(Until({&open}, [&] { return after.end_received; }));
  const Fd late(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(connect(late.get(), proxy_.address().get(), proxy_.address().length), 0);
}

TEST_F(AcceptorTest, StopEndsItAmidACrowd) {
  proxy_.Start(&Echo);
  std::vector<Fd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Connect());
  proxy_.Stop();
  EXPECT_EQ(proxy_.workers().connections(), 0u);
}

}  // namespace
}  // namespace outrigger::proxy
