#include "proxy/worker/worker.h"

#include <sys/socket.h>

#include <functional>
#include <future>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/pool.h"
#include "tests/support/peer.h"

namespace outrigger::proxy {
namespace {

std::string server_name;  // that the last request met; the worker's

scheduler::Task<> NoteTheServerName(ConnectionManager& connection, Stream& stream) {
  server_name = connection.http().server_name;
  SendHeaders(stream, {{":status", "204"}}, true);
  stream.Release();
  co_return;
}

// A worker without a set: its pool, its socket and its snapshots are the test's.
class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = Address::From(storage, length);
  }
  ~WorkerTest() override {
    pool_.Stop();
    worker_.reset();
    stats_.Retire(slab_);
  }
  void OnWorker(const std::function<void()>& function) {
    std::promise<void> done;
    ASSERT_TRUE(pool_.Post(0, [&] {
      function();
      done.set_value();
    }));
    done.get_future().get();
  }
  std::shared_ptr<const Listener> MakeListener(const std::string& name, const std::string& server) {
    auto listener = std::make_shared<Listener>();
    listener->name = name;
    listener->address = address_;
    listener->stats = ListenerStats::Make(stats_, name);
    listener->http.stats = HttpStats::Make(stats_, name);
    listener->http.server_name = server;
    return listener;
  }
  void Apply(std::shared_ptr<const Listener> listener) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->listeners.push_back(std::move(listener));
    OnWorker([&] { worker_->Apply(snapshot); });
  }
  // The server's name of the settings that a request on this connection meets.
  std::string Meets(TestClient& client) {
    Stream& stream = client.Get("/");
    EXPECT_TRUE(Until({&client}, [&] { return stream.end_received || stream.error; }));
    std::string name;
    OnWorker([&] { name = server_name; });
    return name;
  }

  StatRegistry stats_;
  StatSlab* slab_ = stats_.NewSlab();
  Fd fd_ = *Listen(*Address::Parse("127.0.0.1:0"), 128, /*reuse_port=*/false);
  Address address_;
  scheduler::Pool pool_{{.name = "data",
                         .policy = scheduler::Policy::kPinned,
                         .affinity = std::vector<scheduler::CpuSet>(1)}};
  std::unique_ptr<Worker> worker_ = std::make_unique<Worker>(0, pool_.processor(0), *slab_);
};

TEST_F(WorkerTest, NewSettingsReachOpenConnectionsOfTheListenerThatHasThem) {
  OnWorker([&] { worker_->Listen(MakeListener("a", "old"), &NoteTheServerName, fd_.get()); });
  TestClient client(address_);
  EXPECT_EQ(Meets(client), "old");
  Apply(MakeListener("other", "none"));
  EXPECT_EQ(Meets(client), "old");
  Apply(MakeListener("a", "new"));
  EXPECT_EQ(Meets(client), "new");
  EXPECT_EQ(worker_->connections(), 1u);
}

TEST_F(WorkerTest, ListenersOfTwoSocketsAreOne) {
  const Fd second = *Listen(*Address::Parse("127.0.0.1:0"), 128, /*reuse_port=*/false);
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(second.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  OnWorker([&] {
    worker_->Listen(MakeListener("a", "old"), &NoteTheServerName, fd_.get());
    worker_->Listen(MakeListener("a", "old"), &NoteTheServerName, second.get());
  });
  Apply(MakeListener("a", "new"));
  TestClient one(address_), two(Address::From(storage, length));
  EXPECT_EQ(Meets(one), "new");
  EXPECT_EQ(Meets(two), "new");
  EXPECT_EQ(worker_->connections(), 2u);
  pool_.Stop();  // before the second socket goes
}

TEST_F(WorkerTest, DrainHoldsForConnectionsToCome) {
  OnWorker([&] { worker_->Listen(MakeListener("a", "old"), &NoteTheServerName, fd_.get()); });
  TestClient open(address_);
  EXPECT_EQ(Meets(open), "old");
  OnWorker([&] { worker_->Drain(); });
  EXPECT_TRUE(Until({&open}, [&] { return open.closed(); }));
  TestClient late(address_);
  Stream& stream = late.Get("/");
  EXPECT_TRUE(Until({&late}, [&] { return late.closed(); }));
  EXPECT_TRUE(stream.end_received) << "served, then closed";
}

TEST_F(WorkerTest, CutsConnectionsOff) {
  OnWorker([&] { worker_->Listen(MakeListener("a", "old"), &NoteTheServerName, fd_.get()); });
  TestClient client(address_);
  EXPECT_EQ(Meets(client), "old");
  OnWorker([&] { worker_->CloseConnections(); });
  EXPECT_TRUE(Until({&client}, [&] { return client.closed(); }));
  TestClient next(address_);
  EXPECT_EQ(Meets(next), "old");
}

}  // namespace
}  // namespace outrigger::proxy
