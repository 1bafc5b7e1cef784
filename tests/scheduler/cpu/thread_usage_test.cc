#include "scheduler/cpu/thread_usage.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/scheduler/cpu/recorded_tree.h"

namespace outrigger::scheduler {
namespace {

constexpr char kStatus[] =
    "Name:\tdata:0\nState:\tS (sleeping)\nCpus_allowed:\t0c\nCpus_allowed_list:\t2-3\n"
    "voluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t4\n";

// Fields 3 to 40; utime 30, stime 12, processor 3.
std::string Stat(const std::string& name) {
  return absl::StrCat("7 (", name,
                      ") S 1 7 7 0 -1 4194304 0 0 0 0 30 12 0 0 20 0 1 0 100 0 0 0 0 0 0 0 0 0 0 "
                      "0 0 0 0 0 17 3 0 0\n");
}

void WriteThread(RecordedTree& tree, int tid, const std::string& name) {
  const std::string folder = absl::StrCat("/self/task/", tid);
  tree.Write(folder + "/comm", name + "\n");
  tree.Write(folder + "/status", kStatus);
  tree.Write(folder + "/stat", Stat(name));
  tree.Write(folder + "/schedstat", "1234567 890 21\n");
}

TEST(ThreadUsage, ReadsARecordedThread) {
  RecordedTree tree;
  WriteThread(tree, 7, "data:0");
  const auto threads = ReadThreadUsage(tree.PathOf("/self"));
  ASSERT_TRUE(threads.ok()) << threads.status();
  ASSERT_EQ(threads->size(), 1u);
  const ThreadUsage& thread = threads->front();
  EXPECT_EQ(thread.tid, 7);
  EXPECT_EQ(thread.name, "data:0");
  EXPECT_EQ(thread.cpus_allowed, (CpuSet{2, 3}));
  EXPECT_EQ(thread.last_cpu, 3);
  EXPECT_EQ(thread.cpu_ns, 1234567u);
  EXPECT_EQ(thread.run_delay_ns, 890u);
  EXPECT_EQ(thread.voluntary_switches, 17u);
  EXPECT_EQ(thread.involuntary_switches, 4u);
}

TEST(ThreadUsage, SortsByThreadIdAndSkipsWhatIsNoThread) {
  RecordedTree tree;
  for (int tid : {30, 4, 100}) WriteThread(tree, tid, "t");
  tree.MakeFolder("/self/task/garbled");
  const auto threads = ReadThreadUsage(tree.PathOf("/self"));
  ASSERT_TRUE(threads.ok());
  ASSERT_EQ(threads->size(), 3u);
  EXPECT_EQ((*threads)[0].tid, 4);
  EXPECT_EQ((*threads)[1].tid, 30);
  EXPECT_EQ((*threads)[2].tid, 100);
}

TEST(ThreadUsage, LeavesOutAThreadThatVanishes) {
  RecordedTree tree;
  WriteThread(tree, 1, "stays");
  tree.Write("/self/task/2/comm", "goes\n");
  tree.MakeFolder("/self/task/3");
  const auto threads = ReadThreadUsage(tree.PathOf("/self"));
  ASSERT_TRUE(threads.ok());
  ASSERT_EQ(threads->size(), 1u);
  EXPECT_EQ(threads->front().name, "stays");
}

TEST(ThreadUsage, CountsTicksWithoutSchedstat) {
  for (const char* schedstat : {"", "garbled", "1 x 2"}) {
    RecordedTree tree;
    WriteThread(tree, 7, "data:0");
    tree.Write("/self/task/7/schedstat", schedstat);
    const auto threads = ReadThreadUsage(tree.PathOf("/self"));
    ASSERT_TRUE(threads.ok());
    ASSERT_EQ(threads->size(), 1u);
    EXPECT_EQ(threads->front().cpu_ns, 42 * (1'000'000'000u / sysconf(_SC_CLK_TCK)));
    EXPECT_EQ(threads->front().run_delay_ns, std::nullopt);
  }
}

TEST(ThreadUsage, TakesANameWithParentheses) {
  RecordedTree tree;
  WriteThread(tree, 7, "a) S 9 9");
  const auto threads = ReadThreadUsage(tree.PathOf("/self"));
  ASSERT_TRUE(threads.ok());
  EXPECT_EQ(threads->front().name, "a) S 9 9");
  EXPECT_EQ(threads->front().last_cpu, 3);
}

TEST(ThreadUsage, SurvivesGarbledFiles) {
  RecordedTree tree;
  WriteThread(tree, 7, "t");
  tree.Write("/self/task/7/status", "Cpus_allowed_list:\t0-\nvoluntary_ctxt_switches:\tmany\nx\n");
  tree.Write("/self/task/7/stat", "7 no parenthesis");
  const auto threads = ReadThreadUsage(tree.PathOf("/self"));
  ASSERT_TRUE(threads.ok());
  ASSERT_EQ(threads->size(), 1u);
  EXPECT_TRUE(threads->front().cpus_allowed.Empty());
  EXPECT_EQ(threads->front().voluntary_switches, 0u);
  EXPECT_EQ(threads->front().last_cpu, -1);
}

TEST(ThreadUsage, FailsWhereThereIsNoTaskFolder) {
  RecordedTree tree;
  EXPECT_FALSE(ReadThreadUsage(tree.PathOf("/self")).ok());
}

TEST(ThreadUsage, SeesThisProcesssThreadsByNameAndCpu) {
  const absl::StatusOr<CpuSet> allowed = CpuSet::OfThisProcess();
  ASSERT_TRUE(allowed.ok());
  const CpuSet bound = {allowed->First()};
  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;
  bool done = false;
  std::thread worker([&] {
    pthread_setname_np(pthread_self(), "data:9");
    EXPECT_TRUE(BindThisThread(bound).ok());
    std::unique_lock<std::mutex> lock(mutex);
    ready = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done; });
  });
  {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return ready; });
  }
  const auto threads = ReadThreadUsage();
  {
    std::lock_guard<std::mutex> lock(mutex);
    done = true;
    changed.notify_all();
  }
  worker.join();

  ASSERT_TRUE(threads.ok()) << threads.status();
  ASSERT_GE(threads->size(), 2u);
  bool seen = false;
  for (const ThreadUsage& thread : *threads) {
    if (thread.tid == getpid()) {
      EXPECT_GT(thread.cpu_ns, 0u);
    }
    if (thread.name != "data:9") continue;
    seen = true;
    EXPECT_EQ(thread.cpus_allowed, bound);
    EXPECT_EQ(thread.last_cpu, bound.First());
  }
  EXPECT_TRUE(seen);
}

TEST(ThreadUsage, SurvivesThreadsThatComeAndGo) {
  std::atomic<bool> stop = false;
  std::thread churn([&stop] {
    while (!stop) std::thread([] {}).join();
  });
  for (int i = 0; i < 200; ++i) {
    const auto threads = ReadThreadUsage();
    ASSERT_TRUE(threads.ok()) << threads.status();
    ASSERT_GE(threads->size(), 1u);
  }
  stop = true;
  churn.join();
}

}  // namespace
}  // namespace outrigger::scheduler
