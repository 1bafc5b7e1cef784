// The ring of a stealing P (scheduler/core/run_queue.h, as it is) between its owner and thieves.
#include <array>
#include <functional>

#include "gtest/gtest.h"
#include "scheduler/core/g.h"
#include "scheduler/core/run_queue.h"
#include "tests/model/expect.h"
#include "tests/model/explorer.h"
#include "tests/model/seeded.h"

namespace outrigger::model {
namespace {

using scheduler::G;
using scheduler::RunQueue;

constexpr uint32_t kCapacity = 4;
constexpr size_t kGs = 8;

// What every G carries from whoever queues it to whoever takes it.
template <template <typename> class AnyAtomic>
class QueueModel : public Scenario {
 protected:
  using Queue = RunQueue<kCapacity, AnyAtomic>;

  QueueModel() { Name(queue, "queue"); }

  // Thread 0.
  void Push(size_t i, bool front) {
    payload_[i].Set(static_cast<int>(i));
    Take(queue.Push(&gs_[i], front));
  }
  // Everything of a chain, or one.
  void Take(G* g) {
    while (g) {
      G* const next = g->next;
      g->next = nullptr;
      TakeOne(g);
      g = next;
    }
  }
  void TakeOne(G* g) {
    if (!g) return;
    const size_t i = static_cast<size_t>(g - gs_.data());
    Check(i < kGs, "what was taken is no G");
    Check(payload_[i].Get() == static_cast<int>(i), "what the pusher wrote is not seen");
    Check(++taken_[i] == 1, "a G was taken twice");
  }
  bool Steal(bool take_next) {
    Queue own;
    Name(own, "thief's");
    G* g = queue.StealInto(own, take_next);
    const bool luck = g != nullptr;
    for (; g; g = own.Pop()) TakeOne(g);
    return luck;
  }
  // The ring has gone round: its next places are 3, 0, 1, 2.
  void Turn() {
    for (int i = 0; i < 3; ++i) {
      queue.Push(&gs_[kGs - 1], /*front=*/false);
      queue.Pop();
    }
  }
  void ExpectTaken(size_t pushed) {
    while (G* g = queue.Pop()) TakeOne(g);
    for (size_t i = 0; i < pushed; ++i) Check(taken_[i] == 1, "a G was lost");
  }

  Queue queue;
  std::array<G, kGs> gs_;
  std::array<Var<int>, kGs> payload_;
  std::array<int, kGs> taken_{};
};

// The owner pushes and pops, with and without run-next; thieves come by.
template <template <typename> class AnyAtomic>
class OwnerAndThieves : public QueueModel<AnyAtomic> {
 public:
  explicit OwnerAndThieves(int thieves) : thieves_(thieves) { this->Turn(); }
  int threads() const override { return 1 + thieves_; }
  void Thread(int id) override {
    if (id > 0) {
      this->Steal(/*take_next=*/id == 1);
      return;
    }
    this->Push(0, /*front=*/false);
    this->Push(1, /*front=*/true);
    this->Push(2, /*front=*/true);
    this->TakeOne(this->queue.Pop());
    this->TakeOne(this->queue.Pop());
  }
  void AtEnd() override { this->ExpectTaken(3); }

 private:
  const int thieves_;
};

// A full ring gives its older half away while a thief takes of it.
template <template <typename> class AnyAtomic>
class Overflow : public QueueModel<AnyAtomic> {
 public:
  Overflow() {
    this->Turn();
    for (size_t i = 0; i < kCapacity; ++i) this->Push(i, /*front=*/false);
  }
  int threads() const override { return 2; }
  void Thread(int id) override {
    if (id == 1) {
      this->Steal(/*take_next=*/false);
      this->Steal(/*take_next=*/true);
      return;
    }
    this->Push(4, /*front=*/false);
    this->Push(5, /*front=*/true);
    this->TakeOne(this->queue.PopOldest());
  }
  void AtEnd() override { this->ExpectTaken(6); }
};

// The slot and the ring hold one G or more at each moment; it is moved between them. A parking P
// relies on it that the queue never looks empty.
enum class Look { kEmpty, kWithoutSecondLook };
class NeverEmpty : public QueueModel<Atomic> {
 public:
  explicit NeverEmpty(Look look) : look_(look) { queue.Push(&gs_[0], /*front=*/true); }
  int threads() const override { return 2; }
  void Thread(int id) override {
    if (id == 1) {
      Check(!LooksEmpty(), "a queue that holds one looked empty");
      return;
    }
    // Kicked into the ring, and the slot emptied behind it; then the slot filled, the ring emptied.
    queue.Push(&gs_[1], /*front=*/true);
    queue.Pop();
    queue.Push(&gs_[2], /*front=*/true);
    Queue own;
    queue.StealInto(own, /*take_next=*/false);
  }

 private:
  // OnlyNext() looks at the ring, then at the slot, and not again at the ring.
  bool LooksEmpty() const {
    return look_ == Look::kEmpty ? queue.Empty() : queue.size() == 0 && !queue.OnlyNext();
  }

  const Look look_;
};

TEST(RunQueueModelTest, EachGIsTakenOnceByOwnerOrThief) {
  ExpectHolds<OwnerAndThieves<Atomic>>("owner, thief", {.preemptions = 6}, 1);
  ExpectHolds<OwnerAndThieves<Atomic>>("owner, two thieves", {.preemptions = 3}, 2);
  ExpectHolds<OwnerAndThieves<Atomic>>("owner, thief, weak swaps that fail",
                                       {.preemptions = 4, .spurious_failures = 1}, 1);
}

TEST(RunQueueModelTest, AnOverflowAndAThiefNeverGiveTheSame) {
  ExpectHolds<Overflow<Atomic>>("overflow", {.preemptions = 4});
}

TEST(RunQueueModelTest, AQueueThatHoldsOneNeverLooksEmpty) {
  ExpectHolds<NeverEmpty>("never empty", {.preemptions = 6, .delays = 4}, Look::kEmpty);
}

TEST(RunQueueModelTest, SeededBugsAreFound) {
  ExpectFinds<OwnerAndThieves<RelaxedStores>>("tail without release", "", {}, 1);
  ExpectFinds<OwnerAndThieves<RelaxedLoads>>("tail without acquire", "race", {}, 1);
  ExpectFinds<OwnerAndThieves<RelaxedRmw>>("run-next without release", "race", {}, 1);
  ExpectFinds<OwnerAndThieves<TornExchange>>("run-next taken in two steps", "lost", {}, 1);
  ExpectFinds<OwnerAndThieves<TornSwap>>("head moved in two steps", "twice", {}, 1);
  ExpectFinds<Overflow<TornSwap>>("overflow in two steps", "twice", {});
  ExpectFinds<NeverEmpty>("Empty() without its second look", "looked empty", {},
                          Look::kWithoutSecondLook);
}

}  // namespace
}  // namespace outrigger::model
