#include "proxy/snapshot/cidr.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

bool In(std::string_view ip, std::string_view prefix, uint32_t bits) {
  const absl::StatusOr<CidrRange> range = CidrRange::Make(prefix, bits);
  EXPECT_TRUE(range.ok()) << range.status();
  const std::optional<IpBytes> bytes = ParseIp(ip);
  EXPECT_TRUE(bytes.has_value()) << ip;
  return range.ok() && bytes && range->Contains(*bytes);
}

TEST(CidrTest, ComparesTheFirstBits) {
  EXPECT_TRUE(In("10.1.2.3", "10.0.0.0", 8));
  EXPECT_FALSE(In("11.1.2.3", "10.0.0.0", 8));
  EXPECT_TRUE(In("172.31.255.255", "172.16.0.0", 12));
  EXPECT_FALSE(In("172.32.0.0", "172.16.0.0", 12));
  EXPECT_TRUE(In("192.168.1.1", "192.168.1.1", 32));
  EXPECT_FALSE(In("192.168.1.2", "192.168.1.1", 32));
  EXPECT_TRUE(In("203.0.113.1", "0.0.0.0", 0));
}

TEST(CidrTest, KeepsTheFamiliesApart) {
  EXPECT_FALSE(In("::1", "0.0.0.0", 0));
  EXPECT_TRUE(In("2001:db8::1", "2001:db8::", 32));
  EXPECT_FALSE(In("2001:db9::1", "2001:db8::", 32));
  EXPECT_TRUE(In("::ffff:10.0.0.1", "10.0.0.0", 8));  // the mapped form is the same address
}

TEST(CidrTest, SaysWhatIsWrong) {
  EXPECT_FALSE(CidrRange::Make("10.0.0", 8).ok());
  EXPECT_FALSE(CidrRange::Make("", 0).ok());
  EXPECT_FALSE(CidrRange::Make("10.0.0.0", 33).ok());
  EXPECT_TRUE(CidrRange::Make("::", 128).ok());
  EXPECT_FALSE(CidrRange::Make("::", 129).ok());
}

TEST(CidrTest, ReadsLiteralsOnly) {
  EXPECT_FALSE(ParseIp("localhost"));
  EXPECT_FALSE(ParseIp("10.0.0.1:80"));
  EXPECT_FALSE(ParseIp(std::string_view("10.0.0.1\0", 9)));
  EXPECT_FALSE(ParseIp(std::string(100, '1')));
}

}  // namespace
}  // namespace outrigger::proxy
