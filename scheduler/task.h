// task.h: Task<T>, a lazily started coroutine that another coroutine awaits; the unit that Go()
// spawns. Awaiting starts it on the same G; its result (or panic) comes back through the await. A
// Task that is never awaited nor spawned is destroyed without running. Parameters by value or by
// reference to what outlives the task; no capturing lambda coroutines.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/core/machine.h"
#include "scheduler/frame_pool.h"

namespace outrigger::scheduler {

// The one exception this project throws: a bug found in a task. Ends that task alone.
class Panic : public std::exception {
 public:
  explicit Panic(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

template <typename T = void>
class Task;

namespace internal {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr panic;

  static void* operator new(size_t size) { return FrameAlloc(size); }
  static void operator delete(void* frame, size_t size) noexcept { FrameFree(frame, size); }

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      PromiseBase& promise = self.promise();
      if (promise.continuation) {
        machine.next = promise.continuation;
      } else {
        machine.finished = self;
        machine.panicked = promise.panic != nullptr;
      }
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { panic = std::current_exception(); }
};

template <typename T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
};

}  // namespace internal

// Owner: the frame or variable that holds it. Thread-safety: confined to the G that awaits it.
template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Gives the frame up to the caller (Go() does this).
  Handle Release() { return std::exchange(handle_, nullptr); }

  auto operator co_await() && noexcept { return Awaiter{handle_}; }

 private:
  struct Awaiter {
    Handle child;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> parent) const noexcept {
      child.promise().continuation = parent;
      machine.next = child;
    }
    T await_resume() const {
      if (child.promise().panic) std::rethrow_exception(child.promise().panic);
      if constexpr (!std::is_void_v<T>) return *std::move(child.promise().value);
    }
  };

  Handle handle_;
};

namespace internal {

// g++ 12 lays the frame out wrongly, 8 bytes off, where a coroutine awaits in the condition of an
// if, while or switch and has no local variable at all: its first resume would then be its destroy.
// Such a function dies here on its first call. Write: const bool ok = co_await x; if (ok) ...
template <typename Promise>
std::coroutine_handle<Promise> HandleOf(Promise& promise) {
  const auto handle = std::coroutine_handle<Promise>::from_promise(promise);
  OUTRIGGER_CHECK((reinterpret_cast<uintptr_t>(handle.address()) & 15) == 0);
  // Who has only a frame's address finds its PromiseBase: the promise comes right after the two
  // function pointers, and the base first in it. The check is the compiler's.
  static_assert(alignof(Promise) <= 2 * sizeof(void*));
  OUTRIGGER_CHECK(static_cast<void*>(static_cast<PromiseBase*>(&promise)) == &promise);
  return handle;
}

template <typename T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(HandleOf(*this));
}
inline Task<void> Promise<void>::get_return_object() { return Task<void>(HandleOf(*this)); }

}  // namespace internal

}  // namespace outrigger::scheduler
