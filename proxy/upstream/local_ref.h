// local_ref.h: a counted reference between things of one worker: no atomics, so a copy a request
// costs nothing worth counting.
#pragma once

#include <cstdint>
#include <utility>

namespace outrigger::proxy {

// Base of what a LocalRef counts: deleted with the last reference. Thread-safety: confined.
template <typename T>
class LocallyCounted {
 public:
  LocallyCounted(const LocallyCounted&) = delete;
  LocallyCounted& operator=(const LocallyCounted&) = delete;

 protected:
  LocallyCounted() = default;
  ~LocallyCounted() = default;

 private:
  template <typename>
  friend class LocalRef;
  uint32_t refs_ = 0;
};

template <typename T>
class LocalRef {
 public:
  LocalRef() = default;
  explicit LocalRef(T* object) : object_(object) {
    if (object_) ++object_->refs_;
  }
  LocalRef(const LocalRef& other) : LocalRef(other.object_) {}
  LocalRef(LocalRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  LocalRef& operator=(LocalRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~LocalRef() {
    if (object_ && --object_->refs_ == 0) delete object_;
  }

  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

template <typename T, typename... Args>
LocalRef<T> MakeLocal(Args&&... args) {
  return LocalRef<T>(new T(std::forward<Args>(args)...));
}

}  // namespace outrigger::proxy
