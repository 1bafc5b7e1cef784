#include "scheduler/netpoll/netpoll.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

// A connected pair of non-blocking stream sockets.
struct SocketPair {
  SocketPair() { OUTRIGGER_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0); }
  ~SocketPair() {
    close(fds[0]);
    close(fds[1]);
  }
  void Send(const std::string& text) const {
    OUTRIGGER_CHECK(write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  int fds[2];
};

class PollFdTest : public testing::TestWithParam<Policy> {
 protected:
  SocketPair sockets_;
  Pool pool_{Options(GetParam(), 2)};
};
INSTANTIATE_TEST_SUITE_P(Policies, PollFdTest, testing::ValuesIn(kPolicies));

// Waits, then reads up to a short read, until the end or a cancel.
Task<> ReadAll(int fd, std::atomic<int>& read_bytes, std::string& text) {
  PollFd poll(CurrentNetpoll(), fd);
  char buffer[16];
  while (true) {
    const Wake wake = co_await poll.Readable();
    if (wake != Wake::kReady) co_return;
    ssize_t n;
    do {
      n = read(fd, buffer, sizeof(buffer));
      if (n == 0) co_return;
      if (n > 0) {
        text.append(buffer, static_cast<size_t>(n));
        read_bytes.fetch_add(static_cast<int>(n));
      }
    } while (n == sizeof(buffer));
  }
}

TEST_P(PollFdTest, WakesAReaderForEachPiece) {
  std::atomic<int> bytes{0};
  std::string text;
  std::promise<void> ended;
  Spawn(pool_, "read", RunAndTell(ReadAll(sockets_.fds[0], bytes, text), ended));
  for (int i = 1; i <= 100; ++i) {
    sockets_.Send("hello");
    Await([&] { return bytes.load() == 5 * i; });
  }
  shutdown(sockets_.fds[1], SHUT_WR);
  ended.get_future().get();
  EXPECT_EQ(text.size(), 500u);
}

TEST_P(PollFdTest, TellsOfAnEndThatCameWithTheLastBytes) {
  std::atomic<int> bytes{0};
  std::string text;
  sockets_.Send("last");
  shutdown(sockets_.fds[1], SHUT_WR);  // one edge for both: at registration
  RunToEnd(pool_, ReadAll(sockets_.fds[0], bytes, text));
  EXPECT_EQ(text, "last");
}

Task<> AwaitReadable(int fd, Nanos timeout, Wake& result) {
  PollFd poll(CurrentNetpoll(), fd);
  result = co_await poll.Readable(timeout == kNever ? kNever : MonotonicNow() + timeout);
}

TEST_P(PollFdTest, EndsAWaitAtItsDeadline) {
  Wake result = Wake::kReady;
  const Nanos before = MonotonicNow();
  RunToEnd(pool_, AwaitReadable(sockets_.fds[0], 5 * kMillisecond, result));
  EXPECT_EQ(result, Wake::kTimeout);
  EXPECT_GE(MonotonicNow() - before, 5 * kMillisecond);
}

TEST_P(PollFdTest, ADeadlineInThePastEndsTheWait) {
  Wake result = Wake::kReady;
  RunToEnd(pool_, AwaitReadable(sockets_.fds[0], -kSecond, result));
  EXPECT_EQ(result, Wake::kTimeout);
}

TEST_P(PollFdTest, ReadinessBeforeTheWaitIsKept) {
  sockets_.Send("x");
  Wake result = Wake::kTimeout;
  RunToEnd(pool_, AwaitReadable(sockets_.fds[0], kNever, result));
  EXPECT_EQ(result, Wake::kReady);
}

TEST_P(PollFdTest, StopEndsAWait) {
  Wake result = Wake::kReady;
  Spawn(pool_, "wait", AwaitReadable(sockets_.fds[0], 3600 * kSecond, result));
  pool_.Stop();
  EXPECT_EQ(result, Wake::kCancelled);
}

Task<> WriteMuch(int fd, size_t size) {
  PollFd poll(CurrentNetpoll(), fd);
  const std::vector<char> zeros(size);
  for (size_t done = 0; done < size;) {
    const ssize_t n = write(fd, zeros.data() + done, size - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
      continue;
    }
    const Wake wake = co_await poll.Writable(MonotonicNow() + 60 * kSecond);
    OUTRIGGER_CHECK(wake == Wake::kReady);
  }
  shutdown(fd, SHUT_WR);
}

TEST_P(PollFdTest, BothSidesWaitForEachOther) {
  constexpr size_t kSize = 4 << 20;  // many times the socket's buffer
  std::atomic<int> bytes{0};
  std::string text;
  std::promise<void> ended;
  Spawn(pool_, "write", WriteMuch(sockets_.fds[1], kSize));
  RunToEnd(pool_, ReadAll(sockets_.fds[0], bytes, text));
  EXPECT_EQ(text.size(), kSize);
}

// Registers and drops descriptors while another P polls and runs their callbacks.
Task<> ShortLivedPollFds(int fd, int times) {
  for (int i = 0; i < times; ++i) {
    PollFd poll(CurrentNetpoll(), fd);
    if (i % 2 == 0) {
      const Wake wake = co_await poll.Readable();
      OUTRIGGER_CHECK(wake == Wake::kReady);
    }
  }
}

Task<> ManyShortLivedPollFds(const std::vector<SocketPair>& pairs, int times) {
  std::vector<JoinHandle> handles;
  for (const SocketPair& pair : pairs) {
    handles.push_back(Go("poll", ShortLivedPollFds(pair.fds[0], times)));
  }
  for (const JoinHandle& handle : handles) co_await handle.Join();
}

TEST_P(PollFdTest, MayGoWhileItsCallbackRuns) {
  std::vector<SocketPair> pairs(8);
  for (const SocketPair& pair : pairs) pair.Send("x");
  RunToEnd(pool_, ManyShortLivedPollFds(pairs, 1000));
}

TEST(WritableCallbackTest, RunsOnAWritableEdge) {
  SocketPair sockets;
  Pool pool(Options(Policy::kPinned, 1));
  std::unique_ptr<PollFd> poll;
  std::atomic<int> calls{0};
  RunPosted(pool, [&] {
    poll = std::make_unique<PollFd>(pool.processor(0).netpoll(), sockets.fds[0]);
    poll->SetWritableCallback([](void* owner) { ++*static_cast<std::atomic<int>*>(owner); },
                              &calls);
  });
  Await([&] { return calls.load() > 0; });  // writable from the start
  char buffer[4096] = {};
  while (write(sockets.fds[0], buffer, sizeof(buffer)) > 0) {
  }
  const int before = calls.load();
  while (read(sockets.fds[1], buffer, sizeof(buffer)) > 0) {
  }
  Await([&] { return calls.load() > before; });
  RunPosted(pool, [&] { poll.reset(); });
}

struct CountingTimer : Timer {
  CountingTimer() : Timer([](Timer& self) { ++static_cast<CountingTimer&>(self).fired; }) {}
  std::atomic<int> fired{0};
};

class NetpollTest : public testing::TestWithParam<bool> {
 protected:
  Netpoll netpoll_{/*shared=*/GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shared, NetpollTest, testing::Bool());

TEST_P(NetpollTest, ABlockingPollFiresTimersAtTheirTimeAndRemovedOnesNever) {
  CountingTimer removed, fires, later;
  const Nanos start = MonotonicNow();
  netpoll_.AddTimer(removed, start + kMillisecond);
  netpoll_.AddTimer(fires, start + 3 * kMillisecond);
  netpoll_.AddTimer(later, start + 3600 * kSecond);
  netpoll_.RemoveTimer(removed);
  while (fires.fired == 0) netpoll_.Poll(/*block=*/true);
  EXPECT_GE(MonotonicNow() - start, 3 * kMillisecond);
  EXPECT_EQ(removed.fired, 0);
  EXPECT_EQ(later.fired, 0);
  netpoll_.RemoveTimer(later);
  netpoll_.Wakeup();
  netpoll_.Poll(/*block=*/true);
  EXPECT_EQ(fires.fired, 1);
}

TEST_P(NetpollTest, AWakeupBeforeThePollEndsIt) {
  for (int i = 0; i < 3; ++i) {
    netpoll_.Wakeup();
    netpoll_.Wakeup();
    netpoll_.Poll(/*block=*/true);
  }
}

TEST_P(NetpollTest, APollThatDoesNotBlockReturns) {
  CountingTimer due;
  netpoll_.Poll(/*block=*/false);
  netpoll_.AddTimer(due, 0);
  netpoll_.Poll(/*block=*/false);
  EXPECT_EQ(due.fired, 1);
}

TEST(SharedNetpollTest, ANearerTimerWakesAPollThatSleeps) {
  Netpoll netpoll(/*shared=*/true);
  CountingTimer far;
  netpoll.AddTimer(far, MonotonicNow() + 3600 * kSecond);
  std::atomic<bool> over{false};
  std::thread poller([&] {
    while (!over.load()) netpoll.Poll(/*block=*/true);
  });
  for (int i = 0; i < 20; ++i) {
    CountingTimer near;
    netpoll.AddTimer(near, MonotonicNow() + kMillisecond);
    Await([&] { return near.fired.load() == 1; });
    netpoll.RemoveTimer(near);  // and waits until its call is over
  }
  over.store(true);
  netpoll.Wakeup();
  poller.join();
  netpoll.RemoveTimer(far);
}

}  // namespace
}  // namespace outrigger::scheduler
