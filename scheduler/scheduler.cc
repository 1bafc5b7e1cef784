#include "scheduler/scheduler.h"

namespace outrigger::scheduler {

bool SleepUntil::await_suspend(std::coroutine_handle<> self) {
  G* g = machine.g;
  if (!g->BeginWait("sleep")) return false;
  waited_ = true;
  g->resume = self;
  netpoll_ = g->netpoll;
  timer_.g = g;
  netpoll_->AddTimer(timer_, deadline_);
  return g->CommitWait();
}

Wake SleepUntil::await_resume() {
  if (!waited_) return Wake::kCancelled;
  const Wake wake = machine.g->FinishWait();
  netpoll_->EndTimer(timer_, wake);
  return wake;
}

bool Yield::await_suspend(std::coroutine_handle<> self) const {
  G* g = machine.g;
  g->resume = self;
  // No wait: nobody may wake it, so the state word stays kRunning, and cancel leaves its mark
  // there.
  if (g->confined()) {
    g->home->Queue(g);
  } else {
    g->pool->QueueStealing(g, /*front=*/false);
  }
  return true;
}

}  // namespace outrigger::scheduler
