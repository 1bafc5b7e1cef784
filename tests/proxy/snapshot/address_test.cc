#include "proxy/snapshot/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace outrigger::proxy {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const absl::StatusOr<Address>& address) {
  return address.ok() ? "no error" : std::string(address.status().message());
}

TEST(AddressTest, ReadsIpv4AndIpv6) {
  const absl::StatusOr<Address> v4 = Address::Ip("10.0.0.1", 80);
  ASSERT_TRUE(v4.ok()) << v4.status();
  EXPECT_EQ(v4->text, "10.0.0.1:80");
  EXPECT_EQ(v4->ip(), "10.0.0.1");
  EXPECT_EQ(v4->port(), 80);
  EXPECT_EQ(v4->family(), AF_INET);
  const absl::StatusOr<Address> v6 = Address::Ip("2001:DB8:0::1", 65535);
  ASSERT_TRUE(v6.ok()) << v6.status();
  EXPECT_EQ(v6->text, "[2001:db8::1]:65535");
  EXPECT_EQ(v6->ip(), "2001:db8::1");
  EXPECT_EQ(v6->port(), 65535);
}

TEST(AddressTest, RefusesNamesAndPortsOutOfRange) {
  EXPECT_EQ(ErrorOf(Address::Ip("example.com", 80)), "\"example.com\" is not an IP address");
  EXPECT_EQ(ErrorOf(Address::Ip("", 80)), "\"\" is not an IP address");
  EXPECT_EQ(ErrorOf(Address::Ip("10.0.0.1", 65536)), "port 65536 is above 65535");
}

TEST(AddressTest, ParsesTheTextThatItWrites) {
  for (const char* text : {"127.0.0.1:0", "[::1]:8080"}) {
    const absl::StatusOr<Address> address = Address::Parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->text, text);
  }
  for (const char* text : {"127.0.0.1", "127.0.0.1:x", ":", "", "[::1]"}) {
    EXPECT_FALSE(Address::Parse(text).ok()) << text;
  }
}

TEST(AddressTest, ParsesUnixSocketPaths) {
  const absl::StatusOr<Address> address = Address::Parse("unix:/run/x.sock");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->text, "/run/x.sock");
  EXPECT_EQ(address->ip(), "/run/x.sock");
  EXPECT_EQ(address->port(), 0);
  EXPECT_FALSE(address->is_ip());
}

TEST(AddressTest, RefusesUnixPathsThatTheKernelCannotHold) {
  EXPECT_THAT(ErrorOf(Address::Pipe("")), HasSubstr("1 to 107 characters"));
  EXPECT_TRUE(Address::Pipe(std::string(107, 'x')).ok());
  EXPECT_THAT(ErrorOf(Address::Pipe(std::string(108, 'x'))), HasSubstr("1 to 107 characters"));
}

// Binds for real, so that length and leading zero byte are the kernel's own view.
TEST(AddressTest, AbstractSocketsComeBackFromTheKernelAsTheyWentIn) {
  const std::string name = "@outrigger-address-test-" + std::to_string(getpid());
  const absl::StatusOr<Address> address = Address::Pipe(name);
  ASSERT_TRUE(address.ok()) << address.status();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, address->get(), address->length), 0);
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length), 0);
  EXPECT_EQ(Address::From(storage, length).text, name);
  EXPECT_EQ(Address::From(storage, length), *address);
  close(fd);
}

}  // namespace
}  // namespace outrigger::proxy
