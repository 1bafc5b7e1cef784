#include "proxy/codec/buffer/slice.h"

#include "scheduler/frame_pool.h"

namespace outrigger::proxy {

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
  for (size_t i = head_; i < slices_.size(); ++i) to.Push(std::move(slices_[i]));
  Clear();
  return moved;
}

std::string_view SliceQueue::Flatten(std::vector<char>& storage) const {
  if (slices_.size() - head_ == 1) return slices_[head_].view();
  storage.clear();
  storage.reserve(bytes_);
  for (const Slice& slice : *this) storage.insert(storage.end(), slice.data(), slice.data() + slice.size());
  return {storage.data(), storage.size()};
}

}  // namespace outrigger::proxy
