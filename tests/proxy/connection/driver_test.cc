#include "proxy/connection/driver.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <future>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/support/peer.h"

namespace outrigger::proxy {
namespace {

// Says back what it is fed, until it is told otherwise. Confined to the worker.
struct FakeCodec : Codec {
  bool Feed(const Slice& input) override {
    fed += input.view();
    if (fed.find("BAD") != std::string::npos) {
      saying = "sorry";
      done = true;
      return false;
    }
    if (echo) saying += input.view();
    return true;
  }
  bool reading_paused() const override { return fed.size() >= pause_at; }
  void OnEof() override { ++eofs; }
  void Produce(SliceQueue& out, size_t limit) override {
    const size_t part = std::min(saying.size(), limit - std::min(limit, out.bytes()));
    out.Push(Slice::Copy(std::string_view(saying).substr(0, part)));
    saying.erase(0, part);
    produced += part;
  }
  void Drain() override {}
  bool finished() const override { return done && saying.empty(); }
  size_t open_streams() const override { return streams; }
  void Abort(ErrorCode) override {}

  std::string fed, saying;
  size_t produced = 0;
  size_t streams = 0;
  size_t pause_at = std::string::npos;
  int eofs = 0;
  bool echo = true;
  bool done = false;
};

class DriverTest : public testing::Test {
 protected:
  DriverTest() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer_ = Fd(fds[0]);
    EXPECT_EQ(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    near_ = Fd(fds[1]);
  }

  static scheduler::Task<> Serve(DriverTest& test, Slice first) {
    Driver driver(scheduler::CurrentProcessor(), test.buffer_, std::move(test.near_), test.codec_);
    test.driver_ = &driver;
    const ErrorCode end = co_await driver.Run(std::move(first));
    test.driver_ = nullptr;
    test.counts_ = driver.counts();
    test.end_.set_value(end);
  }
  void Start(std::string_view first = "") {
    OnWorker(
        [this, first] { handle_ = scheduler::Go("driver", Serve(*this, Slice::Copy(first))); });
  }
  void OnWorker(const std::function<void()>& function) {
    std::promise<void> done;
    ASSERT_TRUE(pool_.Post(0, [&] {
      function();
      done.set_value();
    }));
    done.get_future().get();
  }
  ErrorCode End() { return end_.get_future().get(); }

