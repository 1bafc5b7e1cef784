#include "proxy/stats/stats.h"

#include <algorithm>
#include <cmath>

#include "scheduler/base/check.h"

namespace outrigger::proxy {
namespace {

using scheduler::MutexLock;

std::string PrometheusName(std::string_view flat) {
  std::string name = "envoy_";
  for (char c : flat) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    name.push_back(plain ? c : '_');
  }
  return name;
}

}  // namespace

double HistogramSnapshot::Quantile(double q) const {
  if (count == 0) return 0;
  // Of `count` samples in order, the one that has `rank` before or at it.
  const double rank = std::clamp(q, 0.0, 1.0) * static_cast<double>(count);
  double before = 0;
  for (size_t cell = 0; cell < cells.size(); ++cell) {
    const double here = static_cast<double>(cells[cell]);
    if (here > 0 && before + here >= rank) {
      const double first = static_cast<double>(HistogramScale::First(cell));
      const double last = static_cast<double>(HistogramScale::First(cell + 1) - 1);
      return first + (last - first) * (rank - before) / here;
    }
    before += here;
  }
  return static_cast<double>(HistogramScale::kMax);
}

uint64_t HistogramSnapshot::CountUpTo(double bound) const {
  uint64_t total = 0;
  for (size_t cell = 0; cell < cells.size(); ++cell) {
    const double first = static_cast<double>(HistogramScale::First(cell));
    const double next = static_cast<double>(HistogramScale::First(cell + 1));
    if (first > bound) break;
    const double share = std::min(1.0, (std::floor(bound) + 1 - first) / (next - first));
    total += static_cast<uint64_t>(static_cast<double>(cells[cell]) * share);
  }
  return total;
}

StatSlab::StatSlab() : chunks_(new std::atomic<Chunk*>[kMaxChunks]()) {}

StatSlab::~StatSlab() {
  for (uint32_t i = 0; i < kMaxChunks; ++i) delete chunks_[i].load(std::memory_order_relaxed);
}

StatSlab::Chunk* StatSlab::NewChunk(uint32_t index) {
  OUTRIGGER_CHECK(index < kMaxChunks);
  Chunk* chunk = new Chunk;
  // release pairs with the acquire in Read(): a reader sees the cells as zeros.
  chunks_[index].store(chunk, std::memory_order_release);
  return chunk;
}

