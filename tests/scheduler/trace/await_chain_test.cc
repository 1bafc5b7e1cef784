#include "scheduler/trace/await_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "scheduler/sync/resume_hook.h"
#include "scheduler/task.h"
#include "scheduler/trace/function_name.h"

namespace outrigger::scheduler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Large {
  char bytes[200] = {};
  long double widest = 0;  // as aligned as a frame can be
};

// Suspends, and tells where: what a wait of a G does.
struct Stop {
  std::coroutine_handle<>& at;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> self) const { at = self; }
  void await_resume() const {}
};

Task<bool> Innermost(std::coroutine_handle<>& at) {
  co_await Stop{at};
  co_return true;
}
Task<Large> OfLarge(std::coroutine_handle<>& at) {
  Large large;
  large.bytes[0] = static_cast<char>(co_await Innermost(at));
  co_return large;
}
Task<std::string> OfString(std::coroutine_handle<>& at) {
  const Large large = co_await OfLarge(at);
  co_return std::string(1, large.bytes[0]);
}
Task<> Outermost(std::coroutine_handle<>& at) {
  const std::string text = co_await OfString(at);
  EXPECT_EQ(text.size(), 1u);
}

Task<> Deep(std::coroutine_handle<>& at, size_t depth) {
  if (depth == 1) {
    co_await Stop{at};
    co_return;
  }
  co_await Deep(at, depth - 1);
}

// Resumes the frame and what it awaits until one stops.
void RunUntilStop(std::coroutine_handle<> frame) {
  machine.next = frame;
  while (machine.next) std::exchange(machine.next, nullptr).resume();
}

std::vector<std::string> NamesOf(std::coroutine_handle<> innermost) {
  std::vector<std::string> names;
  for (const void* function : AwaitChain(innermost)) names.push_back(FunctionName(function));
  return names;
}

TEST(AwaitChainTest, GoesOutwardsThroughTasksOfAnyType) {
  std::coroutine_handle<> at;
  const auto root = Outermost(at).Release();
  RunUntilStop(root);
  EXPECT_THAT(NamesOf(at), ElementsAre(HasSubstr("Innermost"), HasSubstr("OfLarge"),
                                       HasSubstr("OfString"), HasSubstr("Outermost")));
  root.destroy();
}

TEST(AwaitChainTest, SeesThroughAHookToTheFrameThatWaits) {
  std::coroutine_handle<> at;
  const auto root = Outermost(at).Release();
  RunUntilStop(root);
  ResumeHook hook([](void*) {}, nullptr);
  hook.SetWaiting(at);
  EXPECT_EQ(AwaitChain(hook.handle()), AwaitChain(at));
  root.destroy();
}

TEST(AwaitChainTest, OfAGThatHasNotRunIsItsRoot) {
  std::coroutine_handle<> at;
  const auto root = Outermost(at).Release();
  EXPECT_THAT(NamesOf(root), ElementsAre(HasSubstr("Outermost")));
  root.destroy();
}

TEST(AwaitChainTest, OfNothingIsEmpty) {
  EXPECT_TRUE(AwaitChain(nullptr).empty());
  ResumeHook hook([](void*) {}, nullptr);
  EXPECT_TRUE(AwaitChain(hook.handle()).empty());
}

TEST(AwaitChainTest, IsCutOff) {
  for (const size_t depth : {kLongestChain - 1, kLongestChain + 10}) {
    std::coroutine_handle<> at;
    const auto root = Deep(at, depth).Release();
    RunUntilStop(root);
    EXPECT_EQ(AwaitChain(at).size(), std::min(depth, kLongestChain));
    root.destroy();
  }
}

}  // namespace
}  // namespace outrigger::scheduler
