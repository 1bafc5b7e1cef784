#include "proxy/filters/chain.h"

#include <memory>

namespace outrigger::proxy {

ChainRun::ChainRun(const FilterChain& chain, const Parts& parts)
    : FilterStream(parts), chain_(chain) {
  slots_ = static_cast<Slot*>(arena().Alloc(chain.size() * sizeof(Slot), alignof(Slot)));
  const FilterOverrides* overrides = nullptr;
  if (selection.weighted) {
    overrides = selection.weighted->filters.get();
  } else if (selection.route) {
    overrides = selection.route->filters.get();
  }
  for (size_t i = 0; i < chain.size(); ++i) {
    Slot& slot = *new (&slots_[i]) Slot{.disabled = chain[i].disabled};
    if (!overrides) continue;
    for (const FilterOverride& entry : *overrides) {
      if (entry.name != chain[i].name) continue;
      slot.disabled = entry.disabled;
      if (entry.settings && &entry.settings->kind == chain[i].kind) {
        slot.settings = entry.settings.get();
      }
    }
  }
}

ChainRun::~ChainRun() {
  for (size_t i = 0; i < chain_.size(); ++i) {
    if (slots_[i].state) std::destroy_at(slots_[i].state);
    if (slots_[i].request_out) std::destroy_at(slots_[i].request_out);
    if (slots_[i].response_out) std::destroy_at(slots_[i].response_out);
  }
}

FilterVerdict ChainRun::OnRequest() {
  for (; current_ < chain_.size(); ++current_) {
    if (slots_[current_].disabled) continue;
    const FilterVerdict verdict = chain_[current_].filter->OnRequest(*this);
    if (verdict != FilterVerdict::kContinue) return verdict;
  }
  return FilterVerdict::kContinue;
}

scheduler::Task<FilterVerdict> ChainRun::Finish(ChainRun& run) {
  FilterVerdict verdict = FilterVerdict::kWait;
  while (verdict == FilterVerdict::kWait) {
    verdict = co_await run.chain_[run.current_].filter->Wait(run);
    if (verdict != FilterVerdict::kContinue) break;
    ++run.current_;
    verdict = run.OnRequest();
  }
  co_return run.over() ? FilterVerdict::kOver : verdict;
}

void ChainRun::OnResponse(Headers& headers) {
  response = &headers;
  for (current_ = chain_.size(); current_-- > 0;) {
    if (!slots_[current_].disabled) chain_[current_].filter->OnResponse(*this);
  }
}

const SliceQueue* ChainRun::LastOut(bool response) const {
  const SliceQueue* last = nullptr;
  for (size_t i = 0; i < chain_.size(); ++i) {
    const Slot& slot = slots_[response ? chain_.size() - 1 - i : i];
    if (const SliceQueue* out = response ? slot.response_out : slot.request_out) last = out;
  }
  return last;
}

ChainRun::Passed ChainRun::PassBody(Stream& from, bool response) {
  const size_t before = from.body.bytes();
  SliceQueue* queue;
  SliceQueue* full;  // of a filter that was passed over
  const SliceQueue* last = LastOut(response);
  bool end;
  do {
    queue = &from.body;
    end = from.end_received;
    full = nullptr;
    for (size_t i = 0; i < chain_.size(); ++i) {
      current_ = response ? chain_.size() - 1 - i : i;
      SliceQueue* out = response ? slots_[current_].response_out : slots_[current_].request_out;
      if (!out) continue;
      if (out != last && out->bytes() >= kMostBetween) {
        full = out;
        end = false;
      } else {
        BodyFlow flow{*queue, *out, from.trailers, end};
        const Filter& filter = *chain_[current_].filter;
        response ? filter.OnResponseBody(*this, flow) : filter.OnRequestBody(*this, flow);
        end = end && queue->empty();
      }
      queue = out;
    }
    // The next one has taken what was in the way: once more.
  } while (full && full->bytes() < kMostBetween);
  from.Consume(before - from.body.bytes());
  return {*queue, end};
}

}  // namespace outrigger::proxy
