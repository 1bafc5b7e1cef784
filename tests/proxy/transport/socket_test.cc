#include "proxy/transport/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

struct Ends {
  Fd near, far;
};

Ends SocketPair(int flags = SOCK_NONBLOCK) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) != -1; }

// Not bazel's folder: the path of a Unix socket has 108 bytes at most.
struct TempFolder {
  TempFolder() { EXPECT_NE(mkdtemp(path), nullptr); }
  ~TempFolder() { std::filesystem::remove_all(path); }
  std::string File(const char* name) const { return std::string(path) + "/" + name; }
  char path[32] = "/tmp/outrigger-socket-XXXXXX";
};

TEST(FdTest, ClosesWhatItOwns) {
  Ends ends = SocketPair();
  const int raw = ends.near.get();
  {
    Fd moved = std::move(ends.near);
    EXPECT_FALSE(ends.near);
    EXPECT_EQ(moved.get(), raw);
    EXPECT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

class SocketTest : public testing::Test {
 protected:
  scheduler::Netpoll netpoll_{/*shared=*/false};
};

TEST_F(SocketTest, ReadsWhatIsThere) {
  Ends ends = SocketPair();
  Socket socket(netpoll_, std::move(ends.near));
  char buffer[16];
  EXPECT_EQ(socket.Read(buffer, sizeof(buffer)).kind, IoResult::Kind::kAgain);
  ASSERT_EQ(write(ends.far.get(), "hello", 5), 5);
  const IoResult got = socket.Read(buffer, sizeof(buffer));
  EXPECT_EQ(got.kind, IoResult::Kind::kBytes);
  EXPECT_EQ(std::string(buffer, got.bytes), "hello");
  ends.far = Fd();
  EXPECT_EQ(socket.Read(buffer, sizeof(buffer)).kind, IoResult::Kind::kEof);
}

TEST_F(SocketTest, WritesFromTheFrontUntilFull) {
  Ends ends = SocketPair();
  Socket socket(netpoll_, std::move(ends.near));
  SliceQueue out;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string part = std::to_string(i) + std::string(200, 'x');
    out.Push(Slice::Copy(part));
    expected += part;
  }
  std::string got;
  while (!out.empty()) {
    const size_t before = out.bytes();
    const IoResult put = socket.Write(out);
    if (put.kind == IoResult::Kind::kBytes) {
      EXPECT_EQ(out.bytes(), before - put.bytes);
      continue;
    }
    ASSERT_EQ(put.kind, IoResult::Kind::kAgain);
    char buffer[65536];
    const ssize_t n = read(ends.far.get(), buffer, sizeof(buffer));
    ASSERT_GT(n, 0);
    got.append(buffer, static_cast<size_t>(n));
  }
  char buffer[65536];
  for (ssize_t n; (n = read(ends.far.get(), buffer, sizeof(buffer))) > 0;) {
    got.append(buffer, static_cast<size_t>(n));
  }
  EXPECT_EQ(got, expected);
}

TEST_F(SocketTest, ABrokenPipeIsAnErrorAndNoSignal) {
  Ends ends = SocketPair();
  Socket socket(netpoll_, std::move(ends.near));
  ends.far = Fd();
  SliceQueue out;
  out.Push(Slice::Static("x"));
  const IoResult put = socket.Write(out);
  EXPECT_EQ(put.kind, IoResult::Kind::kError);
  EXPECT_EQ(put.error, EPIPE);
  out.Push(Slice::Static("y"));
  EXPECT_EQ(socket.Write(out).kind, IoResult::Kind::kError);
}

TEST_F(SocketTest, ShutdownIsAnEndOfStreamToBoth) {
  Ends ends = SocketPair();
  Socket socket(netpoll_, std::move(ends.near));
  socket.Shutdown();
  char buffer[1];
  EXPECT_EQ(socket.Read(buffer, 1).kind, IoResult::Kind::kEof);
  EXPECT_EQ(read(ends.far.get(), buffer, 1), 0);
}

void WaitWritable(int fd) {
  pollfd poll_fd{fd, POLLOUT, 0};
  ASSERT_EQ(poll(&poll_fd, 1, 10'000), 1);
}

TEST_F(SocketTest, ConnectsToAListener) {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    absl::StatusOr<Fd> listening = Listen(*Address::Parse(text), 16, /*reuse_port=*/false);
    ASSERT_TRUE(listening.ok()) << listening.status();
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    getsockname(listening->get(), reinterpret_cast<sockaddr*>(&storage), &length);
    const Address address = Address::From(storage, length);
    ASSERT_NE(address.port(), 0);
    absl::StatusOr<Fd> fd = StartConnect(address);
    ASSERT_TRUE(fd.ok()) << fd.status();
    WaitWritable(fd->get());
    EXPECT_EQ(ConnectError(fd->get()), 0);
    int no_delay = 0;
    socklen_t size = sizeof(no_delay);
    getsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
    EXPECT_NE(no_delay, 0);
    Socket socket(netpoll_, *std::move(fd));
    EXPECT_EQ(socket.PeerAddress(), address);
    EXPECT_EQ(socket.LocalAddress().ip(), address.ip());
  }
}

TEST_F(SocketTest, ARefusedConnectSaysSo) {
  Address address;
  {
    absl::StatusOr<Fd> gone = Listen(*Address::Parse("127.0.0.1:0"), 1, false);
    sockaddr_storage storage{};
    socklen_t length = sizeof(storage);
    getsockname(gone->get(), reinterpret_cast<sockaddr*>(&storage), &length);
    address = Address::From(storage, length);
  }
  absl::StatusOr<Fd> fd = StartConnect(address);
  if (!fd.ok()) return;  // some kernels know at once
  WaitWritable(fd->get());
  EXPECT_EQ(ConnectError(fd->get()), ECONNREFUSED);
}

TEST_F(SocketTest, ATakenAddressIsNamed) {
  absl::StatusOr<Fd> first = Listen(*Address::Parse("127.0.0.1:0"), 1, false);
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(first->get(), reinterpret_cast<sockaddr*>(&storage), &length);
  const Address address = Address::From(storage, length);
  const absl::Status taken = Listen(address, 1, false).status();
  EXPECT_NE(std::string(taken.message()).find("bind " + address.text), std::string::npos) << taken;
  EXPECT_NE(std::string(taken.message()).find("Address already in use"), std::string::npos)
      << taken;
}

TEST_F(SocketTest, ReusePortSharesAnAddress) {
  absl::StatusOr<Fd> first = Listen(*Address::Parse("127.0.0.1:0"), 1, /*reuse_port=*/true);
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  getsockname(first->get(), reinterpret_cast<sockaddr*>(&storage), &length);
  const Address address = Address::From(storage, length);
  EXPECT_TRUE(Listen(address, 1, true).ok());
  EXPECT_FALSE(Listen(address, 1, false).ok());
}

TEST_F(SocketTest, AStaleUnixSocketIsReplacedALiveOneIsNot) {
  const TempFolder folder;
  const Address address = *Address::Pipe(folder.File("socket"));
  ASSERT_TRUE(Listen(address, 1, false).ok());  // closed again: the file stays
  absl::StatusOr<Fd> live = Listen(address, 1, false);
  ASSERT_TRUE(live.ok()) << live.status();
  EXPECT_FALSE(Listen(address, 1, false).ok());
  absl::StatusOr<Fd> fd = StartConnect(address);
  EXPECT_TRUE(fd.ok()) << "the live one still listens: " << fd.status();
}

TEST_F(SocketTest, AFileThatIsNoSocketIsLeftAlone) {
  const TempFolder folder;
  const std::string path = folder.File("file");
  Fd file(open(path.c_str(), O_CREAT | O_WRONLY, 0600));
  EXPECT_FALSE(Listen(*Address::Pipe(path), 1, false).ok());
  struct stat found;
  EXPECT_EQ(stat(path.c_str(), &found), 0);
}

}  // namespace
}  // namespace outrigger::proxy