void StatSlab::Record(Histogram histogram, uint64_t value) {
  std::atomic<uint64_t>& cell = Cell(histogram.slot);
  auto* cells = reinterpret_cast<HistogramCells*>(cell.load(std::memory_order_relaxed));
  if (__builtin_expect(!cells, 0)) {
    histograms_.push_back(std::make_unique<HistogramCells>());
    cells = histograms_.back().get();
    // release pairs with the acquire in Read().
    cell.store(reinterpret_cast<uint64_t>(cells), std::memory_order_release);
  }
  std::atomic<uint64_t>& bucket = cells->cells[HistogramScale::CellOf(value)];
  bucket.store(bucket.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  cells->sum.store(cells->sum.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

uint64_t StatSlab::Read(uint32_t slot) const {
  const Chunk* chunk = chunks_[slot / kChunkSlots].load(std::memory_order_acquire);
  return chunk ? chunk->cells[slot % kChunkSlots].load(std::memory_order_acquire) : 0;
}

const StatSlab::HistogramCells* StatSlab::ReadHistogram(uint32_t slot) const {
  return reinterpret_cast<const HistogramCells*>(Read(slot));
}

// A stat that belongs to no static table: its table of one row and the text of it.
struct StatRegistry::Single {
  std::string family;
  std::string help;
  StatDesc row;
};

StatRegistry::StatRegistry() = default;
StatRegistry::~StatRegistry() = default;

uint32_t StatRegistry::AddScope(std::string_view prefix, std::string_view family,
                                std::vector<StatTag> tags, std::span<const StatDesc> stats) {
  MutexLock lock(mutex_);
  const auto found = scopes_.find(ByPrefixAndTable::Key(prefix, stats.data()));
  if (found != scopes_.end()) return found->first_slot;
  if (stats.size() > StatSlab::kMaxSlots - next_slot_) return 0;
  const uint32_t first_slot = next_slot_;
  next_slot_ += static_cast<uint32_t>(stats.size());
  scopes_.insert({std::string(prefix), std::string(family), std::move(tags), stats, first_slot});
  return first_slot;
}

uint32_t StatRegistry::AddSingle(std::string_view name, std::string_view help, StatKind kind) {
  const Single* single;
  {
    MutexLock lock(mutex_);
    std::unique_ptr<Single>& place = singles_[std::string(name)];
    if (!place) {
      place = std::make_unique<Single>();
      place->family = PrometheusName(name);
      place->help = help;
      place->row = {"", kind, place->help};
    }
    if (place->row.kind != kind) return 0;
    single = place.get();
  }
  return AddScope(name, single->family, {}, {&single->row, 1});
}

Counter StatRegistry::AddCounter(std::string_view name, std::string_view help) {
  return {AddSingle(name, help, StatKind::kCounter)};
}

Gauge StatRegistry::AddGauge(std::string_view name, std::string_view help) {
  return {AddSingle(name, help, StatKind::kGauge)};
}

Histogram StatRegistry::AddHistogram(std::string_view name, std::string_view help) {
  const uint32_t slot = AddSingle(name, help, StatKind::kHistogram);
  return slot == 0 ? Histogram() : Histogram{slot};
}

void StatRegistry::SetGaugeFunction(Gauge gauge, std::function<int64_t()> function) {
  if (gauge.slot == 0) return;
  MutexLock lock(mutex_);
  if (function) {
    functions_[gauge.slot] = std::move(function);
  } else {
    functions_.erase(gauge.slot);
  }
}

void StatRegistry::BeforeReading(std::function<void()> refresh) {
  MutexLock lock(mutex_);
  refresh_ = std::move(refresh);
}

void StatRegistry::Refresh() const {
  std::function<void()> refresh;
  {
    MutexLock lock(mutex_);
    refresh = refresh_;
  }
  if (refresh) refresh();
}

StatSlab* StatRegistry::NewSlab() {
  MutexLock lock(mutex_);
  if (retired_.empty()) return slabs_.emplace_back(std::make_unique<StatSlab>()).get();
  StatSlab* slab = retired_.back();
  retired_.pop_back();
  return slab;
}

void StatRegistry::Retire(StatSlab* slab) {
  MutexLock lock(mutex_);
  retired_.push_back(slab);
}

void StatRegistry::Add(Counter counter, uint64_t n) {
  MutexLock lock(mutex_);
  rare_cells_[counter.slot] += n;
}

void StatRegistry::Set(Gauge gauge, int64_t value) {
  MutexLock lock(mutex_);
  rare_cells_[gauge.slot] = 2 * static_cast<uint64_t>(value) | 1;
}

uint64_t StatRegistry::RareCell(uint32_t slot) const {
  const auto found = rare_cells_.find(slot);
  return found == rare_cells_.end() ? 0 : found->second;
}

uint64_t StatRegistry::Sum(Counter counter) const {
  MutexLock lock(mutex_);
  uint64_t sum = RareCell(counter.slot);
  for (const auto& slab : slabs_) sum += slab->Read(counter.slot);
  return sum;
}

GaugeReading StatRegistry::Sum(Gauge gauge) const {
  MutexLock lock(mutex_);
  if (auto found = functions_.find(gauge.slot); found != functions_.end()) {
    return {found->second(), true};
  }
  GaugeReading reading;
  const auto add = [&reading](uint64_t cell) {
    reading.value += static_cast<int64_t>(cell) >> 1;
    reading.used |= (cell & 1) != 0;
  };
  add(RareCell(gauge.slot));
  for (const auto& slab : slabs_) add(slab->Read(gauge.slot));
  return reading;
}

HistogramSnapshot StatRegistry::Sum(Histogram histogram) const {
  MutexLock lock(mutex_);
  HistogramSnapshot total;
  for (const auto& slab : slabs_) {
    const StatSlab::HistogramCells* cells = slab->ReadHistogram(histogram.slot);
    if (!cells) continue;
    for (size_t i = 0; i < total.cells.size(); ++i) {
      const uint64_t n = cells->cells[i].load(std::memory_order_relaxed);
      total.cells[i] += n;
      total.count += n;
    }
    total.sum += cells->sum.load(std::memory_order_relaxed);
  }
  return total;
}

std::vector<const StatScope*> StatRegistry::Scopes() const {
  MutexLock lock(mutex_);
  std::vector<const StatScope*> scopes;
  scopes.reserve(scopes_.size());
  for (const StatScope& scope : scopes_) scopes.push_back(&scope);
  return scopes;
}

}  // namespace outrigger::proxy
