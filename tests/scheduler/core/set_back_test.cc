#include "scheduler/core/set_back.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "gtest/gtest.h"
#include "scheduler/base/mutex.h"

namespace outrigger::scheduler {
namespace {

int Nice(pid_t tid) { return getpriority(PRIO_PROCESS, static_cast<id_t>(tid)); }

TEST(SetBackTest, AThreadGoesBackAndComesForwardAgain) {
  const SetBackMeans means = BestSetBackMeans();
  if (means == SetBackMeans::kNone) GTEST_SKIP() << "neither nice nor slices are allowed here";
  std::thread([means] {
    const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
    const int nice = Nice(tid);
    ASSERT_TRUE(SetBackThread(tid, means));
    EXPECT_TRUE(Nice(tid) == 19 || sched_getscheduler(tid) == SCHED_BATCH);
    EXPECT_TRUE(IsSetBack(tid));
    BringForward(tid);
    EXPECT_FALSE(IsSetBack(tid));
    EXPECT_EQ(Nice(tid), nice);
    EXPECT_EQ(sched_getscheduler(tid), SCHED_OTHER);
  }).join();
}

TEST(SetBackTest, WhoWaitsForALockBringsTheHolderForward) {
  const SetBackMeans means = BestSetBackMeans();
  if (means == SetBackMeans::kNone) GTEST_SKIP() << "neither nice nor slices are allowed here";
  Mutex mutex;
  std::atomic<pid_t> holder{0};
  std::atomic<bool> back{false};
  std::thread holds([&] {
    MutexLock lock(mutex);
    holder.store(static_cast<pid_t>(syscall(SYS_gettid)));
    while (!back.load()) std::this_thread::yield();
    while (IsSetBack(holder.load())) std::this_thread::yield();
  });
  while (holder.load() == 0) std::this_thread::yield();
  EXPECT_TRUE(SetBackThread(holder.load(), means));
  back.store(true);
  { MutexLock lock(mutex); }
  EXPECT_FALSE(IsSetBack(holder.load()));
  holds.join();
}

TEST(SetBackTest, NobodyIsSetBackWhileSomebodyWaitsForALock) {
  const LockWaitScope waiting;
  const auto tid = static_cast<pid_t>(syscall(SYS_gettid));
  EXPECT_FALSE(SetBackThread(tid, BestSetBackMeans()));
  EXPECT_FALSE(IsSetBack(tid));
}

TEST(SetBackTest, ARefusalIsSaid) {
  EXPECT_FALSE(SetBackThread(static_cast<pid_t>(syscall(SYS_gettid)), SetBackMeans::kNone));
  EXPECT_FALSE(SetBackThread(1 << 30, SetBackMeans::kNice));  // no such thread
}

TEST(SetBackTest, MeansHaveNames) {
  EXPECT_EQ(SetBackMeansName(SetBackMeans::kNice), "nice");
  EXPECT_EQ(SetBackMeansName(SetBackMeans::kBatch), "batch");
  EXPECT_EQ(SetBackMeansName(SetBackMeans::kNone), "none");
}

}  // namespace
}  // namespace outrigger::scheduler
