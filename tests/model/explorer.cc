#include "tests/model/explorer.h"

#include <cstdio>
#include <limits>

#include "tests/model/fiber.h"

namespace outrigger::model {
namespace {

using Order = std::memory_order;

bool Acquires(Order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool Releases(Order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}
const char* Text(Order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
    case std::memory_order_consume:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

}  // namespace

class Explorer {
 public:
  explicit Explorer(const Options& options) : options_(options) {}

  Report Run(const MakeScenario& make);

  bool in_thread() const { return running_ >= 0; }
  int running() const { return running_; }
  Clock& clock() { return me().clock; }

  void Point();
  // `rarely`, at random: another than the first only once in so many.
  int Choose(int n, uint32_t rarely = 1);
  void Fail(const std::string& what);
  void Yield();
  // `flush`: a system call, which is a barrier.
  void Block(const void* key, bool flush = true);
  void Unblock(const void* key, bool all);

  uint64_t Load(const Cell& cell, Order order);
  void Store(Cell& cell, uint64_t bits, Order order);
  uint64_t BeginRmw(Cell& cell, Order order);
  void EndRmw(Cell& cell, uint64_t bits, Order order, bool failed);
  bool FailsSpuriously();
  void FlushAllOf(int thread);
  void FlushEveryone();
  void Forget(Cell& cell);

  void Name(const void* address, size_t bytes, const char* name);
  template <typename... Args>
  void Trace(const char* format, Args... args) {
    if (!tracing_) return;
    char line[200];
    std::snprintf(line, sizeof(line), format, args...);
    AddLine(line);
  }
  std::string NameOf(const void* address) const;
  bool tracing() const { return tracing_; }

 private:
  static constexpr size_t kMostDelayed = 32;  // in a buffer
  static constexpr int kMostOvertaken = 12;   // a store: who spins sees it at last
  // At random: a switch, or a store that is overtaken, is one of so many.
  static constexpr uint32_t kRarely = 12;
  enum class State { kReady, kBlocked, kEnded };
  struct Delayed {
    Cell* cell;
    uint64_t bits;
    Clock clock;
    Order order;
    int overtaken = 0;
  };
  struct Thread {
    Fiber fiber;
    State state;
    bool yielded;     // spins, and nothing has changed since
    bool overtook;    // a delayed store, since its last Yield
    const void* key;  // what it is blocked on
    Clock clock;
    std::vector<Delayed> buffer;
    bool flushing;
  };
  struct Choice {
    int chosen, of;
  };
  struct Named {
    const char* begin;
    size_t bytes;
    const char* name;
  };

  static void Entry();
  Thread& me() { return threads_[running_]; }
  bool RunPass(const MakeScenario& make, Report& report);
  void RunOnce(const MakeScenario& make);
  bool NextPath();
  void SwitchTo(int thread);
  void PickNext();
  void Changed();
  int Candidates(bool yielded, int (&of)[kMaxThreads]) const;
  void LetOthersPass(Cell& cell);
  int Overtakable(const Thread& thread, const Cell& cell) const;
  void FlushThrough(int thread, size_t index);
  void FlushSeqCst();
  void Commit(Delayed entry);
  void AddLine(const char* line);

  const Options options_;
  Fiber main_;
  Thread threads_[kMaxThreads];
  int count_ = 0;
  int running_ = -1;
  Scenario* scenario_ = nullptr;

  uint32_t Random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    return random_;
  }
  uint32_t random_ = 1;  // the same schedules each time

  // The schedule.
  std::vector<Choice> path_;
  size_t depth_ = 0;
  int preemptions_ = 0;  // the bound of this pass
  int preemptions_left_ = 0, delays_left_ = 0, spurious_left_ = 0;
  uint64_t steps_ = 0;
  bool rests_ = false;   // ended with blocked threads
  bool broken_ = false;  // ended in Fail()

  bool failed_ = false;
  std::string failure_;
  bool tracing_ = false;
  std::string lines_;
  std::vector<Named> names_;
};

namespace {
Explorer* explorer = nullptr;
}  // namespace

// In passes of 0, 1, 2 ... pre-emptions: the first failure found needs the fewest.
Report Explorer::Run(const MakeScenario& make) {
  Report report;
  explorer = this;
  if (options_.random > 0) {
    preemptions_ = std::numeric_limits<int>::max();
    for (; !failed_ && report.schedules < options_.random; ++report.schedules) {
      path_.clear();
      RunOnce(make);
    }
    report.complete = !failed_;
  } else {
    for (preemptions_ = 0; preemptions_ <= options_.preemptions; ++preemptions_) {
      if (!RunPass(make, report)) break;
    }
    report.complete = preemptions_ > options_.preemptions;
  }
  if (failed_) {
    // Once more, to write it down.
    tracing_ = true;
    RunOnce(make);
    report.failed = true;
    report.failure = failure_ + "\n" + lines_;
  }
  explorer = nullptr;
  return report;
}

// All within the bound of this pass. False: stop.
bool Explorer::RunPass(const MakeScenario& make, Report& report) {
  path_.clear();
  do {
    RunOnce(make);
    ++report.schedules;
    if (failed_ || report.schedules == options_.max_schedules) return false;
  } while (NextPath());
  return true;
}

void Explorer::RunOnce(const MakeScenario& make) {
  depth_ = 0;
  steps_ = 0;
  preemptions_left_ = preemptions_;
  delays_left_ = options_.delays;
  spurious_left_ = options_.spurious_failures;
  rests_ = broken_ = false;
  names_.clear();
  const std::unique_ptr<Scenario> scenario = make();
  scenario_ = scenario.get();
  count_ = scenario->threads();
  for (int i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    thread.fiber.Start(&Entry);
    thread.state = State::kReady;
    thread.yielded = thread.overtook = false;
    thread.flushing = false;
    thread.key = nullptr;
    thread.clock = Clock();
    thread.clock.at[static_cast<size_t>(i)] = 1;
    thread.buffer.clear();
  }
  running_ = Choose(count_);
  Fiber::SwitchTo(main_, threads_[running_].fiber);
  running_ = -1;
  if (!broken_) {
    FlushEveryone();
    if (!rests_ || scenario->MayRest()) {
      scenario->AtEnd();
    } else {
      Fail("deadlock: every thread that has not ended is blocked");
    }
  }
  for (int i = 0; i < count_; ++i) threads_[i].buffer.clear();
}

// The deepest choice that has an alternative left takes it. False: none has.
bool Explorer::NextPath() {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().of) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

int Explorer::Choose(int n, uint32_t rarely) {
  if (n == 1) return 0;
  if (depth_ == path_.size()) {
    int chosen = 0;
    if (options_.random > 0 && Random() % rarely == 0) {
      chosen = static_cast<int>(Random() % static_cast<uint32_t>(n));
    }
    path_.push_back({chosen, n});
  }
  return path_[depth_++].chosen;
}

void Explorer::Entry() {
  explorer->scenario_->Thread(explorer->running_);
  explorer->Trace("ends");
  // What it has delayed may stay so.
  explorer->me().state = State::kEnded;
  explorer->PickNext();
}

void Explorer::SwitchTo(int thread) {
  Thread& from = me();
  running_ = thread;
  Fiber::SwitchTo(from.fiber, threads_[thread].fiber);
}

int Explorer::Candidates(bool yielded, int (&of)[kMaxThreads]) const {
  int n = 0;
  for (int i = 0; i < count_; ++i) {
    const Thread& thread = threads_[i];
    if (i != running_ && thread.state == State::kReady && thread.yielded == yielded) of[n++] = i;
  }
  return n;
}

// The running thread cannot go on, or does not want to.
void Explorer::PickNext() {
  int next[kMaxThreads];
  int n = Candidates(/*yielded=*/false, next);
  if (n == 0) n = Candidates(/*yielded=*/true, next);
  if (n > 0) {
    const int chosen = next[Choose(n)];
    threads_[chosen].yielded = false;
    SwitchTo(chosen);
  } else if (me().state != State::kReady) {
    for (int i = 0; i < count_; ++i) rests_ |= threads_[i].state == State::kBlocked;
    Fiber::SwitchTo(me().fiber, main_);  // for good
  }
}

// Before each access: anybody else may come first.
void Explorer::Point() {
  Thread& self = me();
  ++self.clock.at[static_cast<size_t>(running_)];
  if (++steps_ > options_.max_steps) Fail("livelock: too many steps");
  if (preemptions_left_ == 0) return;
  int next[kMaxThreads];
  const int n = Candidates(/*yielded=*/false, next);
  if (n == 0) return;
  const int chosen = Choose(n + 1, kRarely);
  if (chosen == 0) return;
  --preemptions_left_;
  SwitchTo(next[chosen - 1]);
}

void Explorer::Fail(const std::string& what) {
  if (!broken_) {
    failed_ = broken_ = true;
    failure_ = what;
    if (in_thread()) AddLine(what.c_str());
  }
  if (in_thread()) Fiber::SwitchTo(me().fiber, main_);  // for good
}

void Explorer::Yield() {
  if (++steps_ > options_.max_steps) Fail("livelock: too many steps");
  // Who has overtaken a store will find it changed without another's step.
  me().yielded = !std::exchange(me().overtook, false);
  PickNext();
  me().yielded = false;
}

// Whoever spins may find what it waits for.
void Explorer::Changed() {
  for (int i = 0; i < count_; ++i) {
    if (i != running_) threads_[i].yielded = false;
  }
}

void Explorer::Block(const void* key, bool flush) {
  Trace("blocks on %s", NameOf(key).c_str());
  if (flush) FlushAllOf(running_);
  me().state = State::kBlocked;
  me().key = key;
  PickNext();
}

void Explorer::Unblock(const void* key, bool all) {
  int blocked[kMaxThreads];
  int n = 0;
  for (int i = 0; i < count_; ++i) {
    if (threads_[i].state == State::kBlocked && threads_[i].key == key) blocked[n++] = i;
  }
  if (n == 0) return;
  Changed();
  if (!all) {
    blocked[0] = blocked[Choose(n)];
    n = 1;
  }
  for (int i = 0; i < n; ++i) threads_[blocked[i]].state = State::kReady;
}

uint64_t Explorer::Load(const Cell& const_cell, Order order) {
  Cell& cell = const_cast<Cell&>(const_cell);
  Point();
  if (order == std::memory_order_seq_cst) FlushSeqCst();
  std::vector<Delayed>& own = me().buffer;
  for (size_t i = own.size(); i-- > 0;) {
    if (own[i].cell == &cell) {
      Trace("%s: reads %lld (%s), its own", NameOf(&cell).c_str(),
            static_cast<long long>(own[i].bits), Text(order));
      return own[i].bits;
    }
  }
  LetOthersPass(cell);
  if (Acquires(order)) clock().Join(cell.released_);
  Trace("%s: reads %lld (%s)", NameOf(&cell).c_str(), static_cast<long long>(cell.bits_),
        Text(order));
  return cell.bits_;
}

void Explorer::Store(Cell& cell, uint64_t bits, Order order) {
  Point();
  const bool now =
      order == std::memory_order_seq_cst && options_.stores == Options::Stores::kTotalOrder;
  Trace("%s: stores %lld (%s)", NameOf(&cell).c_str(), static_cast<long long>(bits), Text(order));
  if (me().buffer.size() == kMostDelayed) FlushThrough(running_, 0);
  me().buffer.push_back({&cell, bits, clock(), order});
  ++cell.delayed_;
  Changed();
  ++clock().at[static_cast<size_t>(running_)];  // what follows is not released by it
  if (now) FlushAllOf(running_);
}

uint64_t Explorer::BeginRmw(Cell& cell, Order order) {
  Point();
  // All stores before it, or, where it releases nothing, those to the same variable.
  if (Releases(order) || options_.stores == Options::Stores::kTotalOrder) {
    FlushAllOf(running_);
  } else {
    std::vector<Delayed>& own = me().buffer;
    for (size_t i = own.size(); i-- > 0;) {
      if (own[i].cell != &cell) continue;
      FlushThrough(running_, i);
      break;
    }
  }
  LetOthersPass(cell);
  return cell.bits_;
}

void Explorer::EndRmw(Cell& cell, uint64_t bits, Order order, bool failed) {
  if (Acquires(order)) clock().Join(cell.released_);
  Trace("%s: %lld -> %lld (%s)%s", NameOf(&cell).c_str(), static_cast<long long>(cell.bits_),
        static_cast<long long>(bits), Text(order), failed ? ", refused" : "");
  if (failed) return;
  if (cell.bits_ != bits) Changed();
  cell.bits_ = bits;
  // One that releases nothing keeps the release that it stands on.
  if (Releases(order)) cell.released_.Join(clock());
  ++clock().at[static_cast<size_t>(running_)];
}

bool Explorer::FailsSpuriously() {
  if (spurious_left_ == 0) return false;
  Point();  // others may have used it up meanwhile
  if (spurious_left_ == 0 || Choose(2) == 0) return false;
  --spurious_left_;
  Trace("a weak compare-and-swap fails for nothing");
  return true;
}

// The running thread is about to touch `cell`, to which others may have delayed stores: they come
// first, or it overtakes some. Later than here no choice need be made: nobody sees the difference.
void Explorer::LetOthersPass(Cell& cell) {
  if (cell.delayed_ == 0) return;
  for (int t = 0; t < count_; ++t) {
    Thread& thread = threads_[t];
    if (t == running_ || thread.flushing) continue;
    int stores = 0;
    for (const Delayed& each : thread.buffer) stores += each.cell == &cell;
    if (stores == 0) continue;
    const int overtaken = Choose(Overtakable(thread, cell) + 1, kRarely);
    int through = stores - overtaken;
    int left = overtaken;
    for (size_t i = thread.buffer.size(); left > 0 && i-- > 0;) {
      Delayed& each = thread.buffer[i];
      if (each.cell != &cell) continue;
      if (each.overtaken++ == 0) --delays_left_;
      me().overtook = true;
      --left;
    }
    if (through == 0) continue;
    for (size_t i = 0; i < thread.buffer.size(); ++i) {
      if (thread.buffer[i].cell == &cell && --through == 0) {
        FlushThrough(t, i);
        break;
      }
    }
  }
}

// How many of the thread's stores to `cell`, the youngest first, may be overtaken once more.
int Explorer::Overtakable(const Thread& thread, const Cell& cell) const {
  int n = 0, left = delays_left_;
  for (size_t i = thread.buffer.size(); i-- > 0;) {
    const Delayed& each = thread.buffer[i];
    if (each.cell != &cell) continue;
    if (each.overtaken == kMostOvertaken || (each.overtaken == 0 && left-- == 0)) break;
    ++n;
  }
  return n;
}

// The store `index` of a buffer becomes visible, and before it those that have to: all, or those to
// the same variable and, if it releases, all.
void Explorer::FlushThrough(int t, size_t index) {
  Thread& thread = threads_[t];
  std::vector<Delayed>& buffer = thread.buffer;
  const auto must_follow = [&](size_t later, size_t earlier) {
    return options_.stores == Options::Stores::kTotalOrder || Releases(buffer[later].order) ||
           buffer[later].cell == buffer[earlier].cell;
  };
  uint64_t chosen = uint64_t{1} << index;
  for (size_t i = index; i-- > 0;) {
    for (size_t later = i + 1; later <= index; ++later) {
      if ((chosen >> later & 1) && must_follow(later, i)) {
        chosen |= uint64_t{1} << i;
        break;
      }
    }
  }
  std::vector<Delayed> out, stay;
  for (size_t i = 0; i < buffer.size(); ++i) {
    (chosen >> i & 1 ? out : stay).push_back(buffer[i]);
  }
  buffer = std::move(stay);
  thread.flushing = true;
  for (const Delayed& each : out) {
    if (in_thread())
      Trace("(%s of thread %d becomes visible: %lld)", NameOf(each.cell).c_str(), t,
            static_cast<long long>(each.bits));
    Commit(each);
  }
  thread.flushing = false;
}

void Explorer::FlushAllOf(int t) {
  Thread& thread = threads_[t];
  if (thread.buffer.empty()) return;
  std::vector<Delayed> out = std::move(thread.buffer);
  thread.buffer.clear();
  thread.flushing = true;
  for (const Delayed& each : out) Commit(each);
  thread.flushing = false;
}

void Explorer::FlushEveryone() {
  for (int t = 0; t < count_; ++t) FlushAllOf(t);
}

// A seq_cst load comes after the seq_cst stores before it.
void Explorer::FlushSeqCst() {
  const std::vector<Delayed>& own = me().buffer;
  for (size_t i = own.size(); i-- > 0;) {
    if (own[i].order != std::memory_order_seq_cst) continue;
    FlushThrough(running_, i);
    return;
  }
}

void Explorer::Commit(Delayed entry) {
  Cell& cell = *entry.cell;
  --cell.delayed_;
  // Another thread's delayed store to the same variable may have come before.
  if (in_thread()) LetOthersPass(cell);
  cell.bits_ = entry.bits;
  cell.released_ = Releases(entry.order) ? entry.clock : Clock();
}

// Before a variable goes.
void Explorer::Forget(Cell& cell) {
  if (cell.delayed_ == 0) return;
  for (int t = 0; t < count_; ++t) {
    std::erase_if(threads_[t].buffer, [&](const Delayed& each) { return each.cell == &cell; });
  }
}

void Explorer::Name(const void* address, size_t bytes, const char* name) {
  if (tracing_) names_.push_back({static_cast<const char*>(address), bytes, name});
}

std::string Explorer::NameOf(const void* address) const {
  if (!tracing_) return "";
  const char* at = static_cast<const char*>(address);
  // The narrowest.
  const Named* best = nullptr;
  for (const Named& each : names_) {
    if (at < each.begin || at >= each.begin + each.bytes) continue;
    if (!best || each.bytes < best->bytes) best = &each;
  }
  char text[100];
  if (!best) {
    std::snprintf(text, sizeof(text), "%p", address);
  } else if (const auto offset = at - best->begin; offset == 0) {
    return best->name;
  } else {
    std::snprintf(text, sizeof(text), "%s+%td", best->name, offset);
  }
  return text;
}

void Explorer::AddLine(const char* line) {
  if (!tracing_) return;
  char text[240];
  std::snprintf(text, sizeof(text), "  %*s%d  %s\n", 4 * running_, "", running_, line);
  lines_ += text;
}

Report Explore(const Options& options, const MakeScenario& make) {
  return std::make_unique<Explorer>(options)->Run(make);
}

namespace {
bool Concurrent() { return explorer && explorer->in_thread(); }
}  // namespace

void Fail(const std::string& what) { explorer->Fail(what); }
void Yield() { explorer->Yield(); }
int Choose(int n) { return explorer->Choose(n); }
void Block(const void* key) { explorer->Block(key); }
void Unblock(const void* key, bool all) {
  if (Concurrent()) explorer->Unblock(key, all);
}
void MemoryBarrierOfAll() {
  explorer->Point();
  explorer->Trace("membarrier");
  explorer->FlushEveryone();
}
void Name(const void* address, size_t bytes, const char* name) {
  if (explorer) explorer->Name(address, bytes, name);
}
void Note(const char* what) {
  if (Concurrent()) explorer->Trace("%s", what);
}

Cell::~Cell() {
  if (explorer) explorer->Forget(*this);
}

uint64_t Cell::Load(Order order) const {
  return Concurrent() ? explorer->Load(*this, order) : bits_;
}

void Cell::Store(uint64_t bits, Order order) {
  if (Concurrent()) {
    explorer->Store(*this, bits, order);
  } else {
    bits_ = bits;
  }
}

uint64_t Cell::BeginRmw(Order order) {
  return Concurrent() ? explorer->BeginRmw(*this, order) : bits_;
}

void Cell::EndRmw(uint64_t bits, Order order, bool failed) {
  if (Concurrent()) {
    explorer->EndRmw(*this, bits, order, failed);
  } else {
    bits_ = bits;
  }
}

bool Cell::FailsSpuriously() { return Concurrent() && explorer->FailsSpuriously(); }

void Cell::Wait(uint64_t old) {
  while (Load(std::memory_order_seq_cst) == old) explorer->Block(this);
}

void Cell::Notify(bool all) {
  if (!Concurrent()) return;
  explorer->FlushAllOf(explorer->running());  // a system call
  explorer->Unblock(this, all);
}

void Mutex::Lock() {
  if (!Concurrent()) return;
  explorer->Point();
  while (held_) explorer->Block(this, /*flush=*/false);
  held_ = true;
  if (last_ >= 0) explorer->FlushAllOf(last_);
  explorer->clock().Join(released_);
  explorer->Trace("locks %s", explorer->NameOf(this).c_str());
}

void Mutex::Unlock() {
  if (!Concurrent()) return;
  held_ = false;
  if (releases_) {
    last_ = explorer->running();
    released_ = explorer->clock();
    ++explorer->clock().at[static_cast<size_t>(last_)];
  }
  Unblock(this, /*all=*/true);
  explorer->Trace("unlocks %s", explorer->NameOf(this).c_str());
}

void VarBase::NoteRead() const {
  if (!Concurrent()) return;
  const Clock& now = explorer->clock();
  const int self = explorer->running();
  if (writer_ >= 0 && now.at[static_cast<size_t>(writer_)] < written_) {
    Fail("race: " + explorer->NameOf(this) + " is read while nothing orders its last write before");
  }
  read_.at[static_cast<size_t>(self)] = now.at[static_cast<size_t>(self)];
}

void VarBase::NoteWrite() {
  if (!Concurrent()) return;
  const Clock& now = explorer->clock();
  const int self = explorer->running();
  bool race = writer_ >= 0 && now.at[static_cast<size_t>(writer_)] < written_;
  for (size_t i = 0; i < kMaxThreads; ++i) race |= now.at[i] < read_.at[i];
  if (race) {
    Fail("race: " + explorer->NameOf(this) +
         " is written while nothing orders another's use before");
  }
  writer_ = self;
  written_ = now.at[static_cast<size_t>(self)];
}

}  // namespace outrigger::model
