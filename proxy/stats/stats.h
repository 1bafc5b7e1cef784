// stats.h: counters, gauges and histograms. A stat is an index (a handle); each writer thread owns
// a StatSlab that only it writes, with plain loads and stores; readers sum over the slabs.
// Flow: scopes are registered at configuration time -> workers write slabs -> stats_text reads.
// Not here: the names of the stats (scopes.h) and how they are shown (stats_text.h).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "scheduler/base/mutex.h"

namespace outrigger::proxy {

// Handles. One that was never registered writes to a scratch cell, so it is harmless.
struct Counter {
  uint32_t slot = 0;
};
struct Gauge {
  uint32_t slot = 0;
};
struct Histogram {
  uint32_t slot = 1;
};

enum class StatKind : uint8_t { kCounter, kGauge, kHistogram };

// One stat of a scope's table. Static text.
struct StatDesc {
  std::string_view name;  // what follows the scope's prefix
  StatKind kind;
  std::string_view help;
};

// A tag as Prometheus shows it: envoy_cluster_name="foo".
struct StatTag {
  std::string_view key;  // static text, a valid label name
  std::string value;     // any bytes
};

// Log-linear: values to 15 exactly, above in 16 cells for each power of two, so a cell is at most
// 6.25 % wide. Larger values than kMax count as kMax.
struct HistogramScale {
  static constexpr size_t kCells = 464;
  static constexpr uint64_t kMax = 0xffffffff;
  static size_t CellOf(uint64_t value) {
    if (value < 16) return static_cast<size_t>(value);
    if (value > kMax) value = kMax;
    const int shift = 59 - __builtin_clzll(value);
    return 16 * static_cast<size_t>(shift) + static_cast<size_t>(value >> shift);
  }
  // The values of a cell: First(cell) up to First(cell + 1) - 1.
  static uint64_t First(size_t cell) {
    if (cell < 32) return cell;
    const size_t shift = cell / 16 - 1;
    return (16 + cell % 16) << shift;
  }
};

// Sum over the slabs at one moment.
struct HistogramSnapshot {
  std::array<uint64_t, HistogramScale::kCells> cells{};
  uint64_t count = 0;
  uint64_t sum = 0;  // of the values as recorded
  // The value below which a share `q` (0..1) of the samples lies; interpolated within a cell.
  double Quantile(double q) const;
  // Samples <= bound; interpolated within a cell.
  uint64_t CountUpTo(double bound) const;
};

struct GaugeReading {
  int64_t value = 0;
  bool used = false;  // was ever written, though it may be 0 now
};

// One thread's cells. Memory is made where it is first written: a stat that a worker never touches
// costs it nothing, and adding stats never moves a cell.
//
// Runs on: one writer thread (a worker, or whoever holds the control side's); readers on any.
// Owner: StatRegistry. Thread-safety: writes confined, reads relaxed: figures without an order.
class StatSlab {
 public:
  static constexpr uint32_t kChunkSlots = 1024;
  static constexpr uint32_t kMaxChunks = 4096;
  static constexpr uint32_t kMaxSlots = kChunkSlots * kMaxChunks;

  StatSlab();
  ~StatSlab();
  StatSlab(const StatSlab&) = delete;
  StatSlab& operator=(const StatSlab&) = delete;

