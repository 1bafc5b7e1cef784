// What Gs wait on (scheduler/sync): a channel's hand-over and close, a select of two channels, a
// wait with a deadline; each against a cancel. The word is scheduler/core/wait_word.h as it is; the
// steps are those of wait_list.h, channel.h, select.cc and netpoll.cc. A G that goes on takes its
// frame with it, so whoever still touches that has come too late.
#include <algorithm>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/core/wait_word.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

using scheduler::WaitWordT;
using scheduler::Wake;

enum class Bug {
  kNone,
  kUnlockRelaxed,      // of the SyncLock
  kUnlockBeforePark,   // Suspend
  kSettleWithoutLock,  // after a cancel
  kStaysLinked,        // after a cancel
  kTakesTheLost,       // Take: a waiter whose wait has ended otherwise
  kReadyBeforeValue,   // the value is written once the receiver may go on
  kCloseForgetsSenders,
  kResultWithoutLocks,  // select
  kStaysInTheOther,     // select
  kQueuedWhilePreparing,
  kNoLockIfNotArmed,  // RemoveTimer of a timer that has fired
  kTimerAfterCommit,
  kNoRemoveTimer,
};

using Word = WaitWordT<Atomic>;

template <typename AnyWord>
struct ModelG {
  AnyWord word;
  int ended = 0;
  Wake result = Wake::kReady;
};

// What wakers see of a wait. In the frame of the waiting G.
template <typename AnyWord>
struct Node {
  ModelG<AnyWord>* g = nullptr;
  Var<int> value = 0;
  Var<bool> done = false;
  Var<bool> linked = false;

  void Die() { alive = false; }
  Node& Touch() {
    Check(alive, "a frame is touched whose G has gone on");
    return *this;
  }
  bool alive = true;
};

template <typename AnyWord>
class SyncModel : public Scenario {
 protected:
  using GType = ModelG<AnyWord>;
  using NodeType = Node<AnyWord>;
  using Claim = typename AnyWord::Claim;

  explicit SyncModel(Bug bug) : bug_(bug) {}

  // A SyncLock.
  bool releases() const { return bug_ != Bug::kUnlockRelaxed; }

  struct List {
    std::vector<NodeType*> nodes;
    Var<int> guarded = 0;  // shows who comes without the lock
    std::vector<NodeType*>& Use() {
      guarded.Set(0);
      return nodes;
    }
    void PushBack(NodeType& node) {
      Use().push_back(&node);
      node.linked.Set(true);
    }
    void Remove(NodeType& node) {
      std::erase(Use(), &node);
      node.linked.Set(false);
    }
  };

  // A G that may go on: another M has it from the queue. Here it goes on at once, on this thread.
  virtual void Resume(GType& g) = 0;

  NodeType* Take(List& list, Wake reason, GType*& woken) {
    while (!list.Use().empty()) {
      NodeType& node = list.nodes.front()->Touch();
      GType& g = *node.g;
      list.Remove(node);
      Claim claim = g.word.TryClaim(reason, false);
      if (bug_ == Bug::kQueuedWhilePreparing && claim == Claim::kPreparing) claim = Claim::kParked;
      if (claim == Claim::kParked) woken = &g;
      if (claim != Claim::kLost || bug_ == Bug::kTakesTheLost) return &node;
    }
    return nullptr;
  }
  // With the lock held. True: parked.
  bool Suspend(Mutex& lock, List& list, NodeType& node, GType& g) {
    node.g = &g;
    list.PushBack(node);
    if (bug_ == Bug::kUnlockBeforePark) {
      lock.Unlock();
      return g.word.Park(false);
    }
    if (!g.word.Park(false)) {
      list.Remove(node);
      lock.Unlock();
      return false;
    }
    lock.Unlock();
    return true;
  }
  Wake Settle(Mutex& lock, List& list, NodeType& node, GType& g) {
    const Wake wake = g.word.reason();
    if (wake != Wake::kCancelled) return wake;
    const bool locks = bug_ != Bug::kSettleWithoutLock;
    if (locks) lock.Lock();
    if (node.linked.Get() && bug_ != Bug::kStaysLinked) list.Remove(node);
    if (locks) lock.Unlock();
    return wake;
  }
  void Cancel(GType& g) {
    g.word.Cancel(false);
    if (g.word.TryClaim(Wake::kCancelled, false) == Claim::kParked) Resume(g);
  }
  void End(GType& g, NodeType& node, Wake result) {
    ++g.ended;
    g.result = result;
    node.Die();
  }

