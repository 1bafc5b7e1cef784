// side_task.h: a task that takes turns with its owner on the owner's G. A connection runs the
// handler of each of its requests as one: several are open at a time, no two run at once, so what
// belongs to the connection needs no lock and is never seen from two threads. While the task waits
// for anything else (time, a channel), owner and siblings wait with it.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

#include "scheduler/task.h"

namespace outrigger::control {

// Runs on: its owner's G. Owner: the coroutine that calls Run(). Thread-safety: confined.
// Destroyed while paused, it unwinds without going on.
class SideTask {
 public:
  explicit SideTask(scheduler::Task<> task) : root_(task.Release()), next_(root_) {}
  SideTask(const SideTask&) = delete;
  SideTask& operator=(const SideTask&) = delete;
  ~SideTask() { root_.destroy(); }

  bool done() const { return root_.done(); }
  // It ended by an exception.
  bool panicked() const { return done() && root_.promise().panic != nullptr; }

  // In the owner: until the task pauses or ends. Not once it is done.
  auto Run() { return RunTurn{*this}; }
  // In the task, at any depth: back to the owner, until its next Run().
  auto Pause() { return PauseTurn{*this}; }

 private:
  struct [[nodiscard]] RunTurn {
    SideTask& task;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> owner) const noexcept {
      task.owner_ = owner;
      task.root_.promise().continuation = owner;
      scheduler::machine.next = task.next_;
    }
    void await_resume() const noexcept {}
  };
  struct [[nodiscard]] PauseTurn {
    SideTask& task;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const noexcept {
      task.next_ = self;
      scheduler::machine.next = task.owner_;
    }
    void await_resume() const noexcept {}
  };

  const scheduler::Task<>::Handle root_;
  std::coroutine_handle<> next_;  // innermost paused frame
  std::coroutine_handle<> owner_;
};

}  // namespace outrigger::control
