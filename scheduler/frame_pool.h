// frame_pool.h: memory for coroutine frames and Gs: free lists by size class, one set a thread, in
// magazines (Bonwick and Adams, USENIX 2001). A frame freed on another thread than it was made on
// joins that thread's list; threads that share hand full magazines to each other through a depot.
// Lists are bounded, and go back to the system allocator when their thread ends.
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
// Bytes that one size class of one thread, and of the depot, keeps at most.
inline constexpr size_t kKeptFrameBytes = 1 << 20;

// `size` is the same in both calls, and not 0.
void* FrameAlloc(size_t size);
void FrameFree(void* frame, size_t size) noexcept;

// From now on this thread shares. Ms of stealing pools do, where what one P spawns ends on another;
// data workers do not: the depot has a lock, and whoever holds it may lose its CPU.
void ShareFrames() noexcept;

// Returns this thread's free lists to the system allocator, and the depot if it shares.
void FrameTrim() noexcept;
// Frames that this thread's lists hold now. A figure.
size_t KeptFrames() noexcept;

}  // namespace outrigger::scheduler