  Fd peer_, near_;
  FakeCodec codec_;
  ReadBuffer buffer_;
  Driver* driver_ = nullptr;
  ByteCounts counts_;
  std::promise<ErrorCode> end_;
  scheduler::JoinHandle handle_;
  scheduler::Pool pool_{{.name = "data",
                         .policy = scheduler::Policy::kPinned,
                         .affinity = std::vector<scheduler::CpuSet>(1)}};
};

TEST_F(DriverTest, MovesBytesBothWays) {
  codec_.saying = "hello ";
  Start();
  EXPECT_EQ(ReadUpTo(peer_.get(), 6), "hello ");
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const std::string part = std::to_string(i) + std::string(1000, '.');
    WriteAll(peer_.get(), part);
    EXPECT_EQ(ReadUpTo(peer_.get(), part.size()), part);
    sent += part;
  }
  shutdown(peer_.get(), SHUT_WR);
  EXPECT_EQ(End(), ErrorCode::kNone);
  EXPECT_EQ(codec_.fed, sent);
  EXPECT_EQ(counts_.received, sent.size());
  EXPECT_EQ(counts_.sent, sent.size() + 6);
}

// The last bytes and the end come with one edge; a short read takes the bytes alone.
TEST_F(DriverTest, AnEndRightBehindTheLastBytesIsSeen) {
  codec_.echo = false;
  Start();
  OnWorker([this] {
    WriteAll(peer_.get(), "last");
    shutdown(peer_.get(), SHUT_WR);
  });
  EXPECT_EQ(End(), ErrorCode::kNone);
  EXPECT_EQ(codec_.fed, "last");
}

// As above, but what comes along is a reset, since the peer left bytes unread: no edge tells of it.
TEST_F(DriverTest, AResetRightBehindTheLastBytesIsFoundWhileSomebodyWaits) {
  codec_.echo = false;
  codec_.saying = "hello";
  codec_.streams = 1;
  Start();
  EXPECT_EQ(ReadUpTo(peer_.get(), 1), "h");
  OnWorker([this] {
    WriteAll(peer_.get(), "last");
    peer_ = Fd();
  });
  EXPECT_EQ(End(), ErrorCode::kConnectionClosed);
  EXPECT_EQ(codec_.fed, "last");
}

TEST_F(DriverTest, AnEndWithOpenStreamsIsNotOrderly) {
  codec_.streams = 1;
  Start();
  peer_ = Fd();
  EXPECT_EQ(End(), ErrorCode::kConnectionClosed);
  EXPECT_EQ(codec_.eofs, 1);
}

TEST_F(DriverTest, WhatWasReadBeforeComesFirstAndCounts) {
  WriteAll(peer_.get(), "world");
  Start("hello ");
  EXPECT_EQ(ReadUpTo(peer_.get(), 11), "hello world");
  shutdown(peer_.get(), SHUT_WR);
  EXPECT_EQ(End(), ErrorCode::kNone);
  EXPECT_EQ(counts_.received, 11u);
}

TEST_F(DriverTest, ClosesWhenTheCodecIsDone) {
  codec_.echo = false;
  codec_.saying = std::string(1 << 20, 'x');
  codec_.done = true;
  Start();
  EXPECT_EQ(ReadToEnd(peer_.get()).size(), 1u << 20) << "all it had to say is written before";
  EXPECT_EQ(End(), ErrorCode::kNone);
}

TEST_F(DriverTest, AFaultyPeerHearsTheLastWord) {
  Start();
  WriteAll(peer_.get(), "BAD");
  EXPECT_EQ(ReadToEnd(peer_.get()), "sorry");
  peer_ = Fd();
  EXPECT_EQ(End(), ErrorCode::kProtocol);
}

TEST_F(DriverTest, AlsoOfItsFirstBytes) {
  Start("BAD");
  EXPECT_EQ(ReadToEnd(peer_.get()), "sorry");
  peer_ = Fd();
  EXPECT_EQ(End(), ErrorCode::kProtocol);
}

// Else its unread bytes would reset the connection before it has read why.
TEST_F(DriverTest, AFaultyPeerMaySendOnForAWhile) {
  Start("BAD");
  EXPECT_EQ(ReadToEnd(peer_.get()), "sorry");
  const std::string block(64 * 1024, 'x');
  while (send(peer_.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
  }
  EXPECT_EQ(End(), ErrorCode::kProtocol);
  EXPECT_EQ(codec_.fed, "BAD");
}

TEST_F(DriverTest, AlsoWhenItClosedItsSide) {
  WriteAll(peer_.get(), "BAD");
  shutdown(peer_.get(), SHUT_WR);
  Start();
  EXPECT_EQ(ReadToEnd(peer_.get()), "sorry");
  EXPECT_EQ(End(), ErrorCode::kProtocol);
}

TEST_F(DriverTest, NothingIsFedAfterAFault) {
  WriteAll(peer_.get(), "BAD");
  WriteAll(peer_.get(), std::string(100'000, 'x'));
  shutdown(peer_.get(), SHUT_WR);
  Start();
  EXPECT_EQ(End(), ErrorCode::kProtocol);
  EXPECT_LE(codec_.fed.size(), 64u * 1024) << "one read";
}

TEST_F(DriverTest, AFaultyPeerThatDoesNotReadIsNotWaitedFor) {
  codec_.echo = false;
  codec_.saying = std::string(2 << 20, 'x');
  Start();
  std::atomic<bool> full{false};
  while (!full) {
    OnWorker([this, &full] { full = codec_.produced > 0; });
  }
  OnWorker([this] { codec_.saying = std::string(2 << 20, 'x'); });
  // "sorry" will not fit either: what lies before it fills the socket.
  WriteAll(peer_.get(), "BAD");
  EXPECT_EQ(End(), ErrorCode::kProtocol);
}

TEST_F(DriverTest, ASlowReaderBoundsWhatIsProduced) {
  codec_.echo = false;
  codec_.saying = std::string(4 << 20, 'x');
  int size = 0;
  socklen_t length = sizeof(size);
  getsockopt(near_.get(), SOL_SOCKET, SO_SNDBUF, &size, &length);
  Start();
  size_t produced = 0, before = 1;
  while (produced != before || produced == 0) {  // until the socket is full
    before = produced;
    OnWorker([this, &produced] { produced = codec_.produced; });
  }
  EXPECT_LE(produced, static_cast<size_t>(size) * 2 + 3 * 128 * 1024);
  EXPECT_EQ(ReadUpTo(peer_.get(), 4 << 20).size(), 4u << 20);
}

TEST_F(DriverTest, APausedCodecLeavesTheRestInTheKernel) {
  codec_.echo = false;
  codec_.pause_at = 10;
  Start();
  WriteAll(peer_.get(), "0123456789");
  size_t fed = 0;
  while (fed < 10) OnWorker([this, &fed] { fed = codec_.fed.size(); });
  WriteAll(peer_.get(), std::string(100'000, 'x'));
  for (int i = 0; i < 10; ++i) OnWorker([this, &fed] { fed = codec_.fed.size(); });
  EXPECT_EQ(fed, 10u);
  OnWorker([this] {
    codec_.pause_at = std::string::npos;
    driver_->WantFlush();
  });
  while (fed < 100'010) OnWorker([this, &fed] { fed = codec_.fed.size(); });
  peer_ = Fd();
  EXPECT_EQ(End(), ErrorCode::kNone);
}

TEST_F(DriverTest, APausedDriverCanBeClosed) {
  codec_.pause_at = 1;
  Start();
  WriteAll(peer_.get(), "x");
  size_t fed = 0;
  while (fed < 1) OnWorker([this, &fed] { fed = codec_.fed.size(); });
  OnWorker([this] { driver_->Close(); });
  EXPECT_EQ(End(), ErrorCode::kNone);
}

TEST_F(DriverTest, CloseEndsIt) {
  Start();
  OnWorker([this] { driver_->Close(); });
  EXPECT_EQ(End(), ErrorCode::kNone);
  EXPECT_EQ(ReadToEnd(peer_.get()), "");
}

TEST_F(DriverTest, StopEndsAnIdleOne) {
  Start();
  pool_.Stop();
  EXPECT_EQ(End(), ErrorCode::kDrain);
}

TEST_F(DriverTest, StopEndsAPausedOne) {
  codec_.pause_at = 1;
  Start();
  WriteAll(peer_.get(), "x");
  size_t fed = 0;
  while (fed < 1) OnWorker([this, &fed] { fed = codec_.fed.size(); });
  pool_.Stop();
  EXPECT_EQ(End(), ErrorCode::kDrain);
}

// A peer that never stops sending never lets the driver wait.
TEST_F(DriverTest, StopEndsABusyOne) {
  codec_.echo = false;
  Start();
  std::thread flood([this] {
    const std::string block(256 * 1024, 'x');
    while (send(peer_.get(), block.data(), block.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  size_t fed = 0;
  while (fed < 1 << 20) {
    OnWorker([this, &fed] {
      fed += codec_.fed.size();
      codec_.fed.clear();
    });
  }
  pool_.Stop();
  EXPECT_NE(End(), ErrorCode::kProtocol);
  flood.join();
}

TEST(ReadBufferTest, ReusesABlockThatNobodyHolds) {
  ReadBuffer buffer;
  size_t room;
  char* first = buffer.Room(room);
  EXPECT_EQ(room, ReadBuffer::kSize);
  { const Slice taken = buffer.Take(60'000); }
  EXPECT_EQ(buffer.Room(room), first);
  EXPECT_EQ(room, ReadBuffer::kSize);
}

TEST(ReadBufferTest, NeverWritesOverWhatIsHeld) {
  ReadBuffer buffer;
  std::vector<Slice> held;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    size_t room;
    char* at = buffer.Room(room);
    ASSERT_GE(room, ReadBuffer::kSize / 4);
    const size_t part = std::min<size_t>(room, 7000);
    std::memset(at, 'a' + i % 26, part);
    held.push_back(buffer.Take(part));
  }
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i].view(), std::string(held[i].size(), static_cast<char>('a' + i % 26)));
  }
}

}  // namespace
}  // namespace outrigger::proxy
