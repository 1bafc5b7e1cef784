#include "proxy/codec/buffer/slice.h"

#include <algorithm>

#include "scheduler/frame_pool.h"

namespace outrigger::proxy {
namespace {

// A block for several small pieces.
constexpr size_t kShared = 2048 - sizeof(Block);
// Below this a slice that joins a queue is copied and not linked.
constexpr size_t kCrumb = 512;

}  // namespace

Block* Block::New(size_t capacity) {
  Block* block = static_cast<Block*>(scheduler::FrameAlloc(sizeof(Block) + capacity));
  block->refs = 1;
  block->capacity = static_cast<uint32_t>(capacity);
  return block;
}

void Block::Free(Block* block) { scheduler::FrameFree(block, sizeof(Block) + block->capacity); }

Slice Slice::Copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  Block* block = Block::New(bytes.size());
  std::memcpy(block->data(), bytes.data(), bytes.size());
  Slice slice(block, block->data(), bytes.size());
  block->Unref();
  return slice;
}

bool Slice::Extend(std::string_view bytes) {
  if (!block_ || block_->refs != 1) return false;
  char* end = block_->data() + (data_ - block_->data()) + size_;
  if (bytes.size() > static_cast<size_t>(block_->data() + block_->capacity - end)) return false;
  std::memcpy(end, bytes.data(), bytes.size());
  size_ += bytes.size();
  return true;
}

void SliceQueue::PushCopy(std::string_view bytes) {
  if (bytes.empty()) return;
  if (empty()) return Push(Slice::Copy(bytes));
  if (slices_.back().Extend(bytes)) {
    bytes_ += bytes.size();
    return;
  }
  // More may follow before anybody takes it.
  Block* block = Block::New(std::max(bytes.size(), kShared));
  std::memcpy(block->data(), bytes.data(), bytes.size());
  Push(Slice(block, block->data(), bytes.size()));
  block->Unref();
}

void SliceQueue::Drain(size_t n) {
  bytes_ -= n;
  while (n > 0) {
    Slice& first = slices_[head_];
    if (n < first.size()) {
      first.RemovePrefix(n);
      return;
    }
    n -= first.size();
    first = Slice();
    ++head_;
  }
  Compact();
}

size_t SliceQueue::MoveTo(SliceQueue& to) {
  const size_t moved = bytes_;
  for (size_t i = head_; i < slices_.size(); ++i) {
    // Watermarks count bytes: a queue of crumbs would hold many times as much.
    if (slices_[i].size() < kCrumb && !to.empty()) {
      to.PushCopy(slices_[i].view());
    } else {
      to.Push(std::move(slices_[i]));
    }
  }
  Clear();
  return moved;
}

std::string_view SliceQueue::Flatten(std::vector<char>& storage) const {
  if (slices_.size() - head_ == 1) return slices_[head_].view();
  storage.clear();
  storage.reserve(bytes_);
  for (const Slice& slice : *this)
    storage.insert(storage.end(), slice.data(), slice.data() + slice.size());
  return {storage.data(), storage.size()};
}

}  // namespace outrigger::proxy
