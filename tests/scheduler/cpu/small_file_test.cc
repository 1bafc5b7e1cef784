#include "scheduler/cpu/small_file.h"

#include <sys/stat.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/scheduler/cpu/recorded_tree.h"

namespace outrigger::scheduler {
namespace {

TEST(ReadSmallFile, ReadsUpToTheLimitAndNoFurther) {
  RecordedTree tree;
  const std::string text(10'000, 'x');
  tree.Write("/file", text);
  const absl::StatusOr<std::string> fits = ReadSmallFile(tree.PathOf("/file"), text.size());
  ASSERT_TRUE(fits.ok()) << fits.status();
  EXPECT_EQ(*fits, text);
  EXPECT_EQ(ReadSmallFile(tree.PathOf("/file"), text.size() - 1).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadSmallFile("/dev/zero", 10'000).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ReadSmallFile, ReadsFilesOfUnknownSize) {
  const absl::StatusOr<std::string> text = ReadSmallFile("/proc/self/status", 64 * 1024);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(absl::StrContains(*text, "Cpus_allowed_list:"));
}

TEST(ReadSmallFile, NamesTheFileItCannotRead) {
  RecordedTree tree;
  const absl::Status missing = ReadSmallFile(tree.PathOf("/none"), 10).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(missing.message(), tree.PathOf("/none"))) << missing;
  tree.MakeFolder("/folder");
  EXPECT_FALSE(ReadSmallFile(tree.PathOf("/folder"), 10).ok());
}

TEST(ReadSmallFile, DoesNotWaitForAFifosWriter) {
  RecordedTree tree;
  ASSERT_EQ(mkfifo(tree.PathOf("/fifo").c_str(), 0600), 0);
  const absl::StatusOr<std::string> text = ReadSmallFile(tree.PathOf("/fifo"), 10);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "");
}

}  // namespace
}  // namespace outrigger::scheduler
