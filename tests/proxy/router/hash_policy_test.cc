#include "proxy/router/hash_policy.h"

#include <bit>

#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

// XXH64 with seed 0, by the xxhsum tool.
constexpr uint64_t kHashOfA = 0xd24ec4f1a98c6e5b;
constexpr uint64_t kHashOfEmpty = 0xef46db3751d8e999;

class HashPolicyTest : public HeadersTest {
 protected:
  std::optional<uint64_t> Hash(const std::vector<HashPolicy>& policies, const Fields& fields,
                               std::string_view client = "") {
    set_cookies_.clear();
    return HashOf(policies, Fill(fields), {remote_, local_, client}, set_cookies_);
  }
  static HashPolicy OfHeader(const std::string& name) {
    return {.kind = HashPolicy::Kind::kHeader, .header = Key(name)};
  }
  static HashPolicy OfCookie(bool mint) {
    return {.kind = HashPolicy::Kind::kCookie,
            .name = "id",
            .mint_cookie = mint,
            .cookie_attributes = "; Path=/; HttpOnly"};
  }

  const Address remote_ = *Address::Parse("127.0.0.1:1000");
  const Address local_ = *Address::Parse("127.0.0.1:80");
  std::vector<std::string> set_cookies_;
};

TEST_F(HashPolicyTest, HashesAHeader) {
  EXPECT_EQ(Hash({OfHeader("x-a")}, {{"x-a", "a"}}), kHashOfA);
  EXPECT_EQ(Hash({OfHeader("x-a")}, {{"x-a", ""}}), kHashOfEmpty);
  EXPECT_EQ(Hash({OfHeader("x-a")}, {{"x-b", "a"}}), std::nullopt);
  EXPECT_EQ(Hash({}, {{"x-a", "a"}}), std::nullopt);
}

TEST_F(HashPolicyTest, TheOrderOfFieldsDoesNotMatter) {
  const auto one = Hash({OfHeader("x-a")}, {{"x-a", "1"}, {"x-a", "2"}});
  EXPECT_EQ(Hash({OfHeader("x-a")}, {{"x-a", "2"}, {"x-a", "1"}}), one);
  EXPECT_NE(Hash({OfHeader("x-a")}, {{"x-a", "1"}}), one);
}

TEST_F(HashPolicyTest, AHeaderMayBeRewrittenFirst) {
  HashPolicy policy = OfHeader("x-a");
  policy.header_rewrite = MakeRewrite("^/(.*)/.*$", "\\1");
  EXPECT_EQ(Hash({policy}, {{"x-a", "/a/xyz"}}), kHashOfA);
}

TEST_F(HashPolicyTest, HashesACookie) {
  EXPECT_EQ(Hash({OfCookie(false)}, {{"cookie", "x=y; id=a"}}), kHashOfA);
  EXPECT_EQ(Hash({OfCookie(false)}, {{"cookie", "id=\"a\""}}), kHashOfA);
  EXPECT_EQ(Hash({OfCookie(false)}, {{"cookie", "id="}}), std::nullopt);
  EXPECT_EQ(Hash({OfCookie(false)}, {}), std::nullopt);
  EXPECT_TRUE(set_cookies_.empty());
}

TEST_F(HashPolicyTest, MintsACookieOfTheConnection) {
  const auto hash = Hash({OfCookie(true)}, {});
  ASSERT_EQ(set_cookies_.size(), 1u);
  const std::string minted = set_cookies_[0];
  EXPECT_TRUE(minted.starts_with("id=\"")) << minted;
  EXPECT_TRUE(minted.ends_with("\"; Path=/; HttpOnly")) << minted;
  EXPECT_EQ(minted.size(), std::string("id=\"0123456789abcdef\"; Path=/; HttpOnly").size());
  EXPECT_EQ(Hash({OfCookie(true)}, {}), hash);
  const Fields with_it = {{"cookie", minted.substr(0, minted.find(';'))}};
  EXPECT_EQ(Hash({OfCookie(true)}, with_it), hash) << "comes back to the same host";
  EXPECT_TRUE(set_cookies_.empty());
}

TEST_F(HashPolicyTest, HashesAddressAndQuery) {
  const HashPolicy source{.kind = HashPolicy::Kind::kSourceIp};
  EXPECT_EQ(Hash({source}, {}, "a"), kHashOfA);
  EXPECT_EQ(Hash({source}, {}), std::nullopt);
  const HashPolicy query{.kind = HashPolicy::Kind::kQueryParameter, .name = "q"};
  EXPECT_EQ(Hash({query}, {{":path", "/?q=a"}}), kHashOfA);
  EXPECT_EQ(Hash({query}, {{":path", "/?q"}}), kHashOfEmpty);
  EXPECT_EQ(Hash({query}, {{":path", "/"}}), std::nullopt);
}

TEST_F(HashPolicyTest, PoliciesAddUpUntilATerminalOne) {
  const Fields fields = {{"x-a", "a"}, {"x-b", "a"}};
  EXPECT_EQ(Hash({OfHeader("x-a"), OfHeader("none"), OfHeader("x-b")}, fields),
            std::rotl(kHashOfA, 1) ^ kHashOfA);
  HashPolicy terminal = OfHeader("x-a");
  terminal.terminal = true;
  EXPECT_EQ(Hash({terminal, OfHeader("x-b")}, fields), kHashOfA);
  HashPolicy idle = OfHeader("none");
  idle.terminal = true;
  EXPECT_EQ(Hash({idle, OfHeader("x-b")}, fields), kHashOfA);
}

TEST_F(HashPolicyTest, CookiesAreTakenApart) {
  const auto value = [this](const std::string& cookie) {
    Fill({{"cookie", cookie}});
    return std::string(CookieValue(headers_, "id"));
  };
  EXPECT_EQ(value("id=1; id=2"), "1");
  EXPECT_EQ(value("x; ;  id=1"), "1");
  EXPECT_EQ(value("idx=1;xid=2"), "");
  EXPECT_EQ(value("id=\""), "\"");
  EXPECT_EQ(value("id=a=b"), "a=b");
  EXPECT_EQ(value(""), "");
  Fill({{"cookie", "x=1"}, {"cookie", "id=2"}});
  EXPECT_EQ(CookieValue(headers_, "id"), "2");
}

}  // namespace
}  // namespace outrigger::proxy
