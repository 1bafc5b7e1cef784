#include "scheduler/trace/function_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

namespace outrigger::scheduler {
namespace {

[[gnu::noinline]] int Hidden(int n) { return n + 1; }

TEST(FunctionNameTest, NamesStaticFunctions) {
  EXPECT_EQ(FunctionName(reinterpret_cast<const void*>(&Hidden)),
            "outrigger::scheduler::(anonymous namespace)::Hidden()");
}

// Stands for a stripped program: a page of the file's that no symbol covers.
TEST(FunctionNameTest, WithoutASymbolSaysWhereInWhichFile) {
  extern const char kFileStart[] asm("__ehdr_start");
  EXPECT_EQ(FunctionName(kFileStart + 4), "function_name_test+0x4");
}

TEST(FunctionNameTest, OfNoFileIsTheAddress) {
  void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_THAT(FunctionName(page), testing::MatchesRegex("0x[0-9a-f]+"));
  munmap(page, 4096);
}

}  // namespace
}  // namespace outrigger::scheduler
