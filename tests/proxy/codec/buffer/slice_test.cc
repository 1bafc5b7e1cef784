#include "proxy/codec/buffer/slice.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "proxy/codec/buffer/arena.h"

namespace outrigger::proxy {
namespace {

std::string Text(const SliceQueue& queue) {
  std::string text;
  for (const Slice& slice : queue) text += slice.view();
  return text;
}

TEST(SliceTest, SharesItsBlockUntilTheLastOneGoes) {
  Slice whole = Slice::Copy("abcdef");
  Block* block = whole.block();
  EXPECT_EQ(block->refs, 1u);
  Slice head = whole.Prefix(2);
  Slice copy = head;
  EXPECT_EQ(block->refs, 3u);
  whole = Slice();
  EXPECT_EQ(head.view(), "ab");
  EXPECT_EQ(block->refs, 2u);
  Slice moved = std::move(copy);
  EXPECT_EQ(block->refs, 2u);
  EXPECT_EQ(moved.view(), "ab");
}

TEST(SliceTest, ExtendsOnlyWhereNobodyElseLooks) {
  Block* block = Block::New(8);
  std::memcpy(block->data(), "abcd", 4);
  Slice slice(block, block->data(), 4);
  EXPECT_FALSE(slice.Extend("e")) << "the block has another owner";
  block->Unref();
  EXPECT_TRUE(slice.Extend("efgh"));
  EXPECT_EQ(slice.view(), "abcdefgh");
  EXPECT_FALSE(slice.Extend("i")) << "the block is full";
  EXPECT_FALSE(Slice::Static("x").Extend("y"));
}

TEST(SliceTest, ExtendsAfterItsFrontWasTaken) {
  Block* block = Block::New(4);
  std::memcpy(block->data(), "abc", 3);
  Slice slice(block, block->data(), 3);
  block->Unref();
  slice.RemovePrefix(2);
  EXPECT_TRUE(slice.Extend("d"));
  EXPECT_EQ(slice.view(), "cd");
  EXPECT_FALSE(slice.Extend("e"));
}

TEST(SliceQueueTest, KeepsOrderAndCountsBytes) {
  SliceQueue queue;
  queue.Push(Slice::Copy("hello "));
  queue.Push(Slice());
  queue.Push(Slice::Static("world"));
  EXPECT_EQ(queue.bytes(), 11u);
  EXPECT_EQ(Text(queue), "hello world");
  queue.Drain(8);
  EXPECT_EQ(Text(queue), "rld");
  EXPECT_EQ(queue.Pop().view(), "rld");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.begin(), queue.end());
}

TEST(SliceQueueTest, DrainAcrossManySlices) {
  SliceQueue queue;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    queue.Push(Slice::Copy(std::to_string(i)));
    expected += std::to_string(i);
  }
  while (!expected.empty()) {
    const size_t n = std::min<size_t>(7, expected.size());
    queue.Drain(n);
    expected.erase(0, n);
    ASSERT_EQ(Text(queue), expected);
    ASSERT_EQ(queue.bytes(), expected.size());
  }
}

TEST(SliceQueueTest, MovesToTheTailOfAnother) {
  SliceQueue from, to;
  to.Push(Slice::Static("a"));
  from.Push(Slice::Static("b"));
  from.Push(Slice::Static("c"));
  EXPECT_EQ(from.MoveTo(to), 2u);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(Text(to), "abc");
}

TEST(SliceQueueTest, LargeSlicesMoveWithoutACopy) {
  const Slice large = Slice::Copy(std::string(4096, 'x'));
  SliceQueue from, to;
  to.Push(Slice::Static("a"));
  from.Push(large);
  from.MoveTo(to);
  EXPECT_EQ((to.end() - 1)->data(), large.data());
}

// A peer that sends a byte a frame must not make us hold a block a byte.
TEST(SliceQueueTest, CrumbsShareBlocks) {
  SliceQueue received, sent;
  for (int i = 0; i < 10'000; ++i) {
    received.PushCopy("x");
    if (i % 3 == 0) received.MoveTo(sent);
  }
  received.MoveTo(sent);
  EXPECT_EQ(Text(sent), std::string(10'000, 'x'));
  std::set<Block*> blocks;
  for (const Slice& slice : sent) blocks.insert(slice.block());
  EXPECT_LE(blocks.size(), 10u);
}

TEST(SliceQueueTest, FlattensIntoOneView) {
  SliceQueue queue;
  std::vector<char> storage;
  queue.Push(Slice::Static("one"));
  EXPECT_EQ(queue.Flatten(storage), "one");
  EXPECT_TRUE(storage.empty());
  queue.Push(Slice::Static("two"));
  EXPECT_EQ(queue.Flatten(storage), "onetwo");
}

TEST(ArenaTest, KeepsWhatItGaveUntilCleared) {
  Arena arena;
  const std::string_view small = arena.Copy("small");
  const std::string large(100'000, 'y');
  const std::string_view copy = arena.Copy(large);
  const std::string_view after = arena.Copy("after");
  EXPECT_EQ(small, "small");
  EXPECT_EQ(copy, large);
  EXPECT_EQ(after, "after");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.Alloc(3, 64)) % 64, 0u);
  arena.Clear();
  EXPECT_EQ(arena.Copy("again"), "again");
}

}  // namespace
}  // namespace outrigger::proxy
