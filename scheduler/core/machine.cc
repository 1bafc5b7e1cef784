#include "scheduler/core/machine.h"

#include "scheduler/core/processor.h"
#include "scheduler/core/set_back.h"

namespace outrigger::scheduler {
namespace {

constexpr uint32_t kNothingHeld = 1;  // no word's value

}  // namespace

const Possession MachineCell::nobodys;

void MachineCell::Adopt(Processor* p) {
  machine.p = p;
  possession = p ? &p->possession() : &nobodys;
  held = p ? Possession::HeldBy(id) : kNothingHeld;
}

// The word is not what it was: asked for, or another's. Or we have had no P for long.
void MachineCell::EnterAsked() {
  if (machine.p) {
    if (machine.p->possession().Keep(held)) return;
    Adopt(nullptr);
    lost = true;
  }
  BringForward(tid.load(std::memory_order_relaxed));
}

}  // namespace outrigger::scheduler
