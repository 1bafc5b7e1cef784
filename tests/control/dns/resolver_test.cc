#include "control/dns/resolver.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/control/dns/fake_dns_server.h"

namespace outrigger::control {
namespace {

using scheduler::kMillisecond;
using scheduler::kSecond;
using scheduler::Nanos;
using scheduler::Pool;
using scheduler::Task;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Answer = absl::StatusOr<DnsAnswer>;

Task<> ResolveInto(Resolver& resolver, std::string name, DnsFamily family, Nanos timeout,
                   std::promise<Answer>& answer) {
  answer.set_value(co_await resolver.Resolve(name, family, timeout));
}

size_t OpenDescriptors() {
  size_t count = 0;
  DIR* dir = opendir("/proc/self/fd");
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

class ResolverTest : public ::testing::Test {
 protected:
  ResolverTest()
      : pool_({.name = "control",
               .policy = scheduler::Policy::kStealing,
               .affinity = std::vector<scheduler::CpuSet>(2)}) {
    Use({});
  }

  void Use(ResolverOptions options) {
    options.servers = {server_.address()};
    resolver_ = std::make_unique<Resolver>(options);
  }

  Answer Resolve(const std::string& name, DnsFamily family = DnsFamily::kAuto,
                 Nanos timeout = 20 * kSecond) {
    std::promise<Answer> answer;
    pool_.Go("resolve", ResolveInto(*resolver_, name, family, timeout, answer));
    return answer.get_future().get();
  }

  std::vector<std::string> Ips(const std::string& name, DnsFamily family = DnsFamily::kAuto) {
    const Answer answer = Resolve(name, family);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->ips : std::vector<std::string>{"failed"};
  }

  FakeDnsServer server_;
  std::unique_ptr<Resolver> resolver_;
  Pool pool_;  // last: its Gs use the resolver
};

TEST_F(ResolverTest, AnswersInTheServersOrderWithTheLeastTtl) {
  server_.SetV4("app.test", {"10.0.0.2", "10.0.0.1"}, 7);
  const Answer answer = Resolve("app.test");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->ips, ElementsAre("10.0.0.2", "10.0.0.1"));
  EXPECT_EQ(answer->ttl, 7 * kSecond);
}

TEST_F(ResolverTest, FamilyChoosesAmongTheRecords) {
  server_.Set("both.test", 'A', {.ips = {"10.0.0.1"}, .ttl_seconds = 9});
  server_.Set("both.test", '6', {.ips = {"fd00::1"}, .ttl_seconds = 5});
  EXPECT_THAT(Ips("both.test", DnsFamily::kAuto), ElementsAre("fd00::1"));
  EXPECT_THAT(Ips("both.test", DnsFamily::kV4Preferred), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Ips("both.test", DnsFamily::kV4Only), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Ips("both.test", DnsFamily::kV6Only), ElementsAre("fd00::1"));
  EXPECT_THAT(Ips("both.test", DnsFamily::kAll), ElementsAre("fd00::1", "10.0.0.1"));
  EXPECT_EQ(Resolve("both.test", DnsFamily::kAll)->ttl, 5 * kSecond);
}

TEST_F(ResolverTest, TheOtherFamilyStepsInForTheOneThatHasNothing) {
  server_.SetV4("v4.test", {"10.0.0.1"});
  server_.Set("v6.test", '6', {.ips = {"fd00::1"}});
  server_.Set("v6.test", 'A', {});
  EXPECT_THAT(Ips("v4.test", DnsFamily::kAuto), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Ips("v6.test", DnsFamily::kV4Preferred), ElementsAre("fd00::1"));
  EXPECT_THAT(Ips("v6.test", DnsFamily::kV4Only), IsEmpty());
}

TEST_F(ResolverTest, AServerDeafToOneFamilyStillGivesTheOther) {
  server_.Set("half.test", 'A', {.ips = {"10.0.0.1"}});
  server_.Set("half.test", '6', {.kind = FakeAnswer::Kind::kDrop});
  Use({.try_timeout = 20 * kMillisecond, .tries = 2});
  EXPECT_THAT(Ips("half.test"), ElementsAre("10.0.0.1"));
}

TEST_F(ResolverTest, ANameThatDoesNotExistIsAnEmptyAnswer) {
  EXPECT_THAT(Ips("none.test"), IsEmpty());
}

TEST_F(ResolverTest, NoAddressIsNotConcludedFromAQuestionThatWasLost) {
  server_.Set("half.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  server_.Set("half.test", '6', {});
  Use({.try_timeout = 20 * kMillisecond, .tries = 1});
  const Answer answer = Resolve("half.test");
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(answer.status().message()), HasSubstr("half.test"));
}

TEST_F(ResolverTest, ServersThatFailOrTalkGarbageAreUnavailable) {
  server_.Set("fail.test", 'A', {.rcode = 2});
  server_.Set("refuse.test", 'A', {.rcode = 5});
  server_.Set("garbage.test", 'A', {.kind = FakeAnswer::Kind::kGarbage});
  for (const char* name : {"fail.test", "refuse.test", "garbage.test"}) {
    const Answer answer = Resolve(name, DnsFamily::kV4Only);
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << name;
    EXPECT_THAT(std::string(answer.status().message()), HasSubstr(name));
  }
}

TEST_F(ResolverTest, ALostQuestionIsAskedAgain) {
  server_.Set("slow.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  Use({.try_timeout = 20 * kMillisecond, .tries = 3});
  EXPECT_EQ(Resolve("slow.test", DnsFamily::kV4Only).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(server_.questions(), 3);
}

TEST_F(ResolverTest, TheTimeoutEndsALookUpThatTheServersNeverAnswer) {
  server_.Set("dead.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  Use({.try_timeout = 3600 * kSecond});
  const Answer answer = Resolve("dead.test", DnsFamily::kV4Only, 30 * kMillisecond);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ResolverTest, LiteralsAndLocalhostAskNobody) {
  EXPECT_THAT(Ips("10.1.2.3", DnsFamily::kV6Only), ElementsAre("10.1.2.3"));
  EXPECT_THAT(Ips("FD00::1"), ElementsAre("fd00::1"));
  EXPECT_THAT(Ips("localhost", DnsFamily::kV4Only), Contains("127.0.0.1"));
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, WhatIsNoNameIsRefusedBeforeAnyQuestion) {
  for (const std::string& name :
       {std::string(), std::string(254, 'x'), std::string("a\0b", 3), std::string("a..b")}) {
    EXPECT_EQ(Resolve(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(server_.questions(), 0);
}

TEST_F(ResolverTest, ManyLookUpsShareFewSlotsAndLeaveNoDescriptor) {
  Use({.max_concurrent = 3});
  server_.SetV4("app.test", {"10.0.0.1"});
  ASSERT_THAT(Ips("app.test"), ElementsAre("10.0.0.1"));
  const size_t before = OpenDescriptors();
  std::vector<std::promise<Answer>> answers(200);
  for (std::promise<Answer>& answer : answers) {
    pool_.Go("resolve",
             ResolveInto(*resolver_, "app.test", DnsFamily::kAuto, 20 * kSecond, answer));
  }
  for (std::promise<Answer>& promise : answers) {
    const Answer answer = promise.get_future().get();
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_THAT(answer->ips, ElementsAre("10.0.0.1"));
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(ResolverTest, StoppingThePoolCancelsLookUpsAndThoseThatWaitForASlot) {
  server_.Set("dead.test", 'A', {.kind = FakeAnswer::Kind::kDrop});
  Use({.try_timeout = 3600 * kSecond, .max_concurrent = 1});
  std::vector<std::promise<Answer>> answers(3);
  for (std::promise<Answer>& answer : answers) {
    pool_.Go("resolve",
             ResolveInto(*resolver_, "dead.test", DnsFamily::kV4Only, 3600 * kSecond, answer));
  }
  pool_.Stop();
  for (std::promise<Answer>& answer : answers) {
    EXPECT_EQ(answer.get_future().get().status().code(), absl::StatusCode::kCancelled);
  }
}

}  // namespace
}  // namespace outrigger::control
