// once.h: Once, work that is done by the first who asks for it; the others wait until it is done.
#pragma once

#include <atomic>
#include <utility>

#include "scheduler/sync/event.h"
#include "scheduler/task.h"

namespace outrigger::scheduler {

// Done when the work has ended, however it ended: a panic comes out of the first Do() alone.
//
// Owner: whoever outlives all its users. Thread-safety: any G of stealing pools; in a pinned pool,
// Gs of one P.
class Once {
 public:
  // `make` gives the Task<> to run, and is called at most once. kReady: it has been done.
  template <typename MakeTask>
  Task<Wake> Do(MakeTask make, Nanos deadline = kNever) {
    // acq_rel: of those who come together one sees false; the others learn more from done_.
    if (!begun_.exchange(true, std::memory_order_acq_rel)) {
      AtEnd at_end{done_};
      co_await make();
      co_return Wake::kReady;
    }
    if (deadline == kNever) co_return co_await done_.Wait();
    co_return co_await done_.Wait(deadline);
  }
  bool done() { return done_.is_set(); }

 private:
  struct AtEnd {
    Event& done;
    ~AtEnd() { done.Set(); }
  };
  std::atomic<bool> begun_{false};
  Event done_;
};

}  // namespace outrigger::scheduler