  // channel.h, with no place for values.
  struct Channel {
    explicit Channel(bool releases) : lock(releases) {}
    Mutex lock;
    Var<bool> closed = false;
    List senders, receivers;
  };
  enum class Done { kNo, kYes, kClosed };

  Done SendLocked(Channel& channel, int value, GType*& woken) {
    if (channel.closed.Get()) return Done::kClosed;
    NodeType* receiver = Take(channel.receivers, Wake::kReady, woken);
    if (!receiver) return Done::kNo;
    if (bug_ == Bug::kReadyBeforeValue && woken) {
      channel.lock.Unlock();
      Resume(*std::exchange(woken, nullptr));
      channel.lock.Lock();
    }
    receiver->Touch().value.Set(value);
    receiver->done.Set(true);
    return Done::kYes;
  }
  Done ReceiveLocked(Channel& channel, int& value, GType*& woken) {
    if (NodeType* sender = Take(channel.senders, Wake::kReady, woken)) {
      sender->Touch().done.Set(true);
      value = sender->value.Get();
      return Done::kYes;
    }
    return channel.closed.Get() ? Done::kClosed : Done::kNo;
  }
  bool TrySend(Channel& channel, int value) {
    GType* woken = nullptr;
    channel.lock.Lock();
    const Done done = SendLocked(channel, value, woken);
    channel.lock.Unlock();
    if (woken) Resume(*woken);
    return done == Done::kYes;
  }
  void Close(Channel& channel) {
    std::vector<GType*> all;
    channel.lock.Lock();
    channel.closed.Set(true);
    for (List* list : {&channel.senders, &channel.receivers}) {
      if (list == &channel.senders && bug_ == Bug::kCloseForgetsSenders) continue;
      GType* woken = nullptr;
      while (NodeType* node = Take(*list, Wake::kClosed, woken)) {
        node->Touch().done.Set(true);
        if (woken) all.push_back(std::exchange(woken, nullptr));
      }
    }
    channel.lock.Unlock();
    for (GType* g : all) Resume(*g);
  }

  const Bug bug_;
};

// A sender, a receiver, and one who cancels one of them, or none, and then closes.
enum class Victim { kNobody, kSender, kReceiver };
template <typename AnyWord>
class ChannelModel : public SyncModel<AnyWord> {
  using Base = SyncModel<AnyWord>;
  using typename Base::Done;
  using typename Base::GType;

 public:
  ChannelModel(Victim victim, Bug bug) : Base(bug), victim_(victim), channel_(this->releases()) {
    Name(channel_, "channel");
    Name(sender_, "sender");
    Name(receiver_, "receiver");
    Name(sends_, "sender's frame");
    Name(receives_, "receiver's frame");
  }
  int threads() const override { return 3; }
  void Thread(int id) override {
    if (id == 0) {
      Send();
    } else if (id == 1) {
      Receive();
    } else {
      if (victim_ == Victim::kSender) this->Cancel(sender_);
      if (victim_ == Victim::kReceiver) this->Cancel(receiver_);
      this->Close(channel_);
    }
  }
  void AtEnd() override {
    Check(sender_.ended == 1 && receiver_.ended == 1,
          "a G waits on a closed channel, or ended twice");
    const bool sent = sender_.result == Wake::kReady;
    Check(sent == (receiver_.result == Wake::kReady), "a value was lost or came from nowhere");
    Check(!sent || received_ == 7, "another value came");
  }

