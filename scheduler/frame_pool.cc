#include "scheduler/frame_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <new>
#include <utility>

#include "scheduler/sync/sync_lock.h"

namespace outrigger::scheduler {
namespace {

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = 4096 / kClassBytes;
constexpr size_t kMagazineBytes = 16 * 1024;

size_t ClassOf(size_t size) { return (size - 1) / kClassBytes; }
constexpr size_t BytesOf(size_t size_class) { return (size_class + 1) * kClassBytes; }
// Frames in a magazine; and full magazines that a thread, or the depot, keeps of a class at most.
uint32_t FramesOf(size_t size_class) {
  return static_cast<uint32_t>(kMagazineBytes / BytesOf(size_class));
}
constexpr uint32_t kMostMagazines = kKeptFrameBytes / kMagazineBytes;

struct FreeFrame {
  FreeFrame* next;
  FreeFrame* next_magazine;  // of the first frame of a full magazine
};
static_assert(sizeof(FreeFrame) <= kClassBytes);

// Full magazines.
struct Stack {
  FreeFrame* head;
  uint32_t count;

  void Push(FreeFrame* magazine) {
    magazine->next_magazine = std::exchange(head, magazine);
    ++count;
  }
  FreeFrame* Pop() {
    FreeFrame* magazine = head;
    if (magazine) {
      head = magazine->next_magazine;
      --count;
    }
    return magazine;
  }
};

// The magazine that a thread takes from and fills.
struct FreeList {
  FreeFrame* head;
  uint32_t room;  // how many more it may take; 0 until the thread's first free, and once it ends
};

// Trivial, so that an access needs no look whether it is constructed.
constinit thread_local std::array<FreeList, kClasses> lists{};
constinit thread_local std::array<Stack, kClasses> stacks{};
constinit thread_local bool open = false, ended = false, shares = false;

// Between the threads that share: a P spawns here what ends there.
struct alignas(64) Depot {
  SyncLock lock;
  Stack stack{};                   // guarded by lock
  std::atomic<uint32_t> count{0};  // its own, for a look without the lock: a figure
};
constinit std::array<Depot, kClasses> depots{};

void DeleteAll(FreeFrame* frame) {
  while (frame) ::operator delete(std::exchange(frame, frame->next));
}

void Empty(size_t size_class) {
  DeleteAll(std::exchange(lists[size_class].head, nullptr));
  while (FreeFrame* magazine = stacks[size_class].Pop()) DeleteAll(magazine);
}

// Opens the lists of a thread, and at its end empties and closes them.
struct Lifetime {
  Lifetime() {
    for (size_t i = 0; i < kClasses; ++i) lists[i].room = FramesOf(i);
    open = true;
  }
  ~Lifetime() {
    for (size_t i = 0; i < kClasses; ++i) {
      Empty(i);
      lists[i].room = 0;
    }
    ended = true;
    open = shares = false;
  }
};

// Once a thread, with its lists empty: a magazine is never more than full.
void Open() {
  thread_local Lifetime lifetime;
  (void)&lifetime;  // its use is its construction
}

FreeFrame* TakeFromDepot(size_t size_class) {
  Depot& depot = depots[size_class];
  if (depot.count.load(std::memory_order_relaxed) == 0) return nullptr;
  const SyncGuard guard(depot.lock);
  FreeFrame* magazine = depot.stack.Pop();
  depot.count.store(depot.stack.count, std::memory_order_relaxed);
  return magazine;
}

// False: it has enough.
bool GiveToDepot(size_t size_class, FreeFrame* magazine) {
  Depot& depot = depots[size_class];
  const SyncGuard guard(depot.lock);
  if (depot.stack.count >= kMostMagazines) return false;
  depot.stack.Push(magazine);
  depot.count.store(depot.stack.count, std::memory_order_relaxed);
  return true;
}

// The magazine is empty.
[[gnu::noinline]] void* AllocFromNext(size_t size_class) {
  FreeFrame* magazine = stacks[size_class].Pop();
  if (!magazine && shares) magazine = TakeFromDepot(size_class);
  if (!magazine) return ::operator new(BytesOf(size_class));
  lists[size_class] = {magazine->next, 1};
  return magazine;
}

// The magazine is full, or the thread has not freed a frame before, or it is ending.
[[gnu::noinline]] void FreeWithoutRoom(void* frame, size_t size_class) {
  if (ended) return ::operator delete(frame);
  if (!open) {
    Open();
    return ::operator delete(frame);
  }
  FreeList& list = lists[size_class];
  Stack& stack = stacks[size_class];
  if (shares && stack.head) {
    // One full magazine stays here: a thread that frees and takes by turns needs no lock.
    if (!GiveToDepot(size_class, list.head)) DeleteAll(list.head);
  } else if (stack.count + 1 < kMostMagazines) {
    stack.Push(list.head);
  } else {
    return ::operator delete(frame);
  }
  FreeFrame* first = static_cast<FreeFrame*>(frame);
  first->next = nullptr;
  list = {first, FramesOf(size_class) - 1};
}

}  // namespace

void* FrameAlloc(size_t size) {
  // Said by itself for g++, which else folds the class of a frame of 0 bytes into a bad offset.
  if (kLargestPooledFrame == 0 || size > kLargestPooledFrame) return ::operator new(size);
  const size_t size_class = ClassOf(size);
  FreeList& list = lists[size_class];
  FreeFrame* frame = list.head;
  if (!frame) return AllocFromNext(size_class);
  list.head = frame->next;
  ++list.room;
  return frame;
}

void FrameFree(void* frame, size_t size) noexcept {
  if (kLargestPooledFrame == 0 || size > kLargestPooledFrame) return ::operator delete(frame);
  const size_t size_class = ClassOf(size);
  FreeList& list = lists[size_class];
  if (list.room == 0) return FreeWithoutRoom(frame, size_class);
  --list.room;
  FreeFrame* free_frame = static_cast<FreeFrame*>(frame);
  free_frame->next = list.head;
  list.head = free_frame;
}

void ShareFrames() noexcept {
  if (ended) return;
  if (!open) Open();
  shares = true;
}

void FrameTrim() noexcept {
  for (size_t i = 0; i < kClasses; ++i) {
    Empty(i);
    if (open) lists[i].room = FramesOf(i);
    if (!shares) continue;
    while (FreeFrame* magazine = TakeFromDepot(i)) DeleteAll(magazine);
  }
}

size_t KeptFrames() noexcept {
  size_t kept = 0;
  for (size_t i = 0; i < kClasses; ++i) {
    kept += stacks[i].count * FramesOf(i);
    for (const FreeFrame* frame = lists[i].head; frame; frame = frame->next) ++kept;
  }
  return kept;
}

}  // namespace outrigger::scheduler
