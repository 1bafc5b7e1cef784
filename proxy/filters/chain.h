// chain.h: one request's run through its listener's filters, in both directions. The connection
// calls it at the four places where filters act; a listener without filters has no run at all.
#pragma once

#include "proxy/filters/filter.h"

namespace outrigger::proxy {

// Runs on: worker, in the request's coroutine. Owner: the exchange, in its stream's arena.
// Thread-safety: confined.
class ChainRun final : public FilterStream {
 public:
  // Null for an empty chain. To be destroyed before the stream is released. `chain` and what is
  // selected outlive the run.
  static ChainRun* Make(const FilterChain& chain, const Parts& parts) {
    if (chain.empty()) return nullptr;
    return new (parts.down.arena.Alloc(sizeof(ChainRun), alignof(ChainRun))) ChainRun(chain, parts);
  }
  ChainRun(const FilterChain& chain, const Parts& parts);
  ~ChainRun();

  // First to last, until one does not say kContinue.
  FilterVerdict OnRequest();
  // After kWait: waits, and goes on with the filters behind. Never kWait.
  static scheduler::Task<FilterVerdict> Finish(ChainRun& run);
  // Last to first.
  void OnResponse(Headers& headers);

  bool wants_request_body() const { return wants_request_body_; }
  bool wants_response_body() const { return wants_response_body_; }
  // What came through: to be taken out. `end`: nothing follows but the trailers.
  struct Passed {
    SliceQueue& body;
    bool end;
  };
  // Takes of `from`, the stream's body, what the filters let through. First to last, or last to
  // first.
  Passed OnRequestBody(Stream& from) { return PassBody(from, /*response=*/false); }
  Passed OnResponseBody(Stream& from) { return PassBody(from, /*response=*/true); }

 private:
  Passed PassBody(Stream& from, bool response);
  // What the exchange takes: whoever fills it is not to wait.
  const SliceQueue* LastOut(bool response) const;

  // What a filter has let through and the next one has not taken; then the former has to wait.
  static constexpr size_t kMostBetween = 64 << 10;

  const FilterChain& chain_;
};

}  // namespace outrigger::proxy
