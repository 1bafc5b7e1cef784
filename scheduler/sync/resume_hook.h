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
  // The hook that such a handle is one of. Null: it is a frame's.
  static const ResumeHook* At(std::coroutine_handle<> handle) {
    const auto* hook = static_cast<const ResumeHook*>(handle.address());
    return hook->resume_ == &Resume ? hook : nullptr;
  }

  // The frame in whose place it runs.
  std::coroutine_handle<> waiting() const { return waiting_; }
  void SetWaiting(std::coroutine_handle<> frame) { waiting_ = frame; }

 private:
  static void Resume(ResumeHook* self) { self->run_(self->owner_); }

  void (*resume_)(ResumeHook*) = &Resume;   // first: At() and resume() look there
  void (*destroy_)(ResumeHook*) = nullptr;  // a hook belongs to its owner: nobody destroys it
  Run run_;
  void* owner_;
  std::coroutine_handle<> waiting_;
};

}  // namespace outrigger::scheduler
