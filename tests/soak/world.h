// world.h: what the Gs of one round of the soak share, and what they did: counted, so that at the
// round's end it can be said whether anything was lost, ran twice or was left.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/async_mutex.h"
#include "scheduler/sync/broadcast.h"
#include "scheduler/sync/channel.h"
#include "scheduler/sync/condition.h"
#include "scheduler/sync/event.h"
#include "scheduler/sync/semaphore.h"

namespace outrigger::scheduler {

// splitmix64: neighbouring seeds have nothing in common.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t x = state_ += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
  }
  // Less than `n`.
  uint64_t Below(uint64_t n) { return Next() % n; }
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(Below(static_cast<uint64_t>(most - least + 1)));
  }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

// One G. Written by who spawned it, but for the atomics; read when all threads have gone.
struct Ticket {
  std::atomic<uint32_t> begun{0}, ended{0};
  std::atomic<bool> panicked{false};
  bool must_run = false;        // it was accepted by a pool that nobody had told to stop
  bool done_at_return = false;  // of Go(): it was refused, or was quick
};

// What an AsyncMutex guards. Plain, so that a sanitizer sees two who are inside.
struct Guarded {
  AsyncMutex mutex;
  bool inside = false;
  int64_t count = 0;
  std::atomic<int64_t> counted{0};
};

// A queue of a mutex and a condition.
struct Store {
  AsyncMutex mutex;
  Condition not_empty;
  std::deque<int64_t> values;
  int64_t sum = 0;  // of what was put, less what was taken
};

struct World {
  static constexpr size_t kChannels = 4;
  static constexpr int64_t kPermits = 3;

  World(uint64_t of_round, uint32_t gs, bool ends_by_itself)
      : seed(of_round),
        most_gs(gs),
        bounded(ends_by_itself),
        tickets(std::make_unique<Ticket[]>(gs)) {}

  const uint64_t seed;
  const uint32_t most_gs;
  // Each wait for what perhaps nobody will do has a deadline, so that all Gs end without Stop().
  const bool bounded;
  std::vector<Pool*> pools;
  std::unique_ptr<std::atomic<bool>[]> stopping;  // of each pool: Stop() is about to be called

  std::unique_ptr<Ticket[]> tickets;
  std::atomic<uint32_t> given{0};  // may pass most_gs: nobody was spawned for those
  std::atomic<int64_t> frames{0};
  std::atomic<uint64_t> panics{0};
  std::atomic<int64_t> hog_left{0};
  std::atomic<uint64_t> steps{0};  // moves while the round does

  Channel<int64_t> channels[kChannels] = {Channel<int64_t>(0), Channel<int64_t>(1),
                                          Channel<int64_t>(8), Channel<int64_t>(64)};
  std::atomic<int64_t> sent{0}, sent_sum{0}, received{0}, received_sum{0};
  Guarded guarded[2];
  Store store;
  Semaphore permits{kPermits};
  Event gate;
  Broadcast<int64_t> news{4};
  std::atomic<uint64_t> told{0};

  // Null: the round has had enough.
  Ticket* NewTicket() {
    if (given.load(std::memory_order_relaxed) >= most_gs) return nullptr;
    const uint32_t number = given.fetch_add(1);
    return number < most_gs ? &tickets[number] : nullptr;
  }
  void Step() { steps.fetch_add(1, std::memory_order_relaxed); }

  // What went wrong. Any thread.
  template <typename... Parts>
  void Fault(const Parts&... parts) {
    const std::lock_guard lock(mutex);
    if (faults.size() < 10) faults.push_back(absl::StrCat(parts...));
  }
  bool failed() {
    const std::lock_guard lock(mutex);
    return !faults.empty();
  }

  std::mutex mutex;
  std::vector<std::string> faults;
};

// In a frame from its making to its end.
class FrameMark {
 public:
  explicit FrameMark(World& world) : world_(&world) { world.frames.fetch_add(1); }
  FrameMark(FrameMark&& other) noexcept : world_(std::exchange(other.world_, nullptr)) {}
  FrameMark& operator=(FrameMark&&) = delete;
  ~FrameMark() {
    if (world_) world_->frames.fetch_sub(1);
  }

 private:
  World* world_;
};

// A root, from a thread that is no G or from any G. False: the round has had enough Gs.
bool SpawnRoot(World& world, size_t pool, uint64_t seed, JoinHandle& handle);

}  // namespace outrigger::scheduler
