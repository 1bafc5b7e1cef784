#include "scheduler/trace/coroutine_dump.h"

#include <future>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "scheduler/pool.h"
#include "scheduler/trace/await_chain.h"
#include "scheduler/trace/function_name.h"
#include "scheduler/trace/hold.h"

namespace outrigger::scheduler {
namespace {

// What is copied under the lock; all that takes longer comes after it.
struct Seen {
  const G* g;  // its address alone: it may be gone
  const char* name;
  const char* reason;
  uint32_t state;
  std::vector<const void*> chain;
};

Seen Look(const G& g) {
  Seen seen{&g,
            g.name,
            g.wait_reason.load(std::memory_order_relaxed),
            g.state.load(std::memory_order_relaxed),
            {}};
  // The list lends its Gs for looks; a hold is none that the G, or anybody who wakes it, notices.
  G& held = const_cast<G&>(g);
  if (TryHold(held)) {
    // Of the same wait as the chain, whatever it did before.
    seen.reason = g.wait_reason.load(std::memory_order_relaxed);
    seen.state = G::kParked | (g.state.load(std::memory_order_relaxed) & G::kCancel);
    seen.chain = AwaitChain(g.resume);
    LetGo(held);
  }
  return seen;
}

std::string StatusOf(const Seen& seen) {
  const uint32_t phase = seen.state & G::kPhaseMask;
  const bool waits = phase == G::kParked || phase == G::kPreparing;
  return absl::StrCat(waits ? seen.reason : "runnable or running",
                      seen.state & G::kCancel ? ", cancelled" : "");
}

void Append(std::string& out, const std::vector<Seen>& all) {
  std::map<const void*, std::string> names;  // most wait at the same few places
  for (const Seen& seen : all) {
    absl::StrAppendFormat(&out, "\ncoroutine %s %p [%s]:\n", seen.name, seen.g, StatusOf(seen));
    for (const void* function : seen.chain) {
      std::string& name = names[function];
      if (name.empty()) name = FunctionName(function);
      absl::StrAppend(&out, "\t", name, "\n");
    }
    if (seen.chain.size() == kLongestChain) out += "\t...\n";
  }
}

const char* RunningOn(Pool& pool, int id) {
  const char* running = pool.processor(id).stats().running.load(std::memory_order_relaxed);
  return running ? running : "nothing";
}

using Answer = std::promise<std::vector<Seen>>;

// Null: the P takes no question.
std::shared_ptr<Answer> AskPinned(Pool& pool, int id) {
  auto answer = std::make_shared<Answer>();
  // Whoever asked may have gone, and then nobody is to work for him.
  const bool asked = pool.Post(id, [weak = std::weak_ptr(answer), &pool] {
    const std::shared_ptr<Answer> to = weak.lock();
    if (!to) return;
    std::vector<Seen> all;
    pool.ForEachGHere([&all](const G& g) {
      all.push_back(Look(g));
      return all.size() < kMostOfAPinnedP;
    });
    to->set_value(std::move(all));
  });
  return asked ? answer : nullptr;
}

void AppendPinned(std::string& out, Pool& pool) {
  std::vector<std::shared_ptr<Answer>> answers;
  for (int id = 0; id < pool.procs(); ++id) answers.push_back(AskPinned(pool, id));
  const auto deadline = std::chrono::steady_clock::now() + kAnswerTime;  // of all
  for (int id = 0; id < pool.procs(); ++id) {
    const std::shared_ptr<Answer> answer = std::move(answers[static_cast<size_t>(id)]);
    if (!answer) {
      absl::StrAppendFormat(&out, "P%d takes no questions: its mailbox is full, or it has ended\n",
                            id);
      continue;
    }
    std::future<std::vector<Seen>> answered = answer->get_future();
    const auto status = Blocking([&] { return answered.wait_until(deadline); });
    if (status != std::future_status::ready) {
      absl::StrAppendFormat(&out, "P%d did not answer within %d ms: it runs %s\n", id,
                            kAnswerTime.count(), RunningOn(pool, id));
      continue;
    }
    const std::vector<Seen> all = answered.get();
    absl::StrAppendFormat(&out, "\nof P%d, %d:\n", id, all.size());
    Append(out, all);
  }
}

}  // namespace

std::string DumpCoroutines(Pool& pool) {
  std::string out = absl::StrFormat("pool %s: %d coroutines\n", pool.name(), pool.live());
  for (int id = 0; id < pool.procs(); ++id) {
    absl::StrAppendFormat(&out, "P%d runs %s\n", id, RunningOn(pool, id));
  }
  if (pool.policy() == Policy::kPinned) {
    AppendPinned(out, pool);
    return out;
  }
  for (int id = 0; id < pool.machines(); ++id) {
    if (const char* running = pool.cell(id).running.load(std::memory_order_relaxed)) {
      absl::StrAppendFormat(&out, "M%d without a P runs %s\n", id, running);
    }
  }
  std::vector<Seen> all;
  pool.ForEachStealingG([&](const G& g) { all.push_back(Look(g)); });
  Append(out, all);
  return out;
}

}  // namespace outrigger::scheduler
