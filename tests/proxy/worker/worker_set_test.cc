#include "proxy/worker/worker_set.h"

#include <sys/socket.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/connection/echo.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

constexpr size_t kWorkers = 3;

class WorkerSetTest : public testing::Test {
 protected:
  // So many connections that, wherever the kernel puts them, each worker has some.
  std::vector<std::unique_ptr<TestClient>> ManyClients() {
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 60; ++i) {
      clients.push_back(std::make_unique<TestClient>(proxy_.address()));
      Stream& stream = clients.back()->Get("/");
      EXPECT_TRUE(Until({clients.back().get()}, [&] { return stream.end_received; }));
    }
    return clients;
  }
  bool AllClosed(const std::vector<std::unique_ptr<TestClient>>& clients) {
    for (const auto& client : clients) {
      if (!Until({client.get()}, [&] { return client->closed(); })) return false;
    }
    return true;
  }
  std::string BindError(const Address& address) {
    auto listener = std::make_shared<Listener>(proxy_.listener);
    listener->name = "second";
    listener->address = address;
    Snapshot snapshot;
    snapshot.listeners.push_back(std::move(listener));
    return std::string(
        WorkerSet(stats_, std::vector<scheduler::CpuSet>(2)).Bind(snapshot).message());
  }
  bool Refuses(const Address& address) {
    const Fd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connect(fd.get(), address.get(), address.length) != 0;
  }

  StatRegistry stats_;
  TestProxy proxy_{kWorkers};
};

TEST_F(WorkerSetTest, EachWorkerHasASocketOfThePort) {
  proxy_.Start(&Echo);
  const auto clients = ManyClients();
  EXPECT_EQ(proxy_.workers().connections(), clients.size());
  for (int i = 0; i < static_cast<int>(kWorkers); ++i) {
    EXPECT_GT(proxy_.workers().pool().processor(i).stats().ticks.load(), 1u) << "worker " << i;
  }
}

TEST_F(WorkerSetTest, EveryAddressOfAListenerIsServed) {
  proxy_.listener.additional_addresses = {*Address::Parse("127.0.0.1:0"),
                                          *Address::Parse("127.0.0.2:0")};
  proxy_.Start(&Echo);
  const std::vector<Address> addresses = proxy_.workers().Addresses("listener");
  ASSERT_EQ(addresses.size(), 3u);
  EXPECT_TRUE(proxy_.workers().Addresses("other").empty());
  for (const Address& address : addresses) {
    EXPECT_NE(address.port(), 0);
    TestClient client(address);
    Stream& stream = client.Get("/");
    EXPECT_TRUE(Until({&client}, [&] { return stream.end_received; }));
  }
}

// One queue from which all accept.
TEST_F(WorkerSetTest, AUnixSocketIsShared) {
  char folder[] = "/tmp/outrigger-workers-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  proxy_.listener.address = *Address::Pipe(std::string(folder) + "/socket");
  proxy_.Start(&Echo);
  EXPECT_EQ(ManyClients().size(), 60u);
  std::filesystem::remove_all(folder);
}

TEST_F(WorkerSetTest, WithoutReusePortAlso) {
  proxy_.listener.reuse_port = false;
  proxy_.Start(&Echo);
  EXPECT_EQ(ManyClients().size(), 60u);
}

TEST_F(WorkerSetTest, AnAddressInUseIsAnErrorThatNamesIt) {
  proxy_.Start(&Echo);
  // Ours has SO_REUSEPORT: that another process could share it is no reason to do so.
  const std::string error = BindError(proxy_.address());
  EXPECT_NE(error.find("listener 'second'"), std::string::npos) << error;
  EXPECT_NE(error.find(proxy_.address().text), std::string::npos) << error;
  EXPECT_EQ(BindError(*Address::Parse("127.0.0.1:0")), "");
}

TEST_F(WorkerSetTest, OpenConnectionsOutliveTheListening) {
  proxy_.Start(&Echo);
  const auto clients = ManyClients();
  proxy_.workers().StopListening();
  EXPECT_TRUE(Refuses(proxy_.address()));
  for (const auto& client : clients) {
    Stream& stream = client->Get("/");
    EXPECT_TRUE(Until({client.get()}, [&] { return stream.end_received; }));
  }
}

TEST_F(WorkerSetTest, DrainReachesEveryWorker) {
  proxy_.Start(&Echo);
  const auto clients = ManyClients();
  proxy_.workers().Drain();
  EXPECT_TRUE(AllClosed(clients));
  EXPECT_TRUE(proxy_.Eventually([&] { return proxy_.workers().connections() == 0; }));
}

TEST_F(WorkerSetTest, CloseReachesEveryWorker) {
  proxy_.Start(&Echo);
  const auto clients = ManyClients();
  proxy_.workers().CloseConnections();
  EXPECT_TRUE(AllClosed(clients));
}

TEST_F(WorkerSetTest, StopMayComeTwiceAndAtOnce) {
  proxy_.Start(&Echo);
  proxy_.Stop();
  proxy_.Stop();
  EXPECT_EQ(proxy_.workers().connections(), 0u);
  // Who comes late is not heard.
  proxy_.workers().Drain();
  proxy_.workers().CloseConnections();
}

// A worker's counts are the process's, also when it has gone.
TEST_F(WorkerSetTest, ItsCountsStay) {
  const Counter counter = ListenerStats::Make(stats_, "x").downstream_cx_total;
  {
    WorkerSet workers(stats_, std::vector<scheduler::CpuSet>(1));
    Listener listener;
    listener.name = "x";
    listener.address = *Address::Parse("127.0.0.1:0");
    listener.stats = ListenerStats::Make(stats_, "x");
    listener.http.stats = HttpStats::Make(stats_, "x");
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.push_back(std::make_shared<const Listener>(listener));
    ASSERT_TRUE(workers.Bind(*snapshot).ok());
    workers.Start(snapshot, &Echo);
    TestClient client(workers.Addresses("x").at(0));
    Stream& stream = client.Get("/");
    EXPECT_TRUE(Until({&client}, [&] { return stream.end_received; }));
  }
  EXPECT_EQ(stats_.Sum(counter), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
