// resume_hook.h: a function that a G runs in place of its waiting frame, when it is woken: to look
// whether that frame may go on, and to let it wait on if not. So a wait of several steps needs no
// coroutine, and no allocation, of its own.
#pragma once

#include <coroutine>

namespace outrigger::scheduler {

// Looks like a coroutine's frame, whose first word is what resume() calls: the ABI that g++ and
// clang share. Sets machine.next to go on, or leaves the G parked.
//
// Owner: the waiter's frame. Thread-safety: confined to its G.
class ResumeHook {
 public:
  using Run = void (*)(void* owner);
  ResumeHook(Run run, void* owner) : run_(run), owner_(owner) {}
  ResumeHook(const ResumeHook&) = delete;
  ResumeHook& operator=(const ResumeHook&) = delete;

  std::coroutine_handle<> handle() { return std::coroutine_handle<>::from_address(this); }

 private:
  static void Resume(ResumeHook* self) { self->run_(self->owner_); }

  void (*resume_)(ResumeHook*) = &Resume;
  void (*destroy_)(ResumeHook*) = nullptr;  // a hook belongs to its owner: nobody destroys it
  Run run_;
  void* owner_;
};

}  // namespace outrigger::scheduler
