// filter_test.h: a request as filters see it, made by hand, for tests of filters and of their
// chain.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/filters/chain.h"
#include "proxy/filters/filter_kind.h"

namespace outrigger::proxy {

// Counts what is consumed; sends nothing.
struct FakeStream final : Stream {
  void SendInformational(int) override {}
  void SendHeaders(const Headers&, bool) override {}
  void SendData(SliceQueue&, bool) override {}
  void SendTrailers(const Headers&) override {}
  void Reset(ErrorCode) override {}
  size_t send_buffered() const override { return 0; }
  void Consume(size_t bytes) override { consumed += bytes; }
  int http_version() const override { return 20; }
  void Release() override {}
  size_t consumed = 0;
};

inline std::string TextOf(const SliceQueue& queue) {
  std::string text;
  for (const Slice& slice : queue) text += slice.view();
  return text;
}

inline std::string TextOf(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

// A request, and its run through a chain once Start() was called.
class FilterRequest {
 public:
  FilterRequest(scheduler::Netpoll& netpoll, StatSlab& stats) : netpoll_(netpoll), stats_(stats) {
    down.SetObserver(&event);
  }
  ~FilterRequest() { End(); }

  ChainRun& Start(const FilterChain& chain) {
    End();
    chain_ = chain;
    run_ = ChainRun::Make(chain_, {.down = down,
                                   .selection = selection,
                                   .event = event,
                                   .netpoll = netpoll_,
                                   .stats = stats_,
                                   .random = random,
                                   .timeout = timeout,
                                   .record = record,
                                   .reply_headers = reply_headers});
    return *run_;
  }
  // After Start().
  FilterStream& stream() { return *run_; }
  void End() {
    if (run_) std::destroy_at(std::exchange(run_, nullptr));
  }
  // What the route says of filter 0.
  void Override(FilterOverride entry) {
    route.filters = std::make_shared<FilterOverrides>(FilterOverrides{std::move(entry)});
  }
  std::string flags() const { return record.flags.ToShort(); }

  FakeStream down;
  FakeStream up;
  scheduler::Signal event;
  Random random{0};
  ErrorCode timeout = ErrorCode::kNone;
  AccessRecord record;
  Headers reply_headers{down.arena};
  Route route;
  Selection selection{.route = &route};

 private:
  scheduler::Netpoll& netpoll_;
  StatSlab& stats_;
  FilterChain chain_;
  ChainRun* run_ = nullptr;
};

// Filter `name`, of `kind`.
inline ChainedFilter Chained(std::shared_ptr<const Filter> filter, FilterName name = 0,
                             const FilterKind* kind = nullptr) {
  return {.name = name, .kind = kind, .filter = std::move(filter)};
}

class FilterTest : public ::testing::Test {
 protected:
  ~FilterTest() override { registry_.Retire(&slab_); }
  template <typename Stat>
  auto Get(Stat stat) const {
    return registry_.Sum(stat);
  }

  StatRegistry registry_;
  StatSlab& slab_ = *registry_.NewSlab();
  scheduler::Netpoll netpoll_{/*shared=*/false};
};

}  // namespace outrigger::proxy
