#include "scheduler/trace/await_chain.h"

#include "scheduler/sync/resume_hook.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

std::vector<const void*> AwaitChain(std::coroutine_handle<> innermost) {
  using Handle = std::coroutine_handle<internal::PromiseBase>;
  if (innermost) {
    if (const ResumeHook* hook = ResumeHook::At(innermost)) innermost = hook->waiting();
  }
  std::vector<const void*> functions;
  std::coroutine_handle<> frame = innermost;
  while (frame && functions.size() < kLongestChain) {
    functions.push_back(*static_cast<const void* const*>(frame.address()));
    // internal::HandleOf checks that this is where every Task has it.
    frame = Handle::from_address(frame.address()).promise().continuation;
  }
  return functions;
}

}  // namespace outrigger::scheduler
