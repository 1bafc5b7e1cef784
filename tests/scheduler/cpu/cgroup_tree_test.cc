#include "scheduler/cpu/cgroup_tree.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/scheduler/cpu/recorded_tree.h"

namespace outrigger::scheduler {
namespace {

using Strings = std::vector<std::string>;

TEST(ParseMemberships, ReadsBothVersions) {
  const auto lines = ParseMemberships("4:cpu,cpuacct:/a\n1:name=systemd:/b\n0::/c:d:e\n");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].controllers, (Strings{"cpu", "cpuacct"}));
  EXPECT_EQ(lines[0].path, "/a");
  EXPECT_TRUE(lines[0].Has("cpu"));
  EXPECT_FALSE(lines[0].Has("cpuset"));
  EXPECT_FALSE(lines[0].IsV2());
  EXPECT_FALSE(lines[1].IsV2());
  EXPECT_TRUE(lines[2].IsV2());
  EXPECT_EQ(lines[2].path, "/c:d:e");
}

TEST(ParseMemberships, LeavesOutWhatDoesNotParse) {
  EXPECT_TRUE(ParseMemberships("").empty());
  EXPECT_TRUE(ParseMemberships("0\n0:\n0::\n0::relative\n7::/no/controller\n::/x\n").empty());
}

TEST(ParseMemberships, StopsAtASensibleNumber) {
  std::string text;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&text, i + 1, ":c", i, ":/x\n");
  EXPECT_EQ(ParseMemberships(text).size(), 64u);
}

