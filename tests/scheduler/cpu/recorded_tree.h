// recorded_tree.h: a made-up "/" in a temporary folder, with the files of /proc and /sys that a
// test wants its subject to see. Gone at the end of the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/cpu/cgroup.h"

namespace outrigger::scheduler {

// Runs on: the test's thread. Thread-safety: confined.
class RecordedTree {
 public:
  RecordedTree() {
    std::string pattern = testing::TempDir() + "/recorded_tree_XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~RecordedTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  RecordedTree(const RecordedTree&) = delete;
  RecordedTree& operator=(const RecordedTree&) = delete;

  // `path` as it is inside of the tree: "/proc/self/cgroup". Makes the folders above it.
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    ASSERT_TRUE(std::filesystem::exists(file)) << file;
  }
  void MakeFolder(const std::string& path) { std::filesystem::create_directories(root_ + path); }

  std::string PathOf(const std::string& path) const { return root_ + path; }
  CgroupFilesystem Filesystem() const { return {root_}; }

 private:
  std::string root_;
};

}  // namespace outrigger::scheduler
