// frame_pool.h: memory for coroutine frames and Gs: free lists by size class, one set a thread.
// A frame freed on another thread than it was made on joins that thread's list. Lists are bounded,
// and go back to the system allocator when their thread ends.
#pragma once

#include <cstddef>

namespace outrigger::scheduler {

// Larger frames go to the system allocator. Under ASan and TSan all do: a frame that is kept for
// the next one hides its use after free.
#if defined(__SANITIZE_ADDRESS__) || defined(OUTRIGGER_TSAN)
inline constexpr size_t kLargestPooledFrame = 0;
#else
inline constexpr size_t kLargestPooledFrame = 4096;
#endif
// Bytes that one size class of one thread keeps at most.
inline constexpr size_t kKeptFrameBytes = 1 << 20;

// `size` is the same in both calls, and not 0.
void* FrameAlloc(size_t size);
void FrameFree(void* frame, size_t size) noexcept;

// Returns this thread's free lists to the system allocator.
void FrameTrim() noexcept;
// Frames that this thread's lists hold now. A figure.
size_t KeptFrames() noexcept;

}  // namespace outrigger::scheduler
