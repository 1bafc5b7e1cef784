// await_chain.h: who awaits whom in one G, from its innermost frame outwards: what a stack is to a
// thread. Each frame's resume function stands for the coroutine; trace/function_name.h names it.
// The line in it is not known: g++ keeps that in the frame, as a number of its own.
#pragma once

#include <coroutine>
#include <cstddef>
#include <vector>

namespace outrigger::scheduler {

// More are cut off: a chain that is broken may be a ring.
inline constexpr size_t kLongestChain = 64;

// The resume functions of `innermost`, which is the `resume` of a G that waits, and of those who
// await it. Every frame is a Task's, or a ResumeHook in place of one. The G neither runs nor starts
// to (trace/hold.h): a frame that ends is freed at once.
std::vector<const void*> AwaitChain(std::coroutine_handle<> innermost);

}  // namespace outrigger::scheduler
