// frame_pool.h: memory for coroutine frames and Gs: free lists by size class, one set a thread.
// A frame freed on another thread than it was made on joins that thread's list; lists are capped.
#pragma once

#include <cstddef>

namespace outrigger::scheduler {

// `size` is the same in both calls. Sizes above kLargestPooledFrame go to the system allocator.
inline constexpr size_t kLargestPooledFrame = 4096;
void* FrameAlloc(size_t size);
void FrameFree(void* frame, size_t size) noexcept;

// Returns this thread's free lists to the system allocator (a thread calls it when it ends).
void FrameTrim() noexcept;

}  // namespace outrigger::scheduler
