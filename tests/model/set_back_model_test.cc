// Setting a thread back against who waits for a lock that it holds, and against its way home: a
// copy of core/set_back.cc, of LockWaitScope (base/contention.h) and of the two ends of without_p
// (PoolWatch::SetBack, Pool::ComeHome). When all is quiet nobody waits for a lock whose holder is
// set back; who has come home is not; and whoever is can be brought forward.
#include <array>
#include <cstddef>

#include "gtest/gtest.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

enum class Bug {
  kNone,
  kCountAfterLook,     // LockWaitScope b before a
  kLookBeforeMark,     // SetBackThread b before a
  kOfferAfterLook,     // bring_forward is stored after the look at the count
  kNoSecondLook,       // at the slot, after the system call
  kNoLookAtHome,       // PoolWatch::SetBack does not look at without_p again
  kForwardBeforeHome,  // ComeHome: b before a
  kRestoreFirst,       // ... and takes it out of its slot then
};

// What the thread does that sysmon sets back.
enum class Life {
  kHolds,     // keeps a lock for good
  kReleases,  // releases it, and comes home
  kEnters,    // enters the runtime, then comes home
};

struct Setting {
  Life life = Life::kHolds;
  Bug bug = Bug::kNone;
  int rounds = 1;      // of sysmon
  bool other = false;  // another thread is set back, too, in a slot before
};

template <template <typename> class OfferAtomic>
class SetBackModel : public Scenario {
 public:
  explicit SetBackModel(const Setting& setting) : set_(setting) {
    Name(slots_[0], "slot 0");
    Name(slots_[1], "slot 1");
    Name(lock_waiters_, "lock_waiters");
    Name(bring_forward_, "bring_forward");
    Name(threads_[kOther - 1].back, "kernel, other");
    Name(threads_[kOurs - 1].back, "kernel, ours");
    Name(threads_[kOurs - 1].without_p, "without_p");
    Name(lock_, "the lock");
  }
  int threads() const override { return 3; }
  bool MayRest() const override { return true; }
  void Thread(int id) override {
    if (id == 0) {
      Live();
    } else if (id == 1) {
      Lock();
      Unlock();
    } else {
      for (int i = 0; i < set_.rounds; ++i) SetBack();
    }
  }
  void AtEnd() override {
    const bool back = threads_[kOurs - 1].back.load();
    Check(!back || IsSetBack(kOurs), "a thread that is set back is in no slot");
    Check(!back || !waits_, "somebody waits for a lock whose holder is set back");
    Check(!home_ || !(back || IsSetBack(kOurs)), "a thread at home is set back");
    if (set_.life != Life::kHolds) Check(home_ && !waits_, "a lock was released, and not taken");
  }

 private:
  using Tid = uint32_t;
  static constexpr Tid kOther = 1, kOurs = 2;
  struct OfThread {
    Atomic<bool> back{false};  // in the kernel's eyes
    Atomic<bool> without_p{true};
  };

  // --- the thread ---

  void Live() {
    if (set_.life == Life::kEnters) {
      BringForward(kOurs);
    } else {
      Lock();
      if (set_.life == Life::kHolds) return;
      Unlock();
    }
    ComeHome();
  }
  void ComeHome() {
    if (set_.bug == Bug::kForwardBeforeHome) BringForward(kOurs);
    threads_[kOurs - 1].without_p.store(false);
    if (set_.bug != Bug::kForwardBeforeHome) BringForward(kOurs);
    home_ = true;
  }

  // --- mutex.h, contention.h ---

  void Lock() {
    if (lock_.exchange(1) == 0) return;
    if (set_.bug == Bug::kCountAfterLook) {
      if (bring_forward_.load()) BringAllForward();
      lock_waiters_.fetch_add(1);
    } else {
      lock_waiters_.fetch_add(1);
      if (bring_forward_.load()) BringAllForward();
    }
    ++waits_;
    while (lock_.exchange(1) != 0) lock_.wait(1);
    --waits_;
    lock_waiters_.fetch_sub(1);
  }
  void Unlock() {
    lock_.store(0);
    lock_.notify_one();
  }

  // --- set_back.cc ---

  void Change(Tid tid) { threads_[tid - 1].back.exchange(true); }    // a system call
  void Restore(Tid tid) { threads_[tid - 1].back.exchange(false); }  // another

