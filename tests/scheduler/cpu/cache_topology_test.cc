#include "scheduler/cpu/cache_topology.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace outrigger::scheduler {
namespace {

class CacheTopologyTest : public testing::Test {
 protected:
  // Eight CPUs: pairs share a level 2, fours a level 3.
  CacheTopologyTest() {
    for (int cpu = 0; cpu < 8; ++cpu) {
      const int two = cpu / 2 * 2, four = cpu / 4 * 4;
      Write(cpu, 0, std::to_string(cpu));
      Write(cpu, 1, std::to_string(two) + "-" + std::to_string(two + 1));
      Write(cpu, 2, std::to_string(four) + "-" + std::to_string(four + 3));
    }
  }
  ~CacheTopologyTest() override { std::filesystem::remove_all(root_); }

  void Write(int cpu, int index, const std::string& list) {
    const std::string folder =
        root_ + "/cpu" + std::to_string(cpu) + "/cache/index" + std::to_string(index);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/shared_cpu_list") << list << "\n";
  }
  int Of(const char* cpus) { return LastLevelCacheOf(*CpuSet::Parse(cpus), root_); }

  const std::string root_ = testing::TempDir() + "/caches";
};

TEST_F(CacheTopologyTest, IsTheOneThatAllShare) {
  EXPECT_EQ(Of("0"), 0);
  EXPECT_EQ(Of("1-3"), 0);
  EXPECT_EQ(Of("5"), 4);
  EXPECT_EQ(Of("4-7"), 4);
}

TEST_F(CacheTopologyTest, IsNoneForCpusOfSeveral) {
  EXPECT_EQ(Of("3-4"), kSeveralCaches);
  EXPECT_EQ(Of("0-7"), kSeveralCaches);
  EXPECT_EQ(LastLevelCacheOf(CpuSet(), root_), kSeveralCaches);
}

TEST_F(CacheTopologyTest, IsUnknownWhereNothingSaysIt) {
  EXPECT_EQ(Of("8"), kSeveralCaches);
  Write(9, 0, "nonsense");
  EXPECT_EQ(Of("9"), kSeveralCaches);
}

}  // namespace
}  // namespace outrigger::scheduler
