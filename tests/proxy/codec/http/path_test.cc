#include "proxy/codec/http/path.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

TEST(PathOnlyTest, EndsBeforeQueryAndFragment) {
  EXPECT_EQ(PathOnly("/a/b?c#d"), "/a/b");
  EXPECT_EQ(PathOnly("/a#d?c"), "/a");
  EXPECT_EQ(PathOnly("/a"), "/a");
  EXPECT_EQ(PathOnly(""), "");
}

TEST(QueryParameterTest, IsTheFirstOfItsName) {
  EXPECT_EQ(QueryParameter("/?a=1&b=2&a=3", "a"), "1");
  EXPECT_EQ(QueryParameter("/?a=1&b=2&a=3", "b"), "2");
  EXPECT_EQ(QueryParameter("/?aa=1", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("/?A=1", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("/a=1", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("", "a"), std::nullopt);
}

TEST(QueryParameterTest, MayBeEmpty) {
  EXPECT_EQ(QueryParameter("/?a", "a"), "");
  EXPECT_EQ(QueryParameter("/?a=", "a"), "");
  EXPECT_EQ(QueryParameter("/?&&a=&", "a"), "");
  EXPECT_EQ(QueryParameter("/?=1", ""), "1");
}

TEST(QueryParameterTest, IsNotDecodedAndEndsAtTheNextPair) {
  EXPECT_EQ(QueryParameter("/?a=b%20c+d", "a"), "b%20c+d");
  EXPECT_EQ(QueryParameter("/?%61=1", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("/?a=b=c", "a"), "b=c");
  EXPECT_EQ(QueryParameter("/?a=b?c", "a"), "b?c");
  EXPECT_EQ(QueryParameter("/??a=b", "a"), std::nullopt);
}

}  // namespace
}  // namespace outrigger::proxy