TEST(ParseCgroupMounts, FindsCgroupsWithAnyNumberOfTags) {
  const auto mounts = ParseCgroupMounts(
      "25 21 0:22 / /proc rw,nosuid - proc proc rw\n"
      "31 23 0:28 / /cg ro - cgroup2 cgroup rw,nsdelegate\n"
      "32 23 0:29 /a /cpu rw shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_TRUE(mounts[0].v2);
  EXPECT_EQ(mounts[0].root, "/");
  EXPECT_EQ(mounts[0].point, "/cg");
  EXPECT_FALSE(mounts[1].v2);
  EXPECT_EQ(mounts[1].root, "/a");
  EXPECT_EQ(mounts[1].options, (Strings{"rw", "cpu", "cpuacct"}));
}

TEST(ParseCgroupMounts, ResolvesEscapes) {
  const auto mounts = ParseCgroupMounts(
      "1 2 0:1 /a\\040b\\134x2d /mnt\\011\\012 ro - cgroup2 c rw\n"
      "1 2 0:1 /\\04 /\\999\\ ro - cgroup2 c rw\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].root, "/a b\\x2d");
  EXPECT_EQ(mounts[0].point, "/mnt\t\n");
  EXPECT_EQ(mounts[1].root, "/\\04");
  EXPECT_EQ(mounts[1].point, "/\\999\\");
}

TEST(ParseCgroupMounts, LeavesOutWhatDoesNotParse) {
  for (const char* line :
       {"", "-", "1 2 3 / / 6 -", "1 2 0:1 / / rw - cgroup2 c", "1 2 0:1 / / rw cgroup2 c rw x",
        "1 2 0:1 relative / rw - cgroup2 c rw", "1 2 0:1 / relative rw - cgroup2 c rw",
        "1 2 0:1 / / rw - cgroup3 c rw", "- - - - - - - - - - - - -"}) {
    EXPECT_TRUE(ParseCgroupMounts(line).empty()) << line;
  }
}

TEST(ParseCgroupMounts, StopsAtASensibleNumber) {
  std::string text;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&text, "1 2 0:1 / /m", i, " ro - cgroup2 c rw\n");
  EXPECT_EQ(ParseCgroupMounts(text).size(), 1024u);
}

// Groups as "name=directory", the tree's root taken off.
class VisibleGroupsTest : public testing::Test {
 protected:
  Strings Find(const std::string& mounts, const std::string& path) {
    Strings found;
    const CgroupMembership membership{{}, path};
    for (const CgroupDirectory& group : VisibleGroups(
             tree_.Filesystem(), ParseCgroupMounts(mounts), membership, "", notes_)) {
      found.push_back(group.name + "=" + group.directory.substr(tree_.PathOf("").size()));
    }
    return found;
  }

  RecordedTree tree_;
  Strings notes_;
};

TEST_F(VisibleGroupsTest, ClimbToTheMountsTop) {
  tree_.MakeFolder("/cg/a/b");
  EXPECT_EQ(Find("1 2 0:1 / /cg ro - cgroup2 c rw\n", "/a/b"),
            (Strings{"/a/b=/cg/a/b", "/a=/cg/a", "/=/cg"}));
  EXPECT_EQ(Find("1 2 0:1 /x /cg ro - cgroup2 c rw\n", "/x/a"),
            (Strings{"/x/a=/cg/a", "/x=/cg"}));
  EXPECT_EQ(Find("1 2 0:1 / /cg ro - cgroup2 c rw\n", "/"), Strings{"/=/cg"});
  EXPECT_EQ(notes_, Strings{});
}

TEST_F(VisibleGroupsTest, AreSeenThroughAMountAboveTheNamespace) {
  tree_.MakeFolder("/cg/sibling");
  EXPECT_EQ(Find("1 2 0:1 /.. /cg ro - cgroup2 c rw\n", "/../sibling"),
            (Strings{"/../sibling=/cg/sibling", "/..=/cg"}));
  EXPECT_EQ(notes_, Strings{});
}

TEST_F(VisibleGroupsTest, DoNotTakeHalfAStepForTheRoot) {
  tree_.MakeFolder("/cg");
  EXPECT_EQ(Find("1 2 0:1 /pod1 /cg ro - cgroup2 c rw\n", "/pod10"), Strings{});
  EXPECT_EQ(notes_, Strings{"cgroup /pod10 is not visible below /cg, which shows /pod1: its limits "
                            "are unknown"});
}

TEST_F(VisibleGroupsTest, ComeFromTheMountThatCoversTheOthers) {
  tree_.MakeFolder("/cg");
  EXPECT_EQ(Find("1 2 0:1 / /cg ro - cgroup2 c rw\n1 2 0:1 /docker/c1 /cg ro - cgroup2 c rw\n",
                 "/docker/c1"),
            Strings{"/docker/c1=/cg"});
  EXPECT_EQ(notes_, Strings{});
}

TEST_F(VisibleGroupsTest, ComeFromTheMountThatShowsMostAncestors) {
  tree_.MakeFolder("/host/a/b");
  tree_.MakeFolder("/cg");
  const std::string host = "1 2 0:1 / /host ro - cgroup2 c rw\n";
  const std::string own = "1 2 0:1 /a/b /cg ro - cgroup2 c rw\n";
  const Strings expected = {"/a/b=/host/a/b", "/a=/host/a", "/=/host"};
  EXPECT_EQ(Find(host + own, "/a/b"), expected);
  EXPECT_EQ(Find(own + host, "/a/b"), expected);
}

TEST_F(VisibleGroupsTest, LackWhatIsHidden) {
  tree_.MakeFolder("/cg/a");
  EXPECT_EQ(Find("1 2 0:1 / /cg ro - cgroup2 c rw\n", "/a/b/c"), (Strings{"/a=/cg/a", "/=/cg"}));
  EXPECT_EQ(notes_, Strings{"cgroup /a/b/c is not visible below /cg: using the limits of its "
                            "visible parents"});
}

TEST_F(VisibleGroupsTest, AreNoneWithoutAMount) {
  EXPECT_EQ(Find("1 2 0:1 / /cg ro - cgroup c rw,cpu\n", "/a"), Strings{});
  EXPECT_EQ(notes_, Strings{});
}

}  // namespace
}  // namespace outrigger::scheduler
