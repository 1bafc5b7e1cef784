// filter.h: what an HTTP filter is, and what it sees of a request.
// Flow: connection, route found -> [filters, first to last] -> router -> upstream; an answer, also
// one made here, passes them last to first. Who calls them is chain.h; which there are is all.h.
// A filter knows no proto (its config.cc does) and no other filter.
#pragma once

#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

#include "proxy/access_log/record.h"
#include "proxy/codec/http/stream.h"
#include "proxy/connection/local_reply.h"
#include "proxy/router/selection.h"
#include "proxy/snapshot/filters.h"
#include "proxy/stats/stats.h"
#include "proxy/worker/random.h"
#include "scheduler/scheduler.h"

namespace outrigger::proxy {

class FilterStream;

enum class FilterVerdict : uint8_t {
  kContinue,
  kReply,  // FilterStream::reply is the answer; no filter behind this one sees the request
  kWait,   // of OnRequest() alone: ask Wait()
  kOver,   // of Wait() alone: the request ended meanwhile
};

// A body on its way through one filter, and the trailers behind it.
struct BodyFlow {
  // What a filter leaves here is offered again when more comes, or when FilterStream::event is set;
  // meanwhile it holds the sender back.
  SliceQueue& from;
  SliceQueue& to;
  Headers& trailers;
  bool end;  // `from` holds the last bytes; then come the trailers, if they are not empty
};

// Runs on: workers; made on the control side. Owner: the listener in the snapshot.
// Thread-safety: immutable, shared by all workers; what belongs to a request is FilterState.
class Filter {
 public:
  virtual ~Filter() = default;

  // The request is complete but for its body, and its route is known (or there is none).
  virtual FilterVerdict OnRequest(FilterStream&) const { return FilterVerdict::kContinue; }
  // After kWait: a coroutine, in which a filter waits for what it needs.
  virtual scheduler::Task<FilterVerdict> Wait(FilterStream& stream) const;
  // Only where OnRequest() called WantRequestBody().
  virtual void OnRequestBody(FilterStream&, BodyFlow&) const {}
  // The upstream's answer or a local reply, before what the proxy itself adds. Sees also answers to
  // requests that this filter never saw.
  virtual void OnResponse(FilterStream&) const {}
  // Only where this filter called WantResponseBody(). Not for local replies.
  virtual void OnResponseBody(FilterStream&, BodyFlow&) const {}
};

// What a filter keeps for one request; its destructor gives back what it took.
// Owner: the stream's arena. Thread-safety: confined.
struct FilterState {
  virtual ~FilterState() = default;
};

// One request as its filters see it. What is reached by reference may be changed.
//
// Runs on: worker, in the request's coroutine. Owner: ChainRun. Thread-safety: confined.
class FilterStream {
 public:
  // What a request's chain works with; all of it outlives the run.
  struct Parts {
    Stream& down;
    const Selection& selection;
    scheduler::Signal& event;  // what the request's coroutine waits for
    scheduler::Netpoll& netpoll;
    StatSlab& stats;
    Random& random;
    const ErrorCode& timeout;  // kNone until a limit of the request's time has passed
    AccessRecord& record;      // for its flags
    Headers& reply_headers;    // of a local reply
  };

  explicit FilterStream(const Parts& parts)
      : selection(parts.selection),
        event(parts.event),
        netpoll(parts.netpoll),
        stats(parts.stats),
        random(parts.random),
        timeout(parts.timeout),
        record(parts.record),
        reply_headers(parts.reply_headers),
        down_(parts.down) {}

  const Selection& selection;
  scheduler::Signal& event;
  scheduler::Netpoll& netpoll;
  StatSlab& stats;
  Random& random;
  const ErrorCode& timeout;
  AccessRecord& record;
  Headers& reply_headers;
  Headers* response = nullptr;  // from OnResponse() on
  LocalReply reply;             // for kReply

  Headers& request() { return down_.headers; }
  Arena& arena() { return down_.arena; }
  // Nothing that a filter says is of use any more.
  bool over() const { return timeout != ErrorCode::kNone || down_.error; }

  // What the route sets for this filter; null: nothing.
  template <typename Settings>
  const Settings* settings() const {
    return static_cast<const Settings*>(slots_[current_].settings);
  }
  // What this filter keeps for this request; null: nothing yet.
  template <typename State>
  State* state() const {
    return static_cast<State*>(slots_[current_].state);
  }
  // At most once a request and filter.
  template <typename State, typename... Args>
  State& MakeState(Args&&... args) {
    void* memory = arena().Alloc(sizeof(State), alignof(State));
    State* made = new (memory) State(std::forward<Args>(args)...);
    slots_[current_].state = made;
    return *made;
  }
  void WantRequestBody() { Want(slots_[current_].request_out, wants_request_body_); }
  void WantResponseBody() { Want(slots_[current_].response_out, wants_response_body_); }

  // For Wait(): true once `deadline` has come, false if the request is over before that.
  scheduler::Task<bool> SleepUntil(scheduler::Nanos deadline);

 protected:
  // Of one filter of the chain.
  struct Slot {
    FilterState* state = nullptr;
    const FilterSettings* settings = nullptr;
    SliceQueue* request_out = nullptr;  // what came through it; null: it does not want the body
    SliceQueue* response_out = nullptr;
    bool disabled = false;
  };

  Stream& down_;
  Slot* slots_ = nullptr;
  size_t current_ = 0;  // the filter that runs
  bool wants_request_body_ = false;
  bool wants_response_body_ = false;

 private:
  void Want(SliceQueue*& out, bool& wants) {
    if (!out) out = new (arena().Alloc(sizeof(SliceQueue), alignof(SliceQueue))) SliceQueue;
    wants = true;
  }
};

// Wakes the request's coroutine at a moment; for a body that goes on later.
// Owner: a FilterState. Thread-safety: confined.
class EventTimer : private scheduler::Timer {
 public:
  explicit EventTimer(FilterStream& stream)
      : Timer([](Timer& timer) { static_cast<EventTimer&>(timer).event_.Set(); }),
        netpoll_(stream.netpoll),
        event_(stream.event) {}
  ~EventTimer() { netpoll_.RemoveTimer(*this); }

  void Set(scheduler::Nanos deadline) { netpoll_.AddTimer(*this, deadline); }

 private:
  scheduler::Netpoll& netpoll_;
  scheduler::Signal& event_;
};

}  // namespace outrigger::proxy