 private:
  void Send() {
    sends_.value.Set(7);
    GType* woken = nullptr;
    channel_.lock.Lock();
    const Done done = this->SendLocked(channel_, 7, woken);
    if (done != Done::kNo) {
      channel_.lock.Unlock();
      if (woken) Resume(*woken);
      this->End(sender_, sends_, done == Done::kYes ? Wake::kReady : Wake::kClosed);
    } else if (!this->Suspend(channel_.lock, channel_.senders, sends_, sender_)) {
      this->End(sender_, sends_, Wake::kCancelled);
    }
  }
  void Receive() {
    GType* woken = nullptr;
    channel_.lock.Lock();
    const Done done = this->ReceiveLocked(channel_, received_, woken);
    if (done != Done::kNo) {
      channel_.lock.Unlock();
      if (woken) Resume(*woken);
      this->End(receiver_, receives_, done == Done::kYes ? Wake::kReady : Wake::kClosed);
    } else if (!this->Suspend(channel_.lock, channel_.receivers, receives_, receiver_)) {
      this->End(receiver_, receives_, Wake::kCancelled);
    }
  }
  void Resume(GType& g) override {
    if (&g == &sender_) {
      const Wake wake = this->Settle(channel_.lock, channel_.senders, sends_, g);
      sends_.value.Set(0);  // its frame goes
      this->End(g, sends_, wake);
    } else {
      const Wake wake = this->Settle(channel_.lock, channel_.receivers, receives_, g);
      if (wake == Wake::kReady) received_ = receives_.value.Get();
      receives_.value.Set(0);
      this->End(g, receives_, wake);
    }
  }

  const Victim victim_;
  typename Base::Channel channel_;
  GType sender_, receiver_;
  Node<AnyWord> sends_, receives_;
  int received_ = 0;
};

// A G that receives from either of two channels; each has one who tries to send. The last closes
// the first channel, or cancels the G.
template <typename AnyWord>
class SelectModel : public SyncModel<AnyWord> {
  using Base = SyncModel<AnyWord>;
  using typename Base::Channel;
  using typename Base::GType;

 public:
  SelectModel(bool cancels, Bug bug)
      : Base(bug),
        cancels_(cancels),
        channels_{Channel(this->releases()), Channel(this->releases())} {
    Name(channels_[0], "channel 0");
    Name(channels_[1], "channel 1");
    Name(g_, "g");
    Name(nodes_[0], "case 0");
    Name(nodes_[1], "case 1");
  }
  int threads() const override { return 4; }
  void Thread(int id) override {
    if (id == 0) {
      if (!Suspend()) Resume(g_);
    } else if (id == 3) {
      if (cancels_) {
        this->Cancel(g_);
      } else {
        this->Close(channels_[0]);
      }
    } else if (this->TrySend(channels_[id - 1], id)) {
      ++sent_;
      sent_to_ = id - 1;
    }
  }
  void AtEnd() override {
    Check(g_.ended == 1, "a select was not ended, or twice");
    Check(sent_ <= 1, "both channels gave their value");
    Check((sent_ == 1) == (g_.result == Wake::kReady), "a value was lost or came from nowhere");
    if (sent_ == 1) Check(index_ == sent_to_ && received_ == index_ + 1, "another case was done");
    if (g_.result == Wake::kClosed) Check(index_ == 0, "another case was done");
    if (g_.result == Wake::kCancelled) Check(index_ == -1, "a case of a cancelled select was done");
  }