  void Inc(Counter counter) { Add(counter, 1); }
  void Add(Counter counter, uint64_t n) {
    std::atomic<uint64_t>& cell = Cell(counter.slot);
    cell.store(cell.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Inc(Gauge gauge) { Add(gauge, 1); }
  void Dec(Gauge gauge) { Add(gauge, -1); }
  void Add(Gauge gauge, int64_t delta) {
    std::atomic<uint64_t>& cell = Cell(gauge.slot);
    const uint64_t old = cell.load(std::memory_order_relaxed);
    cell.store((old + 2 * static_cast<uint64_t>(delta)) | 1, std::memory_order_relaxed);
  }
  // Only for a gauge that one slab alone writes: readers add the slabs up.
  void Set(Gauge gauge, int64_t value) {
    Cell(gauge.slot).store(2 * static_cast<uint64_t>(value) | 1, std::memory_order_relaxed);
  }
  void Record(Histogram histogram, uint64_t value);

 private:
  friend class StatRegistry;
  struct alignas(64) Chunk {
    std::array<std::atomic<uint64_t>, kChunkSlots> cells{};
  };
  struct HistogramCells {
    std::array<std::atomic<uint64_t>, HistogramScale::kCells> cells{};
    std::atomic<uint64_t> sum{0};
  };

  std::atomic<uint64_t>& Cell(uint32_t slot) {
    Chunk* chunk = chunks_[slot / kChunkSlots].load(std::memory_order_relaxed);
    if (__builtin_expect(!chunk, 0)) chunk = NewChunk(slot / kChunkSlots);
    return chunk->cells[slot % kChunkSlots];
  }
  Chunk* NewChunk(uint32_t index);
  // Reader side: 0 if the writer never came here.
  uint64_t Read(uint32_t slot) const;
  const HistogramCells* ReadHistogram(uint32_t slot) const;

  // A counter's cell is its value; a gauge's is twice its value plus 1 once it was written; a
  // histogram's is the address of its HistogramCells.
  std::unique_ptr<std::atomic<Chunk*>[]> chunks_;
  std::vector<std::unique_ptr<HistogramCells>> histograms_;  // the writer's: owns, nobody looks
};

// Stats that share a prefix and tags: a row of slots for each row of a static table.
// Owner: StatRegistry. Thread-safety: immutable.
struct StatScope {
  std::string prefix;  // flat, with its last dot: "cluster.foo."
  std::string family;  // Prometheus: "envoy_cluster_"
  std::vector<StatTag> tags;
  std::span<const StatDesc> stats;
  uint32_t first_slot = 0;
};

// All names. Scopes are never taken back: a cluster that returns goes on counting where it stopped.
//
// Runs on: any; cold. Owner: the process; outlives all slabs' users.
// Thread-safety: guarded by mutex_.
class StatRegistry {
 public:
  StatRegistry();
  ~StatRegistry();
  StatRegistry(const StatRegistry&) = delete;
  StatRegistry& operator=(const StatRegistry&) = delete;

  // Idempotent by prefix and table; `stats` is static. Returns the slot of the first row, the rest
  // follow; 0 if all slots are spent (leave the handles as they are).
  uint32_t AddScope(std::string_view prefix, std::string_view family, std::vector<StatTag> tags,
                    std::span<const StatDesc> stats);

  // One stat by its flat name, outside of any scope. Idempotent by name; of two kinds the first
  // stands. Prometheus: "envoy_" and the name, with '_' for what it does not allow.
  Counter AddCounter(std::string_view name, std::string_view help);
  Gauge AddGauge(std::string_view name, std::string_view help);
  Histogram AddHistogram(std::string_view name, std::string_view help);

  // From now on the gauge is asked for and not counted. `function` is called with the registry's
  // lock held: it must be quick and not call back. An empty one ends that.
  void SetGaugeFunction(Gauge gauge, std::function<int64_t()> function);

  // Called by who is about to read everything, so that figures which are kept elsewhere can be
  // Set().
  void BeforeReading(std::function<void()> refresh);
  void Refresh() const;

  // A slab for one thread to write until Retire(). A retired slab's totals stay; the next NewSlab()
  // goes on with it, so there are no more slabs than there ever were writers at once.
  StatSlab* NewSlab();
  void Retire(StatSlab* slab);

  // For stats that change with the configuration and not with requests: kept apart from the slabs,
  // where one of each of thousands of clusters would make memory for all their stats. A gauge is
  // for this alone or for slabs alone.
  void Inc(Counter counter) { Add(counter, 1); }
  void Add(Counter counter, uint64_t n);
  void Set(Gauge gauge, int64_t value);

  uint64_t Sum(Counter counter) const;
  GaugeReading Sum(Gauge gauge) const;
  HistogramSnapshot Sum(Histogram histogram) const;

  // In order of prefix. They live as long as the registry.
  std::vector<const StatScope*> Scopes() const;

 private:
  struct Single;
  // What a scope is found by.
  struct ByPrefixAndTable {
    using is_transparent = void;
    using Key = std::pair<std::string_view, const StatDesc*>;
    static Key Of(const StatScope& scope) { return {scope.prefix, scope.stats.data()}; }
    static Key Of(const Key& key) { return key; }
    bool operator()(const auto& a, const auto& b) const { return Of(a) < Of(b); }
  };
  uint32_t AddSingle(std::string_view name, std::string_view help, StatKind kind);
  uint64_t RareCell(uint32_t slot) const OUTRIGGER_REQUIRES(mutex_);

  mutable scheduler::Mutex mutex_;
  std::set<StatScope, ByPrefixAndTable> scopes_ OUTRIGGER_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<Single>, std::less<>> singles_ OUTRIGGER_GUARDED_BY(mutex_);
  std::map<uint32_t, std::function<int64_t()>> functions_ OUTRIGGER_GUARDED_BY(mutex_);
  // By slot; as a slab's cells.
  absl::flat_hash_map<uint32_t, uint64_t> rare_cells_ OUTRIGGER_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<StatSlab>> slabs_ OUTRIGGER_GUARDED_BY(mutex_);
  std::vector<StatSlab*> retired_ OUTRIGGER_GUARDED_BY(mutex_);
  std::function<void()> refresh_ OUTRIGGER_GUARDED_BY(mutex_);
  uint32_t next_slot_ OUTRIGGER_GUARDED_BY(mutex_) = 2;  // 0 and 1 are scratch
};

}  // namespace outrigger::proxy
