#include "proxy/cluster/lb/hash.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace outrigger::proxy {
namespace {

TEST(HashTest, XxHashIsThatOf64Bits) {
  EXPECT_EQ(XxHash(""), 0xef46db3751d8e999u);
  EXPECT_EQ(XxHash("foo"), 0x33bf00a859c4ba3fu);
  EXPECT_NE(XxHash("foo", 1), XxHash("foo"));
}

// libstdc++ hashes strings with the same function and seed.
TEST(HashTest, MurmurIsLibstdcxxs) {
  std::string key;
  for (int size = 0; size < 100; ++size) {
    EXPECT_EQ(MurmurHash2(key), std::hash<std::string>()(key)) << size;
    key += static_cast<char>(37 * size);
  }
}

TEST(HashTest, AHostIsHashedByItsAddressNameOrKey) {
  Host host;
  host.address = *Address::Parse("10.0.0.1:80");
  host.hostname = "a.test";
  LbOptions options;
  EXPECT_EQ(HashKey(host, options), "10.0.0.1:80");
  options.use_hostname_for_hashing = true;
  EXPECT_EQ(HashKey(host, options), "a.test");
  host.hash_key = "key";
  EXPECT_EQ(HashKey(host, options), "key");
}

}  // namespace
}  // namespace outrigger::proxy
