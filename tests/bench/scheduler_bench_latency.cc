// Cases of the scheduler's benchmark about time and descriptors: timers, a task due every
// millisecond beside CPU hogs, an echo over TCP.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>

#include "scheduler/base/check.h"
#include "scheduler/sync/select.h"
#include "tests/bench/bench_case.h"

namespace outrigger::scheduler {
namespace {

Task<> SleepAndNote(Nanos due, double& late) {
  co_await SleepUntil(due);
  late = static_cast<double>(MonotonicNow() - due);
}

struct TimersRun {
  std::vector<double> late;
  double armed_ns = 0;   // for each
  double rss_bytes = 0;  // for each
};

// Sleepers due 4 to 9 s after the start, in shuffled order.
Task<> RunTimers(TimersRun& run) {
  const size_t n = run.late.size();
  std::vector<JoinHandle> handles;
  handles.reserve(n);
  const double base = ResidentBytes();
  const Nanos start = MonotonicNow();
  for (size_t i = 0; i < n; ++i) {
    const Nanos due = start + 4 * kSecond + static_cast<Nanos>(i * 7919 % n) * 5'000;
    handles.push_back(Go("sleeper", SleepAndNote(due, run.late[i])));
  }
  run.armed_ns = static_cast<double>(MonotonicNow() - start) / static_cast<double>(n);
  co_await SleepUntil(start + 3'900 * kMillisecond);
  run.rss_bytes = (ResidentBytes() - base) / static_cast<double>(n);
  co_await JoinAll(handles);
}

// 10,000 live timers, each pushed back in turn.
Task<> ResetTimers(size_t n, std::vector<std::unique_ptr<Timer>>& timers) {
  Netpoll& netpoll = CurrentNetpoll();
  for (size_t i = 0; i < n; ++i) {
    netpoll.AddTimer(*timers[i % timers.size()], netpoll.Now() + 30 * kSecond);
  }
  co_return;
}

// A chain of multiplications that a compiler cannot shorten.
void Multiply(uint64_t n) {
  uint64_t x = n;
  for (uint64_t i = 0; i < n; ++i) x = (x ^ x >> 29) * 6364136223846793005u;
  asm volatile("" : : "r"(x));
}

// Each missed tick counts with its own latency, so that a long stall is not hidden by the ticks
// that it swallowed.
Task<> Tick(const std::atomic<bool>& stop, std::vector<double>& late) {
  const Nanos start = MonotonicNow();
  Nanos due = start + kMillisecond;
  while (!stop.load()) {
    co_await SleepUntil(due);
    for (const Nanos now = MonotonicNow(); due <= now; due += kMillisecond) {
      late.push_back(static_cast<double>(now - due));
    }
  }
}

Task<Figures> WithTicker(Task<> hogs) {
  std::atomic<bool> stop{false};
  std::vector<double> late;
  const JoinHandle ticker = Go("ticker", Tick(stop, late));
  co_await Sleep(20 * kMillisecond);
  const Figures timed = co_await Timed(1, std::move(hogs));
  stop.store(true);
  co_await ticker.Join();
  Figures figures{{"total_ms", timed.at("ns") / 1e6}, {"cpu_ms", timed.at("cpu_ns") / 1e6}};
  AddQuantiles(figures, "tick_", std::move(late));
  co_return figures;
}

Task<> FiniteHog() {
  Multiply(1'000'000);
  co_return;
}

Task<> EndlessHog(Nanos end) {
  while (MonotonicNow() < end) Multiply(100'000);
  co_return;
}

Task<> FiniteHogs() {
  std::vector<JoinHandle> handles;
  for (int i = 0; i < 1000; ++i) handles.push_back(Go("hog", FiniteHog()));
  co_await JoinAll(handles);
}

Task<> EndlessHogs(size_t n) {
  const Nanos end = MonotonicNow() + 2 * kSecond;
  std::vector<JoinHandle> handles;
  for (size_t i = 0; i < n; ++i) handles.push_back(Go("hog", EndlessHog(end)));
  co_await JoinAll(handles);
}

Task<> HogUntil(Channel<int>& end) {  // never gives way: looks, as a select with a default does
  while (true) {
    ReceiveCase<int> ended(end);
    const Selected which = TrySelect(ended);
    if (which.index == 0) co_return;
    Multiply(100'000);
  }
}

// How long a change of the number of Ps takes while four tasks never give way.
Task<> ChangeProcs(BenchOptions options, std::vector<double>& took) {
  Channel<int> end(0);
  std::vector<JoinHandle> hogs;
  for (int i = 0; i < 4; ++i) hogs.push_back(Go("hog", HogUntil(end)));
  co_await Sleep(20 * kMillisecond);
  for (size_t i = 0; i < took.size(); ++i) {
    const Nanos start = MonotonicNow();
    CurrentPool().SetProcs(static_cast<int>(options.procs + 1 - i % 2));
    took[i] = static_cast<double>(MonotonicNow() - start);
  }
  end.Close();
  co_await JoinAll(hogs);
}

// A connected or accepted socket. Owner: the coroutine that reads and writes it.
class EchoSocket {
 public:
  explicit EchoSocket(int fd) : fd_(fd), poll_(CurrentNetpoll(), fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }

  // All of 64 bytes; false when the peer has closed.
  Task<bool> Read(char* bytes) {
    size_t have = 0;
    while (have < kBytes) {
      const ssize_t n = recv(fd_.fd, bytes + have, kBytes - have, 0);
      if (n == 0) co_return false;
      if (n < 0) {
        OUTRIGGER_CHECK(errno == EAGAIN);
        const Wake wake = co_await poll_.Readable();
        if (wake != Wake::kReady) co_return false;
      } else {
        have += static_cast<size_t>(n);
      }
    }
    co_return true;
  }
  // 64 bytes at a time always fit into the socket's buffer.
  void Write(const char* bytes) {
    OUTRIGGER_CHECK(send(fd_.fd, bytes, kBytes, MSG_NOSIGNAL) == static_cast<ssize_t>(kBytes));
  }

  static constexpr size_t kBytes = 64;

 private:
  struct Fd {  // closed after poll_ has let go of it
    explicit Fd(int number) : fd(number) {}
    ~Fd() { close(fd); }
    const int fd;
  };
  Fd fd_;
  PollFd poll_;
};

Task<> Echo(int fd) {
  EchoSocket socket(fd);
  char bytes[EchoSocket::kBytes];
  while (true) {
    const bool got = co_await socket.Read(bytes);
    if (!got) co_return;
    socket.Write(bytes);
  }
}

Task<> Accept(int listener) {
  PollFd poll(CurrentNetpoll(), listener);
  while (true) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Go("echo", Echo(fd));
      continue;
    }
    const Wake wake = co_await poll.Readable();
    if (wake != Wake::kReady) co_return;
  }
}

Task<> Client(sockaddr_in address, size_t n) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  OUTRIGGER_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  OUTRIGGER_CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  EchoSocket socket(fd);
  char bytes[EchoSocket::kBytes] = {};
  for (size_t i = 0; i < n; ++i) {
    socket.Write(bytes);
    const bool got = co_await socket.Read(bytes);
    OUTRIGGER_CHECK(got);
  }
}

Task<> Clients(sockaddr_in address, size_t connections, size_t n) {
  std::vector<JoinHandle> handles;
  for (size_t i = 0; i < connections; ++i) {
    handles.push_back(Go("client", Client(address, n / connections)));
  }
  co_await JoinAll(handles);
}

Task<Figures> TcpEcho(size_t connections, size_t n) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  OUTRIGGER_CHECK(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                  listen(listener, 128) == 0 &&
                  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  JoinHandle acceptor = Go("accept", Accept(listener));
  Figures figures = co_await Timed(n, Clients(address, connections, n));
  acceptor.Cancel();
  co_await acceptor.Join();
  close(listener);
  co_return figures;
}

}  // namespace

Task<Figures> TimersCase(BenchOptions options) {
  const size_t n = options.Scaled(1'000'000);
  TimersRun run{.late = std::vector<double>(n)};
  Figures figures = co_await Timed(n, RunTimers(run));
  figures["ns"] = run.armed_ns;
  figures["rss_bytes"] = run.rss_bytes;
  AddQuantiles(figures, "late_", std::move(run.late));
  co_return figures;
}

Task<Figures> TimerResetCase(BenchOptions options) {
  const size_t n = options.Scaled(2'000'000);
  Netpoll& netpoll = CurrentNetpoll();
  std::vector<std::unique_ptr<Timer>> timers(10'000);
  for (auto& timer : timers) {
    timer = std::make_unique<Timer>([](Timer&) {});
    netpoll.AddTimer(*timer, netpoll.Now() + 30 * kSecond);
  }
  Figures figures = co_await Timed(n, ResetTimers(n, timers));
  for (auto& timer : timers) netpoll.RemoveTimer(*timer);
  co_return figures;
}

Task<Figures> HogsFiniteCase(BenchOptions) { return WithTicker(FiniteHogs()); }
Task<Figures> HogsEndlessCase(BenchOptions options) {
  return WithTicker(EndlessHogs(2 * options.procs));
}

Task<Figures> ResizeCase(BenchOptions options) {
  std::vector<double> took(options.Scaled(500));
  co_await ChangeProcs(options, took);
  Figures figures;
  AddQuantiles(figures, "took_", std::move(took));
  co_return figures;
}

Task<Figures> Tcp1Case(BenchOptions options) { return TcpEcho(1, options.Scaled(50'000)); }
Task<Figures> Tcp64Case(BenchOptions options) { return TcpEcho(64, options.Scaled(320'000)); }

}  // namespace outrigger::scheduler
