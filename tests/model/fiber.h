// fiber.h: a stack of its own that the explorer switches to and from, some ten times a schedule.
// Its use: tests/model/explorer.cc alone.
#pragma once

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace outrigger::model {

// Owner: Explorer. Thread-safety: confined to one OS thread.
class Fiber {
 public:
  using Entry = void (*)();

  // Its next SwitchTo() starts `entry`, which never returns. What was on the stack is dropped.
  void Start(Entry entry);
  // Leaves the running one in `from`. The OS thread's own stack is a Fiber that was never started.
  static void SwitchTo(Fiber& from, Fiber& to);

 private:
  static constexpr size_t kStackBytes = 64 << 10;

  std::unique_ptr<char[]> stack_;
#if defined(__x86_64__)
  void* sp_ = nullptr;
#else
  ucontext_t context_;
#endif
};

}  // namespace outrigger::model
