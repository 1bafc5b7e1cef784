// slice.h: bytes that are moved and not copied: a Slice is a counted reference to part of a Block.
// Flow: transport reads into a Block -> codec cuts Slices of DATA -> the other side's codec sends
// them. Does not bound anything: watermarks belong to the streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/codec/buffer/pool_allocator.h"

namespace outrigger::proxy {

// Memory with a count. The count is not atomic: a block never leaves the thread that made it
// (a control connection that moves between threads is one G, so it moves as a whole).
struct Block {
  uint32_t refs;
  uint32_t capacity;
  char* data() { return reinterpret_cast<char*>(this + 1); }

  // A block with one reference and at least `capacity` bytes.
  static Block* New(size_t capacity);
  void Ref() { ++refs; }
  void Unref() {
    if (--refs == 0) Free(this);
  }

 private:
  static void Free(Block* block);
};

// Value. Thread-safety: as its Block.
class Slice {
 public:
  Slice() = default;
  // Shares `block`.
  Slice(Block* block, const char* data, size_t size) : block_(block), data_(data), size_(size) {
    if (block_) block_->Ref();
  }
  // Copies `bytes` into a block of their own.
  static Slice Copy(std::string_view bytes);
  // Points at bytes that live for ever.
  static Slice Static(std::string_view bytes) { return {nullptr, bytes.data(), bytes.size()}; }

  Slice(const Slice& other) : Slice(other.block_, other.data_, other.size_) {}
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        data_(other.data_),
        size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(block_, other.block_);
    data_ = other.data_;
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_) block_->Unref();
  }

  const char* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }
  Block* block() const { return block_; }
  void RemovePrefix(size_t n) {
    data_ += n;
    size_ -= n;
  }
  // Copies `bytes` behind this slice's, where its block has room for them and no other owner.
  bool Extend(std::string_view bytes);
  // The first n bytes, sharing the block.
  Slice Prefix(size_t n) const { return {block_, data_, n}; }

 private:
  Block* block_ = nullptr;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// A queue of slices with its length in bytes. Value.
class SliceQueue {
 public:
  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }
  void Push(Slice slice) {
    if (slice.empty()) return;
    bytes_ += slice.size();
    slices_.push_back(std::move(slice));
  }
  // Copies `bytes`; small pieces that come one by one share blocks, so that a peer who sends a byte
  // a frame does not cost us a block a byte.
  void PushCopy(std::string_view bytes);
  const Slice& front() const { return slices_[head_]; }
  Slice Pop() {
    Slice slice = std::move(slices_[head_++]);
    bytes_ -= slice.size();
    Compact();
    return slice;
  }
  // Drops n bytes from the front; n <= bytes().
  void Drain(size_t n);
  // Moves everything to the tail of `to` (crumbs are copied together); returns the bytes moved.
  size_t MoveTo(SliceQueue& to);
  // All bytes in one string (for small bodies on cold paths).
  std::string_view Flatten(std::vector<char>& storage) const;
  void Clear() {
    slices_.clear();
    head_ = 0;
    bytes_ = 0;
  }

  // The queued slices, front first.
  const Slice* begin() const { return slices_.data() + head_; }
  const Slice* end() const { return slices_.data() + slices_.size(); }

 private:
  void Compact() {
    if (head_ == slices_.size()) {
      slices_.clear();
      head_ = 0;
    } else if (head_ >= 32) {
      slices_.erase(slices_.begin(), slices_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  std::vector<Slice, PoolAllocator<Slice>> slices_;
  size_t head_ = 0;
  size_t bytes_ = 0;
};

}  // namespace outrigger::proxy