 private:
  void LockAll() {
    for (Channel& channel : channels_) channel.lock.Lock();
  }
  void UnlockAll() {
    for (Channel& channel : channels_) channel.lock.Unlock();
  }
  // True: parked.
  bool Suspend() {
    LockAll();
    if (channels_[0].closed.Get()) {
      UnlockAll();
      ended_at_once_ = true;
      return false;
    }
    refused_ = !g_.word.Begin(false);
    if (refused_) {
      UnlockAll();
      return false;
    }
    for (int i : {0, 1}) {
      nodes_[i].g = &g_;
      channels_[i].receivers.PushBack(nodes_[i]);
    }
    UnlockAll();
    return g_.word.Commit(false);
  }
  void Resume(GType& g) override {
    if (ended_at_once_ || refused_) {
      index_ = refused_ ? -1 : 0;
      g.result = refused_ ? Wake::kCancelled : Wake::kClosed;
    } else {
      const bool locks = this->bug_ != Bug::kResultWithoutLocks;
      if (locks) LockAll();
      for (int i : {0, 1}) {
        if (this->bug_ == Bug::kStaysInTheOther && nodes_[i].done.Get()) continue;
        if (this->bug_ == Bug::kStaysInTheOther && i == 1) continue;
        if (nodes_[i].linked.Get()) channels_[i].receivers.Remove(nodes_[i]);
      }
      if (locks) UnlockAll();
      g.result = g.word.reason();
      for (int i : {0, 1}) {
        if (!nodes_[i].done.Get()) continue;
        index_ = i;
        received_ = nodes_[i].value.Get();
      }
    }
    ++g.ended;
    for (Node<AnyWord>& node : nodes_) {
      node.value.Set(0);
      node.Die();
    }
  }

  const bool cancels_;
  Channel channels_[2];
  GType g_;
  Node<AnyWord> nodes_[2];
  bool ended_at_once_ = false, refused_ = false;
  int index_ = -1, received_ = 0;
  int sent_ = 0, sent_to_ = -1;
};

// An event that is set, a timer that fires, and another M, which runs the G on.
class DeadlineModel : public SyncModel<Word> {
 public:
  explicit DeadlineModel(Bug bug) : SyncModel(bug), lock_(releases()) {
    Name(lock_, "lock");
    Name(netpoll_, "netpoll");
    Name(g_, "g");
    Name(node_, "frame");
    Name(timer_, "timer");
  }
  int threads() const override { return 4; }
  bool MayRest() const override { return true; }
  void Thread(int id) override {
    switch (id) {
      case 0:
        if (!Wait()) GoOn();
        break;
      case 1:
        RunExpired();
        break;
      case 2:
        Set();
        break;
      default:
        queue_.wait(0);
        GoOn();
    }
  }
  void AtEnd() override { Check(g_.ended == 1, "the wait was not ended, or twice"); }

 private:
  // In the frame; guarded by the netpoll's lock.
  struct WakeTimer {
    Var<bool> armed = false;
    Var<ModelG<Word>*> g = nullptr;
  };

  bool Wait() {
    lock_.Lock();
    if (set_.Get()) {
      lock_.Unlock();
      opened_ = true;
      return false;
    }
    g_.word.Begin(false);
    node_.g = &g_;
    waiters_.PushBack(node_);
    lock_.Unlock();
    if (bug_ != Bug::kTimerAfterCommit) AddTimer();
    const bool parked = g_.word.Commit(false);
    if (bug_ == Bug::kTimerAfterCommit && parked) AddTimer();
    return parked;
  }
  void AddTimer() {
    timer_.g.Set(&g_);
    MutexLock lock(netpoll_);
    node_.Touch();
    timer_.armed.Set(true);
    timers_.Set(1);
  }
  void GoOn() {
    if (!opened_) {
      RemoveTimer();
      lock_.Lock();
      if (node_.linked.Get()) waiters_.Remove(node_);
      lock_.Unlock();
      g_.result = g_.word.reason();
    }
    timer_.g.Set(nullptr);  // its frame goes
    node_.value.Set(0);
    End(g_, node_, g_.result);
  }
  void RemoveTimer() {
    if (bug_ == Bug::kNoRemoveTimer) return;
    // An unlocked look says truly that it was never armed; here it always was.
    if (bug_ == Bug::kNoLockIfNotArmed && fired_.load(std::memory_order_acquire)) return;
    MutexLock lock(netpoll_);
    if (timer_.armed.Get()) timers_.Set(0);
    timer_.armed.Set(false);
  }
  // Of the poller.
  void RunExpired() {
    MutexLock lock(netpoll_);
    if (timers_.Get() == 0) return;
    node_.Touch();
    timers_.Set(0);
    timer_.armed.Set(false);
    fired_.store(true, std::memory_order_release);
    ModelG<Word>* g = timer_.g.Get();
    node_.Touch();
    if (g->word.TryClaim(Wake::kTimeout, false) == Claim::kParked) Resume(*g);
  }
  void Set() {
    GType* woken = nullptr;
    lock_.Lock();
    set_.Set(true);
    if (NodeType* node = Take(waiters_, Wake::kReady, woken)) node->Touch().done.Set(true);
    lock_.Unlock();
    if (woken) Resume(*woken);
  }
  void Resume(GType&) override {
    Check(queue_.exchange(1) == 0, "a G was queued twice");
    queue_.notify_one();
  }

