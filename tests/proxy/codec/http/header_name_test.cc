#include "proxy/codec/http/header_name.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

constexpr HeaderName kAll[] = {
#define X(name, text) HeaderName::name,
    OUTRIGGER_HEADER_NAMES(X)
#undef X
};

TEST(HeaderNameTest, EachNameIsFoundByItsText) {
  std::set<std::string_view> texts;
  for (const HeaderName name : kAll) {
    EXPECT_EQ(LookupHeader(HeaderText(name)), name) << HeaderText(name);
    texts.insert(HeaderText(name));
  }
  EXPECT_EQ(texts.size(), std::size(kAll)) << "two enumerators have one text";
}

TEST(HeaderNameTest, TextsAreLowerCase) {
  for (const HeaderName name : kAll) {
    for (const char c : HeaderText(name)) EXPECT_FALSE(c >= 'A' && c <= 'Z') << HeaderText(name);
  }
}

TEST(HeaderNameTest, NearMissesAreNotFound) {
  std::set<std::string_view> known;
  for (const HeaderName name : kAll) known.insert(HeaderText(name));
  for (const HeaderName name : kAll) {
    const std::string text(HeaderText(name));
    std::set<std::string> near = {text + "x", "x" + text, text.substr(1),
                                  text.substr(0, text.size() - 1)};
    for (size_t i = 0; i < text.size(); ++i) {
      for (const char c : {'\0', 'a', 'z', '-', 'A', static_cast<char>(0xff)}) {
        std::string other = text;
        other[i] = c;
        near.insert(other);
      }
    }
    for (const std::string& miss : near) {
      if (known.contains(miss)) continue;
      EXPECT_EQ(LookupHeader(miss), HeaderName::kOther) << miss;
    }
  }
}

TEST(HeaderNameTest, NoneIsOther) {
  EXPECT_EQ(LookupHeader(""), HeaderName::kOther);
  EXPECT_EQ(LookupHeader("Host"), HeaderName::kOther) << "names come in lower case";
  EXPECT_EQ(LookupHeader(std::string(100'000, 'x')), HeaderName::kOther);
  EXPECT_EQ(HeaderText(HeaderName::kOther), "");
}

}  // namespace
}  // namespace outrigger::proxy
