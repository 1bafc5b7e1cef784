// What a G of the soak does: some steps, each one of all that the scheduler offers. A step that
// needs a partner who must not be missed spawns it, and shares what both use by a shared_ptr, since
// either may be cancelled, and gone, before the other.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "scheduler/base/check.h"
#include "scheduler/sync/select.h"
#include "scheduler/sync/task_scope.h"
#include "scheduler/sync/wait_group.h"
#include "tests/soak/world.h"

namespace outrigger::scheduler {
namespace {

Task<> Work(World& world, Ticket& ticket, FrameMark frame, uint64_t seed, int depth);

// Of the ticket: the G is inside of its body.
class Life {
 public:
  Life(World& world, Ticket& ticket) : world_(world), ticket_(ticket) {
    if (ticket.begun.fetch_add(1) != 0) world.Fault("a G began twice");
    world.Step();
  }
  ~Life() {
    if (ticket_.ended.fetch_add(1) != 0) world_.Fault("a G ended twice");
    world_.Step();
  }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

 private:
  World& world_;
  Ticket& ticket_;
};

JoinHandle SpawnOn(World& world, size_t pool, const char* name, Ticket& ticket, Task<> task) {
  JoinHandle handle = world.pools[pool]->Go(name, std::move(task));
  ticket.done_at_return = handle.done();
  ticket.must_run = !world.stopping[pool].load();
  return handle;
}

size_t AnyPool(World& world, Random& random) { return random.Below(world.pools.size()); }

// The pool that the G runs on, mostly.
size_t PoolFor(World& world, Random& random) {
  if (random.OneIn(4)) return AnyPool(world, random);
  const auto at = std::find(world.pools.begin(), world.pools.end(), &CurrentPool());
  return static_cast<size_t>(at - world.pools.begin());
}

// How long a wait may take for what perhaps nobody will do.
Nanos Patience(World& world, Random& random) {
  if (!world.bounded && random.OneIn(3)) return kNever;
  return MonotonicNow() + random.Between(-10'000, 1'500'000);
}

Task<> Rest(World& world, Random& random) {
  const FrameMark mark(world);
  switch (random.Below(3)) {
    case 0:
      co_await Sleep(random.Between(0, 300'000));
      break;
    case 1:
      co_await SleepUntil(MonotonicNow() - 1000);
      break;
    default:
      for (uint64_t left = random.Below(20); left > 0; --left) co_await Yield();
  }
}

// Longer than its slice, at times; bounded by what the round may burn.
void Hog(World& world, Random& random) {
  const Nanos most = 3 * CurrentPool().slice();
  const Nanos duration = random.OneIn(4) ? most : random.Between(0, most / 2);
  if (world.hog_left.fetch_sub(duration) < duration) return;
  for (const Nanos end = MonotonicNow() + duration; MonotonicNow() < end;) {
  }
}

void Block(Random& random) {
  const timespec duration{.tv_sec = 0, .tv_nsec = random.Between(0, 700'000)};
  Blocking([&duration] { return ppoll(nullptr, 0, &duration, nullptr); });
}

void NoteSent(World& world, int64_t value) {
  world.sent.fetch_add(1);
  world.sent_sum.fetch_add(value);
}
void NoteReceived(World& world, int64_t value) {
  world.received.fetch_add(1);
  world.received_sum.fetch_add(value);
}

Channel<int64_t>& AnyChannel(World& world, Random& random) {
  return world.channels[random.Below(World::kChannels)];
}

Task<> Talk(World& world, Random& random) {
  const FrameMark mark(world);
  Channel<int64_t>& channel = AnyChannel(world, random);
  const Nanos deadline = Patience(world, random);
  int64_t value = random.Between(1, 1000);
  switch (random.Below(4)) {
    case 0: {
      const Wake sent = co_await channel.Send(value, deadline);
      if (sent == Wake::kReady) NoteSent(world, value);
      break;
    }
    case 1: {
      const Received<int64_t> got = co_await channel.Receive(deadline);
      if (got.has_value() != (got.wake == Wake::kReady)) world.Fault("a receive without a value");
      if (got) NoteReceived(world, *got);
      break;
    }
    case 2: {
      const int64_t sent = value;
      if (channel.TrySend(std::move(value))) NoteSent(world, sent);
      break;
    }
    default:
      if (const std::optional<int64_t> got = channel.TryReceive()) NoteReceived(world, *got);
  }
}

Task<> Choose(World& world, Random& random) {
  const FrameMark mark(world);
  const int64_t value = random.Between(1, 1000);
  ReceiveCase<int64_t> first(AnyChannel(world, random)), second(AnyChannel(world, random));
  SendCase<int64_t> put(AnyChannel(world, random), value);
  Selected which;
  if (random.OneIn(5)) {
    which = TrySelect(first, second, put);
  } else {
    which = co_await SelectUntil(Patience(world, random), first, second, put);
  }
  if (which.index < 0) co_return;
  if (which.wake != Wake::kReady) world.Fault("a select took what nobody closed for closed");
  if (which.index == 2) {
    NoteSent(world, value);
    co_return;
  }
  const std::optional<int64_t>& got = which.index == 0 ? first.value() : second.value();
  if (!got) world.Fault("a select received no value");
  if (got) NoteReceived(world, *got);
}

Task<> LockAndCount(World& world, Random& random) {
  const FrameMark mark(world);
  Guarded& guarded = world.guarded[random.Below(2)];
  Wake locked = Wake::kReady;
  switch (random.Below(3)) {
    case 0:
      if (!guarded.mutex.TryLock()) co_return;
      break;
    case 1:
      locked = co_await guarded.mutex.Lock(MonotonicNow() + random.Between(0, 300'000));
      break;
    default:
      locked = co_await guarded.mutex.Lock();  // who holds it lets go of it soon
  }
  if (locked != Wake::kReady) co_return;
  const AsyncMutexHold hold(guarded.mutex);
  if (std::exchange(guarded.inside, true)) world.Fault("two hold an AsyncMutex");
  if (random.OneIn(4)) co_await Yield();
  if (random.OneIn(16)) co_await Sleep(50'000);
  ++guarded.count;
  guarded.counted.fetch_add(1);
  if (!std::exchange(guarded.inside, false)) world.Fault("another was where an AsyncMutex is held");
}

Task<> PutOrTake(World& world, Random& random) {
  const FrameMark mark(world);
  Store& store = world.store;
  const Nanos deadline = Patience(world, random);
  const Wake locked = co_await store.mutex.Lock();
  if (locked != Wake::kReady) co_return;
  AsyncMutexHold hold(store.mutex);
  if (random.OneIn(2)) {
    store.values.push_back(random.Between(1, 1000));
    store.sum += store.values.back();
    store.not_empty.NotifyOne();
    co_return;
  }
  while (store.values.empty()) {
    const Wake wake = co_await store.not_empty.Wait(hold, deadline);
    if (hold.held() != (wake != Wake::kCancelled)) world.Fault("a condition's mutex went astray");
    if (wake != Wake::kReady) co_return;
  }
  store.sum -= store.values.front();
  store.values.pop_front();
}

Task<> UsePermits(World& world, Random& random) {
  const FrameMark mark(world);
  const int64_t n = random.Between(1, World::kPermits);
  const Nanos deadline = random.OneIn(2) ? kNever : Patience(world, random);
  const Wake wake = co_await world.permits.Acquire(n, deadline);
  if (wake != Wake::kReady) co_return;
  if (random.OneIn(4)) co_await Sleep(random.Between(0, 50'000));
  world.permits.Release(n);
}

Task<> Hear(World& world, Random& random) {
  const FrameMark mark(world);
  if (random.OneIn(2)) {
    world.told.fetch_add(1);
    world.news.Send(1);
    co_return;
  }
  auto subscriber = world.news.Subscribe();
  uint64_t heard = 0;
  for (int left = 3; left > 0; --left) {
    const Broadcast<int64_t>::News news = co_await subscriber.Next(Patience(world, random));
    if (!news) break;
    heard += 1 + news.missed;
  }
  if (heard > world.told.load()) world.Fault("a broadcast had more than was sent");
}

Task<> PassGate(World& world, Random& random) {
  const FrameMark mark(world);
  switch (random.Below(4)) {
    case 0:
      world.gate.Set();
      break;
    case 1:
      world.gate.Reset();
      break;
    default:
      co_await world.gate.Wait(Patience(world, random));
  }
}

// A descriptor that comes and goes while others poll; readable from the start, or never.
Task<> Listen(World& world, Random& random) {
  const FrameMark mark(world);
  const bool readable = random.OneIn(2);
  const int fd = eventfd(readable ? 1 : 0, EFD_NONBLOCK | EFD_CLOEXEC);
  OUTRIGGER_CHECK(fd >= 0);
  {
    PollFd poll(CurrentNetpoll(), fd);
    // The one that is readable needs no deadline.
    const Wake wake = co_await poll.Readable(readable ? kNever : MonotonicNow() + 100'000);
    if (wake == Wake::kTimeout && readable) world.Fault("a wait without a deadline timed out");
  }
  close(fd);
}

// Partners.

struct Pair {
  Channel<int64_t> there{0}, back{0};
};
// Whoever leaves, the other is told.
class CloseBoth {
 public:
  explicit CloseBoth(Pair& pair) : pair_(pair) {}
  ~CloseBoth() {
    pair_.there.Close();
    pair_.back.Close();
  }
  CloseBoth(const CloseBoth&) = delete;
  CloseBoth& operator=(const CloseBoth&) = delete;

 private:
  Pair& pair_;
};

Task<> Answer(World& world, Ticket& ticket, [[maybe_unused]] FrameMark frame,
              std::shared_ptr<Pair> pair) {
  const Life life(world, ticket);
  const CloseBoth close_both(*pair);
  while (true) {
    const Received<int64_t> got = co_await pair->there.Receive();
    if (!got) co_return;
    const Wake sent = co_await pair->back.Send(*got + 1);
    if (sent != Wake::kReady) co_return;
    world.Step();
  }
}

Task<> PingPong(World& world, Random& random) {
  const FrameMark mark(world);
  Ticket* ticket = world.NewTicket();
  if (!ticket) co_return;
  const auto pair = std::make_shared<Pair>();
  const JoinHandle child = SpawnOn(world, PoolFor(world, random), "answer", *ticket,
                                   Answer(world, *ticket, FrameMark(world), pair));
  if (child.done()) co_return;  // refused, or cancelled at once
  {
    const CloseBoth close_both(*pair);
    const int64_t n = random.Between(1, 50);
    for (int64_t i = 0; i < n; ++i) {
      const Wake sent = co_await pair->there.Send(i);
      if (sent != Wake::kReady) break;
      const Received<int64_t> got = co_await pair->back.Receive();
      if (!got) break;
      if (*got != i + 1) world.Fault("a ping-pong answer is wrong");
    }
  }
  co_await child.Join();
}

struct EventFd {
  EventFd() : fd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { OUTRIGGER_CHECK(fd >= 0); }
  ~EventFd() { close(fd); }
  void Write() const {
    const uint64_t one = 1;
    OUTRIGGER_CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
  }
  const int fd;
};

Task<> ReadAll(World& world, Ticket& ticket, [[maybe_unused]] FrameMark frame,
               std::shared_ptr<EventFd> event, uint64_t n) {
  const Life life(world, ticket);
  PollFd poll(CurrentNetpoll(), event->fd);
  for (uint64_t have = 0; have < n;) {
    uint64_t more = 0;
    if (read(event->fd, &more, sizeof(more)) == sizeof(more)) {
      have += more;
      continue;
    }
    OUTRIGGER_CHECK(errno == EAGAIN);
    const Wake wake = co_await poll.Readable();
    if (wake == Wake::kCancelled) co_return;
    world.Step();
  }
}

// Bytes that must arrive, each with an edge of its own.
Task<> Signalled(World& world, Random& random) {
  const FrameMark mark(world);
  Ticket* ticket = world.NewTicket();
  if (!ticket) co_return;
  const auto event = std::make_shared<EventFd>();
  const uint64_t n = 1 + random.Below(6);
  const JoinHandle child = SpawnOn(world, PoolFor(world, random), "read all", *ticket,
                                   ReadAll(world, *ticket, FrameMark(world), event, n));
  for (uint64_t i = 0; i < n; ++i) {
    if (random.OneIn(2)) co_await Sleep(random.Between(0, 60'000));
    event->Write();  // also where we are cancelled: the reader is not, for that
  }
  co_await child.Join();
}

class DoneAtEnd {
 public:
  explicit DoneAtEnd(WaitGroup& group) : group_(group) {}
  ~DoneAtEnd() { group_.Done(); }
  DoneAtEnd(const DoneAtEnd&) = delete;
  DoneAtEnd& operator=(const DoneAtEnd&) = delete;

 private:
  WaitGroup& group_;
};

Task<> Brief(World& world, Ticket& ticket, [[maybe_unused]] FrameMark frame,
             std::shared_ptr<WaitGroup> group, bool yields) {
  const Life life(world, ticket);
  const DoneAtEnd done(*group);
  if (yields) co_await Yield();
}

// So many at once, now and then, that a ring overflows.
Task<> Burst(World& world, Random& random) {
  const FrameMark mark(world);
  const auto group = std::make_shared<WaitGroup>();
  const bool yields = random.OneIn(2);
  for (uint64_t left = random.OneIn(8) ? 600 : 1 + random.Below(30); left > 0; --left) {
    Ticket* ticket = world.NewTicket();
    if (!ticket) break;
    group->Add(1);
    const JoinHandle child = SpawnOn(world, PoolFor(world, random), "brief", *ticket,
                                     Brief(world, *ticket, FrameMark(world), group, yields));
    // Refused by a pool that has stopped: it will never say so itself.
    if (child.done() && ticket->begun.load() == 0) group->Done();
  }
  co_await group->Wait();
}

Task<> Scoped(World& world, Random& random, int depth) {
  const FrameMark mark(world);
  std::vector<Ticket*> tickets;
  TaskScope scope;
  if (random.OneIn(2)) scope.CancelAt(MonotonicNow() + random.Between(-1000, 600'000));
  for (uint64_t left = random.Below(5); left > 0; --left) {
    Ticket* ticket = world.NewTicket();
    if (!ticket) break;
    tickets.push_back(ticket);
    ticket->must_run = true;  // a scope's child runs, whatever happens
    scope.Go("scoped", Work(world, *ticket, FrameMark(world), random.Next(), depth - 1));
    if (random.OneIn(8)) co_await Yield();
  }
  if (random.OneIn(4)) scope.Cancel();
  const TaskScope::End end = co_await scope.Join();
  bool panicked = false;
  for (const Ticket* ticket : tickets) {
    if (ticket->ended.load() != 1) world.Fault("a scope was joined before its child had ended");
    panicked |= ticket->panicked.load();
  }
  if (panicked != (end.panicked != nullptr)) world.Fault("a scope told a panic that was none");
  if (panicked && end.wake == Wake::kReady) world.Fault("a scope hid a panic");
}

[[noreturn]] void PanicNow(World& world, Ticket& ticket) {
  world.panics.fetch_add(1);
  ticket.panicked.store(true);
  throw Panic("soak");
}
Task<> PanicBelow(World& world, Ticket& ticket) {
  const FrameMark mark(world);
  co_await Yield();
  PanicNow(world, ticket);
}

Task<> JoinChild(World& world, Random& random, std::vector<JoinHandle>& children) {
  const FrameMark mark(world);
  std::swap(children[random.Below(children.size())], children.back());
  const JoinHandle child = std::move(children.back());
  children.pop_back();
  JoinHandle copy = child;
  // Who waits on a channel that nobody serves must be cancelled to be joined.
  if (!world.bounded || random.OneIn(3)) copy.Cancel();
  const Wake wake = co_await child.Join();
  if (!child.done() && wake != Wake::kCancelled) world.Fault("a join ended before its G");
}

Task<> Step(World& world, Ticket& ticket, Random& random, std::vector<JoinHandle>& children,
            int depth) {
  const FrameMark mark(world);
  world.Step();
  switch (random.Below(26)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      Ticket* child = depth > 0 ? world.NewTicket() : nullptr;
      if (!child) break;
      children.push_back(SpawnOn(world, PoolFor(world, random), "child", *child,
                                 Work(world, *child, FrameMark(world), random.Next(), depth - 1)));
      break;
    }
    case 4:
    case 5:
      if (!children.empty()) co_await JoinChild(world, random, children);
      break;
    case 6:
      if (!children.empty()) children[random.Below(children.size())].Cancel();
      break;
    case 7:
    case 8:
      co_await Rest(world, random);
      break;
    case 9:
      Hog(world, random);
      break;
    case 10:
      if (random.OneIn(4)) Block(random);
      break;
    case 11:
    case 12:
      co_await Talk(world, random);
      break;
    case 13:
    case 14:
      co_await Choose(world, random);
      break;
    case 15:
      co_await LockAndCount(world, random);
      break;
    case 16:
      co_await PutOrTake(world, random);
      break;
    case 17:
      co_await UsePermits(world, random);
      break;
    case 18:
      co_await Hear(world, random);
      break;
    case 19:
      co_await PassGate(world, random);
      break;
    case 20:
      co_await Listen(world, random);
      break;
    case 21:
      co_await PingPong(world, random);
      break;
    case 22:
      co_await Signalled(world, random);
      break;
    case 23:
      co_await Burst(world, random);
      break;
    case 24:
      if (depth > 0) co_await Scoped(world, random, depth);
      break;
    default:
      if (!random.OneIn(6)) break;
      if (random.OneIn(2)) PanicNow(world, ticket);
      co_await PanicBelow(world, ticket);
  }
}

Task<> Work(World& world, Ticket& ticket, [[maybe_unused]] FrameMark frame, uint64_t seed,
            int depth) {
  const Life life(world, ticket);
  Random random(seed);
  std::vector<JoinHandle> children;
  const uint64_t steps = 4 + random.Below(8);
  for (uint64_t i = 0; i < steps && !CurrentG()->cancelled(); ++i) {
    co_await Step(world, ticket, random, children, depth);
  }
}

}  // namespace

bool SpawnRoot(World& world, size_t pool, uint64_t seed, JoinHandle& handle) {
  Ticket* ticket = world.NewTicket();
  if (!ticket) return false;
  handle = SpawnOn(world, pool, "root", *ticket, Work(world, *ticket, FrameMark(world), seed, 4));
  return true;
}

}  // namespace outrigger::scheduler
