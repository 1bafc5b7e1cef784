#include "scheduler/frame_pool.h"

#include <array>
#include <cstdint>
#include <new>

namespace outrigger::scheduler {
namespace {

#ifdef __SANITIZE_ADDRESS__
// A frame that is kept for the next one would hide its use after free.
constexpr size_t kLargest = 0;
#else
constexpr size_t kLargest = kLargestPooledFrame;
#endif

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = kLargestPooledFrame / kClassBytes;
// Bytes that one class of one thread may keep: a burst of frames is given back to the system.
constexpr size_t kKeepBytes = 1 << 20;

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* head;
  uint32_t count;
};

constinit thread_local std::array<FreeList, kClasses> lists{};

size_t ClassOf(size_t size) { return (size - 1) / kClassBytes; }
size_t BytesOf(size_t size_class) { return (size_class + 1) * kClassBytes; }

}  // namespace

void* FrameAlloc(size_t size) {
  if (kLargest == 0 || size > kLargest) return ::operator new(size);
  const size_t size_class = ClassOf(size);
  FreeList& list = lists[size_class];
  if (FreeFrame* frame = list.head) {
    list.head = frame->next;
    --list.count;
    return frame;
  }
  return ::operator new(BytesOf(size_class));
}

void FrameFree(void* frame, size_t size) noexcept {
  if (kLargest == 0 || size > kLargest) return ::operator delete(frame);
  const size_t size_class = ClassOf(size);
  FreeList& list = lists[size_class];
  if (list.count >= kKeepBytes / BytesOf(size_class)) return ::operator delete(frame);
  FreeFrame* free_frame = static_cast<FreeFrame*>(frame);
  free_frame->next = list.head;
  list.head = free_frame;
  ++list.count;
}

void FrameTrim() noexcept {
  for (FreeList& list : lists) {
    while (FreeFrame* frame = list.head) {
      list.head = frame->next;
      ::operator delete(frame);
    }
    list.count = 0;
  }
}

}  // namespace outrigger::scheduler
