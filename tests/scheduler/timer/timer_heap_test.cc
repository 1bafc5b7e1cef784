#include "scheduler/timer/timer_heap.h"

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

struct RecordingTimer : Timer {
  explicit RecordingTimer(std::vector<RecordingTimer*>& out)
      : Timer([](Timer& self) {
          auto& timer = static_cast<RecordingTimer&>(self);
          EXPECT_FALSE(timer.armed());
          timer.fired.push_back(&timer);
        }),
        fired(out) {}
  std::vector<RecordingTimer*>& fired;
};

TEST(TimerHeapTest, FiresInTheOrderOfDeadlinesAndNotBefore) {
  std::vector<RecordingTimer*> fired;
  RecordingTimer late(fired), soon(fired), soonest(fired);
  TimerHeap heap;
  EXPECT_EQ(heap.Next(), kNever);
  heap.Add(late, 30);
  heap.Add(soonest, 10);
  heap.Add(soon, 20);
  EXPECT_EQ(heap.Next(), 10);
  EXPECT_EQ(heap.RunExpired(9), 0);
  EXPECT_EQ(heap.RunExpired(20), 2);
  EXPECT_EQ(fired, (std::vector<RecordingTimer*>{&soonest, &soon}));
  EXPECT_EQ(heap.Next(), 30);
}

TEST(TimerHeapTest, AddMovesATimerThatIsArmed) {
  std::vector<RecordingTimer*> fired;
  RecordingTimer timer(fired);
  TimerHeap heap;
  heap.Add(timer, 10);
  heap.Add(timer, 20);
  EXPECT_EQ(heap.size(), 1u);
  EXPECT_EQ(heap.RunExpired(19), 0);
  EXPECT_EQ(heap.RunExpired(20), 1);
}

TEST(TimerHeapTest, ATimerPushedBackDoesNotFireAtItsFirstDeadline) {
  std::vector<RecordingTimer*> fired;
  RecordingTimer timer(fired), other(fired);
  TimerHeap heap;
  heap.Add(timer, 10);
  heap.Add(other, 15);
  heap.Add(timer, 20);
  EXPECT_EQ(heap.RunExpired(12), 0);
  heap.Add(timer, 40);
  heap.Add(timer, 18);  // nearer, and still after what its place says
  EXPECT_EQ(heap.Next(), 15);
  EXPECT_EQ(heap.RunExpired(18), 2);
  EXPECT_EQ(fired, (std::vector<RecordingTimer*>{&other, &timer}));
  EXPECT_EQ(heap.size(), 0u);
}

TEST(TimerHeapTest, RemoveOfATimerThatIsNotArmedDoesNothing) {
  std::vector<RecordingTimer*> fired;
  RecordingTimer timer(fired);
  TimerHeap heap;
  heap.Remove(timer);
  heap.Add(timer, 10);
  heap.Remove(timer);
  heap.Remove(timer);
  EXPECT_EQ(heap.RunExpired(100), 0);
}

struct PeriodicTimer : Timer {
  PeriodicTimer(TimerHeap& heap, Nanos period)
      : Timer([](Timer& self) {
          auto& timer = static_cast<PeriodicTimer&>(self);
          ++timer.times;
          timer.heap.Add(timer, timer.deadline + timer.period);
        }),
        heap(heap),
        period(period) {}
  TimerHeap& heap;
  const Nanos period;
  int times = 0;
};

TEST(TimerHeapTest, AFiringTimerMayArmItselfAgain) {
  TimerHeap heap;
  PeriodicTimer timer(heap, 10);
  heap.Add(timer, 10);
  for (const Nanos now : {10, 29, 35}) EXPECT_EQ(heap.RunExpired(now), 1);
  EXPECT_EQ(timer.times, 3);
  EXPECT_EQ(heap.Next(), 40);
  heap.Remove(timer);
}

// Against std::multimap: add, move, remove and expiry at random; deadlines collide on purpose.
TEST(TimerHeapTest, BehavesAsAMultimapDoes) {
  std::minstd_rand random(7);
  std::vector<RecordingTimer*> fired;
  std::vector<std::unique_ptr<RecordingTimer>> timers;
  for (int i = 0; i < 300; ++i) timers.push_back(std::make_unique<RecordingTimer>(fired));
  TimerHeap heap;
  std::multimap<Nanos, RecordingTimer*> model;
  const auto forget = [&](RecordingTimer* timer) {
    for (auto it = model.begin(); it != model.end(); ++it) {
      if (it->second == timer) return void(model.erase(it));
    }
  };
  Nanos now = 0;
  size_t expiries = 0;
  for (int step = 0; step < 50'000; ++step) {
    RecordingTimer* timer = timers[random() % timers.size()].get();
    switch (random() % 8) {
      case 0:
        heap.Remove(*timer);
        forget(timer);
        break;
      case 1: {
        now += static_cast<Nanos>(random() % 100);
        fired.clear();
        const int count = heap.RunExpired(now);
        ASSERT_EQ(static_cast<size_t>(count), fired.size());
        Nanos before = 0;
        for (RecordingTimer* each : fired) {
          ASSERT_LE(before, each->deadline);
          before = each->deadline;
          ASSERT_LE(each->deadline, now);
          forget(each);
        }
        ASSERT_TRUE(model.empty() || model.begin()->first > now);
        expiries += fired.size();
        break;
      }
      default: {
        const Nanos deadline = now + static_cast<Nanos>(random() % 1000);
        forget(timer);
        heap.Add(*timer, deadline);
        model.emplace(deadline, timer);
      }
    }
    ASSERT_EQ(heap.size(), model.size());
    // Not each time: it mends what was pushed back.
    if (random() % 4 == 0) {
      ASSERT_EQ(heap.Next(), model.empty() ? kNever : model.begin()->first);
    }
  }
  EXPECT_GT(expiries, 1000u);
}

TEST(TimerHeapTest, ATimerThatIsAlwaysLateFiresOnceACall) {
  struct Late : Timer {
    explicit Late(TimerHeap& in)
        : Timer([](Timer& self) {
            auto& timer = static_cast<Late&>(self);
            if (++timer.fired < 100) timer.heap.Add(timer, 5);
          }),
          heap(in) {}
    TimerHeap& heap;
    int fired = 0;
  };
  TimerHeap heap;
  Late timer(heap);
  heap.Add(timer, 5);
  EXPECT_EQ(heap.RunExpired(10), 1);
  EXPECT_EQ(heap.RunExpired(11), 1);
  EXPECT_EQ(timer.fired, 2);
  heap.Add(timer, 3);
  EXPECT_EQ(heap.Next(), 3) << "outside of a call it is what was said";
}

}  // namespace
}  // namespace outrigger::scheduler
