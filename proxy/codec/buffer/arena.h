// arena.h: memory of one stream, bump-allocated and freed at once: header bytes, header tables,
// strings that a filter writes. No destructors run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "scheduler/frame_pool.h"

namespace outrigger::proxy {

// Owner: Stream. Thread-safety: confined.
class Arena {
 public:
  Arena() = default;
  ~Arena() { Clear(); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* Alloc(size_t size, size_t align = alignof(void*)) {
    uintptr_t at = (at_ + align - 1) & ~(align - 1);
    if (at + size > end_) at = Grow(size, align);
    at_ = at + size;
    return reinterpret_cast<void*>(at);
  }
  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* copy = static_cast<char*>(Alloc(text.size(), 1));
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }
  void Clear() {
    while (Chunk* chunk = chunks_) {
      chunks_ = chunk->next;
      scheduler::FrameFree(chunk, chunk->size);
    }
    at_ = end_ = 0;
  }

 private:
  struct Chunk {
    Chunk* next;
    size_t size;
  };
  static constexpr size_t kChunk = 2048;

  uintptr_t Grow(size_t size, size_t align) {
    const size_t need = sizeof(Chunk) + size + align;
    const size_t bytes = need > kChunk ? need : kChunk;
    Chunk* chunk = static_cast<Chunk*>(scheduler::FrameAlloc(bytes));
    *chunk = {chunks_, bytes};
    chunks_ = chunk;
    at_ = reinterpret_cast<uintptr_t>(chunk + 1);
    end_ = reinterpret_cast<uintptr_t>(chunk) + bytes;
    return (at_ + align - 1) & ~(align - 1);
  }

  uintptr_t at_ = 0;
  uintptr_t end_ = 0;
  Chunk* chunks_ = nullptr;
};

}  // namespace outrigger::proxy