  Mutex lock_;
  Var<bool> set_ = false;
  List waiters_;
  Mutex netpoll_;
  Var<int> timers_ = 0;
  Atomic<bool> fired_{false};
  WakeTimer timer_;
  GType g_;
  NodeType node_;
  Atomic<uint32_t> queue_{0};
  bool opened_ = false;
};

TEST(SyncModelTest, AValueIsHandedOverOrNot) {
  constexpr Options kBounds{.preemptions = 6};
  ExpectHolds<ChannelModel<Word>>("send, receive, close", kBounds, Victim::kNobody, Bug::kNone);
  ExpectHolds<ChannelModel<Word>>("sender cancelled", kBounds, Victim::kSender, Bug::kNone);
  ExpectHolds<ChannelModel<Word>>("receiver cancelled", kBounds, Victim::kReceiver, Bug::kNone);
}

TEST(SyncModelTest, OneCaseOfASelectIsDone) {
  ExpectHolds<SelectModel<Word>>("select, close", {.preemptions = 4}, false, Bug::kNone);
  ExpectHolds<SelectModel<Word>>("select, cancel", {.preemptions = 4}, true, Bug::kNone);
}

TEST(SyncModelTest, ATimerEndsAWaitOrIsOutOfTheFrame) {
  ExpectHolds<DeadlineModel>("event, timer", {.preemptions = 4}, Bug::kNone);
}

TEST(SyncModelTest, SeededBugsAreFound) {
  const auto channel = [](const char* name, const char* words, Victim victim, Bug bug) {
    ExpectFinds<ChannelModel<Word>>(name, words, {.preemptions = 3}, victim, bug);
  };
  channel("unlock without release", "race", Victim::kNobody, Bug::kUnlockRelaxed);
  channel("unlocked before it parks", "waits on a closed", Victim::kNobody, Bug::kUnlockBeforePark);
  channel("off the list without the lock", "", Victim::kReceiver, Bug::kSettleWithoutLock);
  channel("cancelled, and in the list", "gone on", Victim::kReceiver, Bug::kStaysLinked);
  channel("the lost is taken", "", Victim::kReceiver, Bug::kTakesTheLost);
  channel("goes on before its value is there", "", Victim::kNobody, Bug::kReadyBeforeValue);
  channel("close forgets senders", "waits on a closed", Victim::kReceiver,
          Bug::kCloseForgetsSenders);
  ExpectFinds<ChannelModel<WaitWordT<TornSwap>>>("channel, swaps in two steps", "", {},
                                                 Victim::kReceiver, Bug::kNone);

  const auto select = [](const char* name, const char* words, bool cancels, Bug bug) {
    ExpectFinds<SelectModel<Word>>(name, words, {.preemptions = 2}, cancels, bug);
  };
  select("result without the locks", "", false, Bug::kResultWithoutLocks);
  select("in the other's list", "", false, Bug::kStaysInTheOther);
  select("queued while it prepares", "", false, Bug::kQueuedWhilePreparing);
  ExpectFinds<SelectModel<WaitWordT<TornSwap>>>("select, swaps in two steps", "", {}, false,
                                                Bug::kNone);

  const auto deadline = [](const char* name, const char* words, Bug bug) {
    ExpectFinds<DeadlineModel>(name, words, {.preemptions = 3}, bug);
  };
  deadline("no lock for a timer that has fired", "", Bug::kNoLockIfNotArmed);
  deadline("the timer is armed once parked", "", Bug::kTimerAfterCommit);
  deadline("the timer stays", "", Bug::kNoRemoveTimer);
}

}  // namespace
}  // namespace outrigger::model
