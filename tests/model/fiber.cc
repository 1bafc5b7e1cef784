#include "tests/model/fiber.h"

#include <cstdint>

#if defined(__x86_64__)
// swapcontext sets the signal mask: a system call for each switch. This keeps what a call keeps.
extern "C" void outrigger_model_switch(void** save, void* load);
asm(R"(
.text
.globl outrigger_model_switch
.type outrigger_model_switch, @function
outrigger_model_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size outrigger_model_switch, .-outrigger_model_switch
)");

namespace outrigger::model {

void Fiber::Start(Entry entry) {
  if (!stack_) stack_ = std::make_unique_for_overwrite<char[]>(kStackBytes);
  const uintptr_t top = (reinterpret_cast<uintptr_t>(stack_.get()) + kStackBytes) & ~uintptr_t{15};
  // As after a call: the return address of `entry` (none), `entry`, six registers.
  void** sp = reinterpret_cast<void**>(top - 8);
  *sp = nullptr;
  *--sp = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--sp = nullptr;
  sp_ = sp;
}

void Fiber::SwitchTo(Fiber& from, Fiber& to) { outrigger_model_switch(&from.sp_, to.sp_); }

}  // namespace outrigger::model

#else

namespace outrigger::model {

void Fiber::Start(Entry entry) {
  if (!stack_) stack_ = std::make_unique_for_overwrite<char[]>(kStackBytes);
  getcontext(&context_);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = kStackBytes;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
}

void Fiber::SwitchTo(Fiber& from, Fiber& to) { swapcontext(&from.context_, &to.context_); }

}  // namespace outrigger::model
#endif
