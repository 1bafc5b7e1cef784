#include "scheduler/frame_pool.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace {
std::atomic<int64_t> blocks{0};  // what the system allocator has given out
}

[[gnu::noinline]] void* operator new(size_t size) {
  blocks.fetch_add(1);
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
  if (block) blocks.fetch_sub(1);
  std::free(block);
}
void operator delete(void* block, size_t) noexcept { operator delete(block); }

namespace outrigger::scheduler {
namespace {

constexpr bool kPooled = kLargestPooledFrame > 0;

TEST(FramePoolTest, FramesAreAlignedAndDoNotOverlap) {
  std::vector<std::pair<unsigned char*, size_t>> frames;
  for (int round = 0; round < 2; ++round) {
    for (size_t size = 1; size < 5000; size += 37) {
      auto* frame = static_cast<unsigned char*>(FrameAlloc(size));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(frame) % 16, 0u);
      std::memset(frame, static_cast<int>(frames.size() % 251), size);
      frames.emplace_back(frame, size);
    }
    for (size_t i = 0; i < frames.size(); ++i) {
      const auto [frame, size] = frames[i];
      for (size_t at = 0; at < size; ++at) ASSERT_EQ(frame[at], i % 251);
      FrameFree(frame, size);
    }
    frames.clear();
  }
  FrameTrim();
}

TEST(FramePoolTest, AFreedFrameServesTheNextOfItsClass) {
  if (!kPooled) GTEST_SKIP() << "nothing is pooled in this build";
  FrameFree(FrameAlloc(100), 100);  // a thread's first free opens its lists
  void* frame = FrameAlloc(100);
  FrameFree(frame, 100);
  EXPECT_EQ(FrameAlloc(128), frame);
  FrameFree(frame, 128);
  void* other = FrameAlloc(129);
  EXPECT_NE(other, frame);
  FrameFree(other, 129);
  FrameTrim();
}

TEST(FramePoolTest, KeepsNoMoreThanItsBoundAndNoLargeFrames) {
  FrameFree(FrameAlloc(64), 64);
  FrameFree(FrameAlloc(4097), 4097);
  EXPECT_LE(KeptFrames(), 1u);
  std::vector<void*> frames;
  for (size_t i = 0; i < kKeptFrameBytes / 64 + 1000; ++i) frames.push_back(FrameAlloc(64));
  for (void* frame : frames) FrameFree(frame, 64);
  EXPECT_EQ(KeptFrames(), kPooled ? kKeptFrameBytes / 64 : 0);
  FrameTrim();
  EXPECT_EQ(KeptFrames(), 0u);
}

TEST(FramePoolTest, AFrameOfAnotherThreadJoinsTheListOfWhoFreesIt) {
  FrameFree(FrameAlloc(64), 64);
  FrameTrim();
  void* frame = nullptr;
  std::thread([&] { frame = FrameAlloc(64); }).join();
  FrameFree(frame, 64);
  EXPECT_EQ(KeptFrames(), kPooled ? 1u : 0u);
  FrameTrim();
}

TEST(FramePoolTest, ThreadsThatShareUseEachOthersFrames) {
  if (!kPooled) GTEST_SKIP() << "nothing is pooled in this build";
  constexpr size_t kFrames = 10'000;
  std::vector<void*> frames(kFrames);
  int64_t before = 0, after = 0;
  std::thread([&] {
    ShareFrames();
    const int64_t at_first = blocks.load();
    for (void*& frame : frames) frame = FrameAlloc(64);
    std::thread([&] {
      ShareFrames();
      for (void* frame : frames) FrameFree(frame, 64);
    }).join();
    before = blocks.load();
    for (void*& frame : frames) frame = FrameAlloc(64);
    after = blocks.load();
    // What an ending thread had itself, two magazines, is gone.
    EXPECT_LE(after - before, 2 * 256 + 1);
    for (void* frame : frames) FrameFree(frame, 64);
    EXPECT_LE(KeptFrames(), 2u * 256);
    FrameTrim();
    EXPECT_EQ(blocks.load(), at_first);
  }).join();
}

// It never frees, so nothing else would open its lists.
TEST(FramePoolTest, AThreadThatOnlyTakesGivesBackWhatIsLeftOfItsMagazine) {
  if (!kPooled) GTEST_SKIP() << "nothing is pooled in this build";
  const int64_t before = blocks.load();
  void* frame = nullptr;
  std::thread([&] {
    ShareFrames();
    std::vector<void*> frames(3 * 256);
    for (void*& each : frames) each = FrameAlloc(64);
    for (void* each : frames) FrameFree(each, 64);
  }).join();
  std::thread([&] {
    ShareFrames();
    frame = FrameAlloc(64);
  }).join();
  std::thread([&] {
    ShareFrames();
    FrameFree(frame, 64);
    FrameTrim();
  }).join();
  EXPECT_EQ(blocks.load(), before);
}

TEST(FramePoolTest, TheDepotIsBounded) {
  if (!kPooled) GTEST_SKIP() << "nothing is pooled in this build";
  const int64_t before = blocks.load();
  std::thread([] {
    ShareFrames();
    std::vector<void*> frames(3 * kKeptFrameBytes / 64);
    for (void*& frame : frames) frame = FrameAlloc(64);
    for (void* frame : frames) FrameFree(frame, 64);
  }).join();
  EXPECT_LE(blocks.load() - before, static_cast<int64_t>(kKeptFrameBytes / 64));
  std::thread([] {
    ShareFrames();
    FrameTrim();
  }).join();
  EXPECT_EQ(blocks.load(), before);
}

TEST(FramePoolTest, AThreadThatEndsGivesItsFramesBack) {
  std::vector<void*> frames(1000);
  size_t kept = 0;
  const int64_t before = blocks.load();
  std::thread([&] {
    for (void*& frame : frames) frame = FrameAlloc(256);
    for (void* frame : frames) FrameFree(frame, 256);
    kept = KeptFrames();
  }).join();
  EXPECT_EQ(kept, kPooled ? 999u : 0u);
  EXPECT_EQ(blocks.load(), before);
}

}  // namespace
}  // namespace outrigger::scheduler
