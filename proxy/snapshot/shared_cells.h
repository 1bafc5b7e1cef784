// shared_cells.h: the atomics that several workers write, a cache line each. Touched per batch, or
// by the few requests that a feature is about; no other room of the data plane shares what it
// writes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace outrigger::proxy {

// One T for each worker that came by, with a line of its own: written by that worker (and by others
// only where T says so), read by any. Made at a worker's first visit, gone with this object.
//
// Owner: what it is a part of, which outlives all visitors. Thread-safety: any.
template <typename T>
class PerWorker {
 public:
  PerWorker() = default;
  // Only while no worker has been here.
  PerWorker(PerWorker&& other) noexcept : head_(other.head_.exchange(nullptr)) {}
  PerWorker& operator=(PerWorker&&) = delete;
  ~PerWorker() {
    for (Node* node = head_.load(); node;) delete std::exchange(node, node->next);
  }

  // Called by the worker itself, which keeps the reference.
  T& Of(int worker) {
    // acquire: pairs with the release below; what is read is whole.
    for (Node* node = head_.load(std::memory_order_acquire); node; node = node->next) {
      if (node->worker == worker) return node->value;
    }
    Node* node = new Node{{}, worker, head_.load(std::memory_order_relaxed)};
    while (!head_.compare_exchange_weak(node->next, node, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
    return node->value;
  }

  template <typename Visit>
  void ForEach(Visit visit) const {
    for (Node* node = head_.load(std::memory_order_acquire); node; node = node->next) {
      visit(node->value);
    }
  }
  bool visited() const { return head_.load(std::memory_order_relaxed) != nullptr; }

 private:
  struct alignas(64) Node {
    T value;
    const int worker;
    Node* next;
  };
  std::atomic<Node*> head_{nullptr};
};

// What one worker does with one host: Envoy's host stats.
// Thread-safety: written by its worker alone, with Add(); read by any.
struct HostCounters {
  std::atomic<uint64_t> cx_total{0}, cx_active{0}, cx_connect_fail{0};
  std::atomic<uint64_t> rq_total{0}, rq_active{0}, rq_pending_active{0};
  std::atomic<uint64_t> rq_success{0}, rq_error{0}, rq_timeout{0};

  static void Add(std::atomic<uint64_t>& counter, int64_t change = 1) {
    // relaxed: a figure, ordered with nothing; one writer, so no locked instruction.
    counter.store(counter.load(std::memory_order_relaxed) + static_cast<uint64_t>(change),
                  std::memory_order_relaxed);
  }
};

// What a circuit breaker limits.
enum class Resource : uint8_t { kConnections, kPendingRequests, kRequests, kRetries };
inline constexpr size_t kResources = 4;
using ResourceLimits = std::array<uint32_t, kResources>;

// The permits of one circuit breaker (a cluster's, of one priority), as many as its limits for all
// workers together. Each permit is in one place: free here, idle in a worker's stock, or in use.
// How it goes from place to place is proxy/cluster/circuit_breaker's.
struct alignas(64) PermitCells {
  // What a worker has at hand: it adds, any worker may take.
  struct Stock {
    std::array<std::atomic<uint32_t>, kResources> idle{};
    // More are in use than a lowered limit allows: what comes back is free, and not idle.
    std::array<std::atomic<bool>, kResources> in_debt{};
  };

  // No permits yet.
  PermitCells() = default;
  // By one thread at a time. Lower limits hold for permits given out from now on.
  void SetLimits(const ResourceLimits& limits);

  // A figure, exact while nobody takes or gives back.
  uint64_t InUse(Resource resource) const;
  uint32_t limit(Resource resource) const {
    return limits[static_cast<size_t>(resource)].load(std::memory_order_relaxed);
  }

  // Takes one that is free. False: there is none.
  bool TakeFree(size_t i) {
    int64_t now = free[i].load();
    while (now > 0) {
      if (free[i].compare_exchange_weak(now, now - 1)) return true;
    }
    return false;
  }
  static bool TakeIdle(Stock& stock, size_t i) {
    // relaxed: what decides is the exchange.
    uint32_t now = stock.idle[i].load(std::memory_order_relaxed);
    while (now > 0) {
      if (stock.idle[i].compare_exchange_weak(now, now - 1)) return true;
    }
    return false;
  }

  // Around every transfer of permits between `free` and a stock, while which they are in neither.
  void BeginMove() { moves.fetch_add(1); }
  void EndMove() { moves.fetch_add(kMoveDone - 1); }
  static constexpr uint64_t kMoveDone = uint64_t{1} << 32;
  static bool UnderWay(uint64_t moves) { return static_cast<uint32_t>(moves) != 0; }

  std::array<std::atomic<int64_t>, kResources> free{};  // below 0: debt
  std::atomic<uint64_t> moves{0};                       // high half: done, low half: under way
  PerWorker<Stock> stocks;
  std::array<std::atomic<uint32_t>, kResources> limits{};
};
static_assert(sizeof(PermitCells) == 64);

// How many of something there are now, over all workers.
// Thread-safety: any.
class alignas(64) SharedCount {
 public:
  // False, and nothing taken: there are `limit` already.
  bool TryTake(uint64_t limit) {
    uint64_t now = count_.load(std::memory_order_relaxed);
    while (now < limit) {
      // relaxed: a number and nothing it guards.
      if (count_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void GiveBack() { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> count_{0};
};

}  // namespace outrigger::proxy
