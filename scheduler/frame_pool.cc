#include "scheduler/frame_pool.h"

#include <array>
#include <cstdint>
#include <new>

namespace outrigger::scheduler {
namespace {

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = 4096 / kClassBytes;

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* head;
  uint32_t room;  // how many more it may take; 0 until the thread's first free, and once it ends
};

// Trivial, so that an access needs no look whether it is constructed.
constinit thread_local std::array<FreeList, kClasses> lists{};

size_t ClassOf(size_t size) { return (size - 1) / kClassBytes; }
size_t BytesOf(size_t size_class) { return (size_class + 1) * kClassBytes; }

void Empty(FreeList& list) {
  while (FreeFrame* frame = list.head) {
    list.head = frame->next;
    ++list.room;
    ::operator delete(frame);
  }
}

// Opens the lists of a thread, and at its end empties and closes them.
struct Lifetime {
  Lifetime() {
    for (size_t i = 0; i < kClasses; ++i) {
      lists[i].room = static_cast<uint32_t>(kKeptFrameBytes / BytesOf(i));
    }
  }
  ~Lifetime() {
    for (FreeList& list : lists) {
      Empty(list);
      list.room = 0;
    }
  }
};

// The list is full, or the thread has not freed a frame before, or it is ending.
[[gnu::noinline]] void FreeWithoutRoom(void* frame) {
  thread_local Lifetime lifetime;
  (void)&lifetime;  // its use is its construction
  ::operator delete(frame);
}

}  // namespace

void* FrameAlloc(size_t size) {
  // Said by itself for g++, which else folds the class of a frame of 0 bytes into a bad offset.
  if (kLargestPooledFrame == 0 || size > kLargestPooledFrame) return ::operator new(size);
  const size_t size_class = ClassOf(size);
  FreeList& list = lists[size_class];
  if (FreeFrame* frame = list.head) {
    list.head = frame->next;
    ++list.room;
    return frame;
  }
  return ::operator new(BytesOf(size_class));
}

void FrameFree(void* frame, size_t size) noexcept {
  if (kLargestPooledFrame == 0 || size > kLargestPooledFrame) return ::operator delete(frame);
  FreeList& list = lists[ClassOf(size)];
  if (list.room == 0) return FreeWithoutRoom(frame);
  --list.room;
  FreeFrame* free_frame = static_cast<FreeFrame*>(frame);
  free_frame->next = list.head;
  list.head = free_frame;
}

void FrameTrim() noexcept {
  for (FreeList& list : lists) Empty(list);
}

size_t KeptFrames() noexcept {
  size_t kept = 0;
  for (const FreeList& list : lists) {
    for (const FreeFrame* frame = list.head; frame; frame = frame->next) ++kept;
  }
  return kept;
}

}  // namespace outrigger::scheduler
