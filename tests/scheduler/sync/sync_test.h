// sync_test.h: what the tests of scheduler/sync share: a pool of one P, on which a G that yields
// until nothing moves leaves all others in their waits.
#pragma once

#include <vector>

#include "gtest/gtest.h"
#include "scheduler/scheduler.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {

class OneProcTest : public testing::TestWithParam<Policy> {
 protected:
  void Run(Task<> task) { RunToEnd(pool_, std::move(task)); }
  Pool pool_{Options(GetParam(), 1)};
};

inline Task<> YieldOften() {
  for (int i = 0; i < 300; ++i) co_await Yield();
}

inline Task<> JoinEach(std::vector<JoinHandle>& handles) {
  for (const JoinHandle& handle : handles) co_await handle.Join();
  handles.clear();
}

// A deadline that is to pass.
inline Nanos Soon() { return Now() + 100'000; }

}  // namespace outrigger::scheduler
