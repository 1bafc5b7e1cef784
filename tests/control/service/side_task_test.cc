#include "control/service/side_task.h"

#include <future>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {
namespace {

using scheduler::Task;

struct Trace {
  std::string text;
  std::vector<std::unique_ptr<SideTask>> tasks;
};

// Notes its own end, however it comes.
struct AtEnd {
  Trace& trace;
  const char* what;
  ~AtEnd() { trace.text += what; }
};

Task<int> PauseDeep(Trace& trace, int self) {
  co_await trace.tasks[static_cast<size_t>(self)]->Pause();
  co_return self;
}

Task<> Side(Trace& trace, int self, int turns) {
  AtEnd end{trace, "end "};
  for (int i = 0; i < turns; ++i) {
    trace.text += std::to_string(self) + "." + std::to_string(i) + " ";
    const int back = co_await PauseDeep(trace, self);
    EXPECT_EQ(back, self);
  }
}

Task<> Panics() {
  co_await scheduler::Yield();
  throw scheduler::Panic("seeded");
}

Task<> TakeTurns(Trace& trace, std::promise<void>& done) {
  trace.tasks.push_back(std::make_unique<SideTask>(Side(trace, 0, 2)));
  trace.tasks.push_back(std::make_unique<SideTask>(Side(trace, 1, 1)));
  for (bool open = true; open;) {
    open = false;
    for (auto& task : trace.tasks) {
      if (task->done()) continue;
      co_await task->Run();
      open = true;
    }
    trace.text += "| ";
  }
  // One that never ran, and one that is paused.
  { SideTask unused(Side(trace, 7, 1)); }
  trace.tasks.push_back(std::make_unique<SideTask>(Side(trace, 2, 5)));
  co_await trace.tasks[2]->Run();
  trace.text += "drop ";
  trace.tasks.clear();
  SideTask panics(Panics());
  co_await panics.Run();
  EXPECT_TRUE(panics.panicked());
  done.set_value();
}

TEST(SideTaskTest, TakesTurnsWithItsOwner) {
  Trace trace;
  std::promise<void> done;
  {
    scheduler::Pool pool({.name = "control",
                          .policy = scheduler::Policy::kStealing,
                          .affinity = std::vector<scheduler::CpuSet>(2)});
    pool.Go("owner", TakeTurns(trace, done));
    done.get_future().get();
  }
  EXPECT_EQ(trace.text, "0.0 1.0 | 0.1 end | end | | 2.0 drop end ");
}

}  // namespace
}  // namespace outrigger::control
