// router_test.h: what the tests of proxy/router share: headers from pairs and back, expressions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/codec/http/headers.h"
#include "proxy/snapshot/route.h"
#include "re2/re2.h"

namespace outrigger::proxy {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline Regex MakeRegex(const std::string& pattern) {
  return std::make_shared<const re2::RE2>(pattern);
}

inline std::shared_ptr<const RegexRewrite> MakeRewrite(const std::string& pattern,
                                                       const std::string& substitution) {
  return std::make_shared<const RegexRewrite>(RegexRewrite{MakeRegex(pattern), substitution});
}

inline HeaderKey Key(const std::string& name, bool list = false) {
  return {name, LookupHeader(name), list};
}

class HeadersTest : public testing::Test {
 protected:
  Headers& Fill(const Fields& fields) {
    headers_.Clear();
    for (const auto& [name, value] : fields) headers_.Add(name, value);
    return headers_;
  }
  std::string Text() const {
    std::string text;
    for (const Header& header : headers_) {
      text.append(header.name).append("=").append(header.value).append(";");
    }
    return text;
  }

  Arena arena_;
  Headers headers_{arena_};
};

}  // namespace outrigger::proxy
