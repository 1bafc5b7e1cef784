#include "scheduler/core/processor.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/scheduler/pools.h"

namespace outrigger::scheduler {
namespace {

TEST(MailboxTest, GivesItemsInTheirOrder) {
  Mailbox mailbox;
  std::vector<int> seen;
  EXPECT_FALSE(mailbox.pending());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(mailbox.Push([&seen, i] { seen.push_back(i); }));
  EXPECT_TRUE(mailbox.pending());
  for (auto& item : mailbox.TakeAll()) item();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2}));
  EXPECT_FALSE(mailbox.pending());
  EXPECT_TRUE(mailbox.TakeAll().empty());
}

TEST(MailboxTest, RefusesWhatIsAboveItsBound) {
  Mailbox mailbox;
  for (size_t i = 0; i < Mailbox::kCapacity; ++i) ASSERT_TRUE(mailbox.Push([] {}));
  EXPECT_FALSE(mailbox.Push([] {}));
  EXPECT_EQ(mailbox.TakeAll().size(), Mailbox::kCapacity);
  EXPECT_TRUE(mailbox.Push([] {}));
}

TEST(MailboxTest, ClosesOnlyOnceItIsEmpty) {
  Mailbox mailbox;
  ASSERT_TRUE(mailbox.Push([] {}));
  EXPECT_FALSE(mailbox.CloseIfEmpty());
  EXPECT_TRUE(mailbox.Push([] {}));
  EXPECT_EQ(mailbox.TakeAll().size(), 2u);
  EXPECT_TRUE(mailbox.CloseIfEmpty());
  EXPECT_FALSE(mailbox.Push([] {}));
}

TEST(LiveListTest, RemovesFromEveryPlace) {
  G first, middle, last;
  LiveList list;
  for (G* g : {&first, &middle, &last}) list.Add(g);
  EXPECT_EQ(list.size(), 3);
  list.Remove(&middle);
  EXPECT_EQ(list.head(), &last);
  EXPECT_EQ(last.live_next, &first);
  list.Remove(&last);
  EXPECT_EQ(list.head(), &first);
  list.Remove(&first);
  EXPECT_EQ(list.head(), nullptr);
  EXPECT_EQ(list.size(), 0);
}

struct RecordingHook : TurnHook {
  RecordingHook(std::string& out, char letter)
      : TurnHook([](TurnHook& self) {
          auto& hook = static_cast<RecordingHook&>(self);
          hook.out += hook.letter;
          if (hook.then) CurrentProcessor().AtTurnEnd(*std::exchange(hook.then, nullptr));
        }),
        out(out),
        letter(letter) {}
  std::string& out;
  const char letter;
  TurnHook* then = nullptr;
};

class TurnHookTest : public testing::Test {
 protected:
  // The item that follows another runs in a later turn: all hooks of the first one's have run.
  void InTurn(const std::function<void()>& function) {
    RunPosted(pool_, function);
    RunPosted(pool_, [] {});
    RunPosted(pool_, [] {});
  }
  Processor& p() { return pool_.processor(0); }

  std::string out_;
  Pool pool_{Options(Policy::kPinned, 1)};
};

TEST_F(TurnHookTest, RunsOnceATurnHoweverOftenAskedFor) {
  RecordingHook hook(out_, 'a');
  InTurn([&] {
    for (int i = 0; i < 3; ++i) p().AtTurnEnd(hook);
    out_ += '(';
  });
  EXPECT_EQ(out_, "(a");
  InTurn([&] { p().AtTurnEnd(hook); });
  EXPECT_EQ(out_, "(aa");
}

TEST_F(TurnHookTest, MayAskForAnother) {
  RecordingHook first(out_, '1'), second(out_, '2');
  first.then = &second;
  InTurn([&] { p().AtTurnEnd(first); });
  EXPECT_EQ(out_, "12");
}

TEST_F(TurnHookTest, TakenBackDoesNotRun) {
  RecordingHook gone(out_, 'x'), stays(out_, 'a'), last(out_, 'b');
  InTurn([&] {
    for (TurnHook* hook : {&last, &gone, &stays}) p().AtTurnEnd(*hook);
    p().CancelHook(gone);
    p().CancelHook(gone);
  });
  EXPECT_EQ(out_, "ab");
}

}  // namespace
}  // namespace outrigger::scheduler
