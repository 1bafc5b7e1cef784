#include "scheduler/pool.h"

#include <pthread.h>

#include <algorithm>
#include <new>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/log.h"
#include "scheduler/cpu/cache_topology.h"

namespace outrigger::scheduler {
namespace {

// Gs run between two looks at the netpoll, so that a full queue cannot hide ready descriptors.
constexpr int kTurnBudget = 256;

// One a P.
std::vector<int> CachesOf(const PoolOptions& options) {
  std::vector<int> caches;
  for (const CpuSet& cpus : options.affinity) {
    const bool asks = options.policy == Policy::kStealing && options.affinity.size() > 1;
    caches.push_back(asks ? LastLevelCacheOf(cpus) : kSeveralCaches);
  }
  return caches;
}

}  // namespace

void RunG(G* g) {
  Machine& m = machine;
  Processor& p = *m.p;
  ProcessorStats& stats = p.stats();
  stats.ticks.store(stats.ticks.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  stats.running.store(g->name, std::memory_order_release);  // after its tick, for sysmon
  m.g = g;
  m.next = g->resume;
  while (m.next) std::exchange(m.next, nullptr).resume();
  // From here on `g` may run elsewhere, unless its root frame finished just now.
  m.g = nullptr;
  stats.running.store(nullptr, std::memory_order_relaxed);
  if (m.finished) {
    m.g = g;  // destructors of the frame may look at it, and Ready() does
    std::exchange(m.finished, nullptr).destroy();
    p.pool().FinishG(g, std::exchange(m.panicked, false));
    m.g = nullptr;
  }
}

void Ready(G* g) {
  if (g->confined()) {
    g->home->Queue(g);
  } else {
    machine.sampler.MarkReady(g->ready_at);
    // It runs next, as with Go: it probably reads what was just written; and what a timer wakes
    // would else wait for all that the P has queued.
    g->pool->QueueStealing(g, /*front=*/true);
  }
}

Pool::Pool(PoolOptions options)
    : options_(std::move(options)),
      procs_(options_.procs > 0 ? std::min(options_.procs, max_procs()) : max_procs()),
      steal_order_(CachesOf(options_)),
      slice_(std::max(options_.slice, kLeastSlice)),
      most_without_p_(options_.most_without_p > 0 ? options_.most_without_p
                                                  : std::max(8, 4 * max_procs())) {
  OUTRIGGER_CHECK(!options_.affinity.empty());
  FirstTickPair();  // early: what it measures by is the longer
  const bool pinned = options_.policy == Policy::kPinned;
  if (!pinned) netpoll_ = std::make_unique<Netpoll>(/*shared=*/true);
  for (size_t i = 0; i < options_.affinity.size(); ++i) {
    processors_.push_back(std::make_unique<Processor>(*this, static_cast<int>(i), pinned));
  }
  if (pinned) {
    for (auto& p : processors_) threads_.emplace_back([this, &p] { PinnedMain(*p); });
  } else {
    relief_ = std::make_unique<Processor>(*this, max_procs(), /*pinned=*/false);
    StartMachines();
  }
}

Pool::~Pool() { Stop(); }

void Pool::NameAndBind(int id, const CpuSet& cpus) {
  const std::string name = absl::StrCat(options_.name, ":", id);
  pthread_setname_np(pthread_self(), name.c_str());
  if (cpus.Empty()) return;
  if (absl::Status status = BindThisThread(cpus); !status.ok()) {
    OUTRIGGER_LOG(kWarning, "scheduler", "%s runs unbound: %s", name, status.message());
  }
}

void Pool::PinnedMain(Processor& p) {
  NameAndBind(p.id(), options_.affinity[static_cast<size_t>(p.id())]);
  machine.p = &p;
  PinnedLoop(p);
  machine.p = nullptr;
}

JoinHandle Pool::Go(const char* name, Task<void> task) {
  G* g = new (FrameAlloc(sizeof(G))) G;  // with two references: the handle's, and its own life's
  g->name = name;
  g->pool = this;
  JoinHandle handle(g);
  // A stopping pool runs the G once, cancelled, so that its frame unwinds like any other.
  if (options_.policy == Policy::kPinned) {
    Processor& p = *machine.p;
    OUTRIGGER_CHECK(&p.pool() == this);
    if (count_.stopping()) g->state.store(G::kCancel, std::memory_order_relaxed);
    g->resume = task.Release();
    g->home = &p;
    g->netpoll = &p.netpoll();
    p.live_.Add(g);
    p.Queue(g);
    return handle;
  }
  g->netpoll = netpoll_.get();
  if (!AddLive(g)) {
    // The threads have gone, or are about to: nobody would run it. `task` dies with this call.
    g->state.store(G::kCancel | G::kDone, std::memory_order_release);
    g->Unref();
    return handle;
  }
  g->resume = task.Release();
  machine.sampler.MarkReady(g->ready_at);
  QueueStealing(g, /*front=*/true);
  return handle;
}

// Into the list of the P that we run on. False: the pool has finished.
bool Pool::AddLive(G* g) {
  LiveList& list = ListHere();
  g->live = &list;
  SyncGuard guard(list.lock);
  if (!list.head() && !count_.Enter()) return false;
  // Under the lock: either Stop() finds the G in the list, or we see that it is stopping.
  if (count_.stopping()) g->state.store(G::kCancel, std::memory_order_relaxed);
  list.Add(g);
  return true;
}

// Other threads share the relief's. A P that is just being taken from us will do: it has a lock.
LiveList& Pool::ListHere() {
  Processor* p = machine.p;
  return p && &p->pool() == this ? p->live_ : relief_->live_;
}

template <typename Visit>
void Pool::EachLiveList(Visit visit) const {
  for (auto& p : processors_) visit(p->live_);
  if (relief_) visit(relief_->live_);
}

void Pool::SetBell(std::shared_ptr<SysmonBell> bell) {
  OUTRIGGER_CHECK(bell_kept_ == nullptr);  // one monitor in a pool's life
  bell_kept_ = std::move(bell);
  bell_.store(bell_kept_.get(), std::memory_order_release);
}

// Whether every P sleeps, or has ended.
bool Pool::Asleep() const {
  if (options_.policy == Policy::kStealing) {
    return ended_.load() ||
           (idle_.load() == active_.load() && without_p_.load() == 0 && !relief_on_.load());
  }
  return std::all_of(processors_.begin(), processors_.end(),
                     [](const auto& p) { return p->sleeping_.load(); });
}

int Pool::idle() const {
  if (options_.policy == Policy::kStealing) return idle_.load(std::memory_order_relaxed);
  return static_cast<int>(std::count_if(processors_.begin(), processors_.end(), [](const auto& p) {
    return p->sleeping_.load(std::memory_order_relaxed);
  }));
}

void Pool::ForEachStealingG(const std::function<void(const G&)>& visit) {
  EachLiveList([&](LiveList& list) {
    SyncGuard guard(list.lock);
    for (const G* g = list.head(); g; g = g->live_next) visit(*g);
  });
}

void Pool::ForEachGHere(const std::function<bool(const G&)>& visit) {
  OUTRIGGER_CHECK(&machine.p->pool() == this && machine.p->pinned());
  for (const G* g = machine.p->live_.head(); g && visit(*g); g = g->live_next) {
  }
}

int64_t Pool::live() const {
  int64_t sum = 0;
  EachLiveList([&sum](const LiveList& list) { sum += list.size(); });
  return sum;
}

// Everybody looks at Finished() again: what they read is stored before.
void Pool::WakeAll() {
  for (auto& p : processors_) {
    p->parked_.store(0);
    p->parked_.notify_all();
  }
  WakeSpares();
  netpoll_->Wakeup();
}

void Pool::FinishG(G* g, bool panicked) {
  if (panicked) {
    // Any P's will do for an M that has none.
    Processor& p = machine.p ? *machine.p : processor(0);
    p.stats().panics.fetch_add(1, std::memory_order_relaxed);
    OUTRIGGER_LOG(kCritical, "scheduler", "task \"%s\" panicked and was ended", g->name);
  }
  bool last = false;  // of a pool that stops
  {
    LiveGuard guard(*g);
    if (g->confined()) {
      g->home->live_.Remove(g);
    } else {
      g->live->Remove(g);
      last = !g->live->head() && count_.Leave();
    }
    g->MarkDone();
    if (g->joiner) g->joiner->TryWake(Wake::kReady);
  }
  g->Unref();
  if (last) WakeAll();
}

Pool::LiveGuard::LiveGuard(G& g) : lock_(g.confined() ? nullptr : &g.live->lock) {
  if (lock_) lock_->Lock();
}

Pool::LiveGuard::~LiveGuard() {
  if (lock_) lock_->Unlock();
}

bool Pool::Post(int id, std::function<void()> item) {
  Processor& p = processor(id);
  if (!p.mailbox_.Push(std::move(item))) return false;
  // seq_cst pair with PinnedLoop: it stores sleeping_, then looks at pending().
  if (p.sleeping_.load()) p.netpoll().Wakeup();
  return true;
}

void Pool::PinnedLoop(Processor& p) {
  while (true) {
    for (int budget = kTurnBudget; budget > 0; --budget) {
      G* g = p.local_.Pop();
      if (!g) break;
      RunG(g);
    }
    p.RunHooks();
    if (p.mailbox_.pending()) {
      for (auto& item : p.mailbox_.TakeAll()) item();
    }
    if (count_.stopping()) {
      // An item that was taken runs; the next Push() says no.
      if (!p.live_.head() && !p.hooks_ && p.mailbox_.CloseIfEmpty()) break;
      CancelAll(p);
    }
    const bool idle = p.local_.empty() && p.hooks_ == nullptr;
    if (idle) p.sleeping_.store(true);
    p.netpoll().Poll(/*block=*/idle && !p.mailbox_.pending());
    p.sleeping_.store(false, std::memory_order_relaxed);
    // Also if it did not block after all: sysmon may have seen it asleep.
    if (idle) NotifySysmon();
    ProcessorStats& stats = p.stats();
    stats.polls.store(stats.polls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  p.sleeping_.store(true);  // for good
}

void Pool::CancelAll(Processor& p) {
  for (G* g = p.live_.head(); g; g = g->live_next) {
    if (!g->cancelled()) g->Cancel();
  }
}

void Pool::Stop() {
  if (ended_.load()) return;
  count_.Stop();
  if (options_.policy == Policy::kPinned) {
    for (auto& p : processors_) p->netpoll().Wakeup();
  } else {
    // A G found here cannot be freed before it leaves the list, for which it needs the lock; a
    // Cancel() only queues.
    EachLiveList([](LiveList& list) {
      SyncGuard guard(list.lock);
      for (G* g = list.head(); g; g = g->live_next) g->Cancel();
    });
    WakeAll();
  }
  for (std::thread& thread : threads_) thread.join();
  JoinMachines();
  ended_.store(true);
}

bool JoinHandle::JoinWait::await_suspend(std::coroutine_handle<> self) {
  G* g = machine.g;
  if (!g->BeginWait("join")) {
    result_ = Wake::kCancelled;
    return false;
  }
  OUTRIGGER_CHECK(g->home == target_->home);
  waited_ = true;
  g->resume = self;
  {
    Pool::LiveGuard guard(*target_);
    OUTRIGGER_CHECK(target_->joiner == nullptr);
    target_->joiner = g;
    if (target_->done()) g->TryWake(Wake::kReady);
  }
  return g->CommitWait();
}

Wake JoinHandle::JoinWait::await_resume() {
  if (!waited_) return result_;
  Pool::LiveGuard guard(*target_);
  target_->joiner = nullptr;
  return machine.g->FinishWait();
}

Pool& CurrentPool() { return machine.g ? *machine.g->pool : machine.p->pool(); }

JoinHandle Go(const char* name, Task<void> task) { return CurrentPool().Go(name, std::move(task)); }

}  // namespace outrigger::scheduler