  bool SetBackThread(Tid tid) {
    const bool early = set_.bug == Bug::kLookBeforeMark && lock_waiters_.load() == 0;
    Atomic<Tid>* slot = nullptr;
    for (Atomic<Tid>& each : slots_) {
      Tid none = 0;
      if (!slot && each.compare_exchange_strong(none, tid)) slot = &each;
    }
    Check(slot != nullptr, "there are slots enough");
    if (set_.bug != Bug::kOfferAfterLook) bring_forward_.store(true);
    const bool back = set_.bug == Bug::kLookBeforeMark ? early : lock_waiters_.load() == 0;
    if (set_.bug == Bug::kOfferAfterLook) bring_forward_.store(true);
    if (back) Change(tid);
    if (back && (set_.bug == Bug::kNoSecondLook || slot->load() == tid)) return true;
    if (back) Restore(tid);
    Tid mine = tid;
    slot->compare_exchange_strong(mine, 0);
    return false;
  }
  bool IsSetBack(Tid tid) const { return slots_[0].load() == tid || slots_[1].load() == tid; }
  void BringForward(Tid tid) {
    for (Atomic<Tid>& slot : slots_) {
      Tid want = tid;
      if (slot.compare_exchange_strong(want, 0)) Restore(tid);
    }
  }
  void BringAllForward() {
    for (Atomic<Tid>& slot : slots_) {
      const Tid seen = slot.load();
      if (seen == 0) continue;
      if (set_.bug == Bug::kRestoreFirst) Restore(seen);
      const Tid tid = slot.exchange(0);
      if (tid != 0 && set_.bug != Bug::kRestoreFirst) Restore(tid);
    }
  }

  // --- pool_watch.cc: those who have run for a slice ---

  void SetBack() {
    for (Tid tid = set_.other ? kOther : kOurs; tid <= kOurs; ++tid) {
      OfThread& thread = threads_[tid - 1];
      if (!thread.without_p.load() || IsSetBack(tid)) continue;
      const bool back = SetBackThread(tid);
      if (back && set_.bug != Bug::kNoLookAtHome && !thread.without_p.load()) BringForward(tid);
    }
  }

  const Setting set_;
  std::array<Atomic<Tid>, 2> slots_;
  Atomic<int> lock_waiters_{0};
  OfferAtomic<bool> bring_forward_{false};
  std::array<OfThread, 2> threads_;
  Atomic<uint32_t> lock_{0};

  // Seen by the model alone.
  int waits_ = 0;
  bool home_ = false;
};

using Production = SetBackModel<Atomic>;

TEST(SetBackModelTest, NobodyWaitsForAThreadThatIsSetBack) {
  const Options options{.preemptions = 4};
  ExpectHolds<Production>("holds a lock", options, Setting{.rounds = 2});
  ExpectHolds<Production>("holds a lock, beside another", {.preemptions = 3},
                          Setting{.rounds = 2, .other = true});
  ExpectHolds<Production>("releases it", options, Setting{.life = Life::kReleases, .rounds = 2});
}

TEST(SetBackModelTest, NobodyIsLeftSetBackAtHome) {
  ExpectHolds<Production>("enters, comes home", {.preemptions = 4},
                          Setting{.life = Life::kEnters, .rounds = 3});
}

TEST(SetBackModelTest, SeededBugsAreFound) {
  const auto finds = [](const char* name, const char* words, const Setting& setting) {
    ExpectFinds<Production>(name, words, {.preemptions = 3}, setting);
  };
  finds("counts after the look", "whose holder", {.bug = Bug::kCountAfterLook, .rounds = 2});
  finds("looks before it marks", "whose holder", {.bug = Bug::kLookBeforeMark, .rounds = 2});
  finds("offered after the look", "whose holder", {.bug = Bug::kOfferAfterLook});
  finds("no second look at the slot", "in no slot", {.bug = Bug::kNoSecondLook});
  finds("restored before it is taken out", "in no slot", {.bug = Bug::kRestoreFirst});
  finds("no look at without_p", "at home", {.life = Life::kEnters, .bug = Bug::kNoLookAtHome});
  finds("forward before it is home", "at home",
        {.life = Life::kEnters, .bug = Bug::kForwardBeforeHome});
  ExpectFinds<SetBackModel<NoStoreBarrier>>("offered without a barrier", "whose holder", {},
                                            Setting{});
}

}  // namespace
}  // namespace outrigger::model
