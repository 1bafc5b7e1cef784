// ring.h: a first-in first-out buffer of fixed capacity, allocated once. For channels.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace outrigger::scheduler {

// Thread-safety: guarded by its owner's lock.
template <typename T>
class Ring {
 public:
  explicit Ring(size_t capacity)
      : capacity_(capacity), slots_(capacity ? std::allocator<T>().allocate(capacity) : nullptr) {}
  ~Ring() {
    while (size_ > 0) Drop();
    if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  size_t capacity() const { return capacity_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == capacity_; }

  // Not full.
  void Push(T&& value) {
    const size_t tail = head_ + size_;
    new (&slots_[tail < capacity_ ? tail : tail - capacity_]) T(std::move(value));
    ++size_;
  }
  // Not empty.
  T& front() { return slots_[head_]; }
  void Drop() {
    slots_[head_].~T();
    if (++head_ == capacity_) head_ = 0;
    --size_;
  }

 private:
  const size_t capacity_;
  T* const slots_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace outrigger::scheduler
