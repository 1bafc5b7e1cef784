// pool_allocator.h: the frame pool as a standard allocator: for small vectors on the request path.
#pragma once

#include <cstddef>

#include "scheduler/frame_pool.h"

namespace outrigger::proxy {

// Thread-safety: as the frame pool's.
template <typename T>
struct PoolAllocator {
  using value_type = T;

  PoolAllocator() = default;
  template <typename U>
  PoolAllocator(const PoolAllocator<U>&) {}  // NOLINT: what containers rebind with

  T* allocate(size_t n) { return static_cast<T*>(scheduler::FrameAlloc(n * sizeof(T))); }
  void deallocate(T* at, size_t n) { scheduler::FrameFree(at, n * sizeof(T)); }
  bool operator==(const PoolAllocator&) const { return true; }
};

}  // namespace outrigger::proxy
