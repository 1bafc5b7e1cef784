#include "proxy/connection/client_address.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

// What is expected here is Envoy's: docs "HTTP header manipulation", x-forwarded-for.
class ClientAddressTest : public testing::Test {
 protected:
  ClientAddress Find(std::string_view forwarded) {
    request_.Clear();
    if (!forwarded.empty()) request_.Add(HeaderName::kXForwardedFor, forwarded);
    return FindClientAddress(request_, options_, peer_);
  }

  Arena arena_;
  Headers request_{arena_};
  HttpListenerOptions options_;
  Address peer_ = *Address::Ip("10.0.0.9", 1234);
};

TEST_F(ClientAddressTest, AnIntermediateBelievesTheLastHop) {
  EXPECT_EQ(Find("").ip, "");
  EXPECT_EQ(Find("1.2.3.4").ip, "1.2.3.4");
  EXPECT_EQ(Find("1.2.3.4,  5.6.7.8 ").ip, "5.6.7.8");
  EXPECT_EQ(Find("1.2.3.4, ::1").ip, "::1");
  EXPECT_EQ(Find("1.2.3.4, unknown").ip, "");
  options_.xff_num_trusted_hops = 1;
  EXPECT_EQ(Find("1.2.3.4, 5.6.7.8").ip, "1.2.3.4");
  EXPECT_EQ(Find("1.2.3.4").ip, "") << "fewer hops than are trusted";
}

TEST_F(ClientAddressTest, AnEdgeBelievesItsPeer) {
  options_.use_remote_address = true;
  EXPECT_EQ(Find("1.2.3.4").ip, "");
  options_.xff_num_trusted_hops = 1;
  EXPECT_EQ(Find("1.2.3.4, 5.6.7.8").ip, "5.6.7.8");
}

TEST_F(ClientAddressTest, OnlyOneHopAwayIsInternal) {
  EXPECT_FALSE(Find("10.1.1.1").internal) << "nothing is by default";
  options_.internal_ranges.push_back(*CidrRange::Make("10.0.0.0", 8));
  EXPECT_TRUE(Find("10.1.1.1").internal);
  EXPECT_FALSE(Find("10.1.1.1, 10.1.1.2").internal);
  EXPECT_FALSE(Find("11.1.1.1").internal);
  EXPECT_FALSE(Find("").internal);
  options_.use_remote_address = true;
  EXPECT_TRUE(Find("").internal);
  EXPECT_FALSE(Find("10.1.1.1").internal) << "with the peer there are two hops";
  peer_ = *Address::Ip("11.0.0.9", 1);
  EXPECT_FALSE(Find("").internal);
  peer_ = *Address::Pipe("/tmp/a");
  EXPECT_FALSE(Find("").internal);
  options_.internal_unix_sockets = true;
  EXPECT_TRUE(Find("").internal);
}

}  // namespace
}  // namespace outrigger::proxy
