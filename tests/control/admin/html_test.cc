#include "control/admin/html.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(EscapeTest, LeavesNoMarkup) {
  EXPECT_EQ(Escape("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
}

TEST(PageTest, NeedsNothingFromElsewhere) {
  const std::string page = Page("title", "<p>body</p>");
  EXPECT_EQ(page.find("<!doctype html>"), 0u);
  EXPECT_NE(page.find("<p>body</p>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
}

}  // namespace
}  // namespace outrigger::control
