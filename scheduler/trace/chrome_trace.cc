#include "scheduler/trace/chrome_trace.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "scheduler/base/check.h"
#include "scheduler/base/json_text.h"

namespace outrigger::scheduler {
namespace {

struct Shape {
  const char* label;
  const char* number;  // what the number is; null: there is none
};

Shape ShapeOf(FlightEvent event) {
  switch (event) {
    case FlightEvent::kRun:
      return {"run", nullptr};
    case FlightEvent::kRunEnd:
      return {"run end", nullptr};
    case FlightEvent::kPoll:
      return {"poll", nullptr};
    case FlightEvent::kSteal:
      return {"steal", "from_p"};
    case FlightEvent::kPark:
      return {"park", "in_poll"};
    case FlightEvent::kHandOff:
      return {"hand-off", "to_m"};
    case FlightEvent::kWake:
      return {"wake", "p"};
    case FlightEvent::kTimer:
      return {"timer", "fired"};
    case FlightEvent::kAsk:
      return {"ask", "p"};
    case FlightEvent::kHandOffUndone:
      return {"hand-off undone", "p"};
    case FlightEvent::kSetBack:
      return {"set back", "m"};
    case FlightEvent::kCameHome:
      return {"came home", "from_m"};
    case FlightEvent::kMachineStart:
      return {"machine start", "m"};
    case FlightEvent::kMachineEnd:
      return {"machine end", "m"};
    case FlightEvent::kResize:
      return {"resize", "procs"};
    case FlightEvent::kRelief:
      return {"relief", "m"};
  }
  return {"unknown", "number"};
}

bool EndsRun(FlightEvent event) { return event <= FlightEvent::kHandOff; }

// When each of `events` was. Never goes back: two CPUs' counters may be a little apart.
std::vector<Nanos> TimesOf(const std::vector<RecordedEvent>& events, const TickScale& scale,
                           Nanos end) {
  std::vector<Nanos> times;
  times.reserve(events.size());
  for (const RecordedEvent& event : events) {
    const Nanos at = scale.At(event.ticks);
    times.push_back(times.empty() ? at : std::max(at, times.back()));
  }
  for (size_t i = 1; i < times.size();) {
    // From the one that has the time to the next that has another.
    const size_t known = i - 1;
    while (i < times.size() && !events[i].exact && times[i] == times[known]) ++i;
    const Nanos next = i < times.size() ? times[i] : std::max(end, times[known]);
    const Nanos parts = static_cast<Nanos>(i - known);
    for (size_t k = known + 1; k < i; ++k) {
      times[k] = times[known] + (next - times[known]) * static_cast<Nanos>(k - known) / parts;
    }
    ++i;
  }
  return times;
}

// Writes the array, an event a line.
class EventArray {
 public:
  // `kind` is the format's "ph"; fields and the closing brace follow.
  void Begin(char kind, int pid, int tid, std::string_view name) {
    out_ += separator_;
    separator_ = ",\n";
    absl::StrAppendFormat(&out_, R"({"ph":"%c","pid":%d,"tid":%d,"name":)", kind, pid, tid);
    AppendJsonString(out_, name);
  }
  // Microseconds with all their nanoseconds: a double would round them.
  void Time(const char* key, Nanos nanos) {
    absl::StrAppendFormat(&out_, R"(,"%s":%d.%03d)", key, nanos / 1000, nanos % 1000);
  }
  void Raw(std::string_view text) { out_ += text; }
  void End() { out_ += '}'; }

  void NameOf(const char* what, int pid, int tid, std::string_view name) {
    Begin('M', pid, tid, what);
    out_ += R"(,"args":{"name":)";
    AppendJsonString(out_, name);
    out_ += "}}";
  }

  void Mark(int pid, int tid, const RecordedEvent& event, Nanos at) {
    const Shape shape = ShapeOf(event.event);
    Begin('i', pid, tid, shape.label);
    Time("ts", at);
    Raw(R"(,"s":"t","args":{)");
    if (shape.number) absl::StrAppendFormat(&out_, R"("%s":%d)", shape.number, event.number);
    if (event.name) {
      Raw(shape.number ? R"(,"coroutine":)" : R"("coroutine":)");
      AppendJsonString(out_, event.name);
    }
    Raw("}}");
  }

  std::string Take() { return R"({"displayTimeUnit":"ns","traceEvents":[)" + out_ + "\n]}\n"; }

 private:
  std::string out_;
  const char* separator_ = "\n";
};

void AppendThread(EventArray& array, int pid, int tid, const std::vector<RecordedEvent>& events,
                  const TickScale& scale, Nanos end) {
  const std::vector<Nanos> times = TimesOf(events, scale, end);
  for (size_t i = 0; i < events.size(); ++i) {
    const RecordedEvent& event = events[i];
    if (event.event == FlightEvent::kRunEnd) continue;
    if (event.event != FlightEvent::kRun) {
      array.Mark(pid, tid, event, times[i]);
      continue;
    }
    size_t next = i + 1;
    while (next < events.size() && !EndsRun(events[next].event)) ++next;
    const Nanos ended = next < events.size() ? times[next] : std::max(end, times.back());
    array.Begin('X', pid, tid, event.name ? event.name : "");
    array.Time("ts", times[i]);
    array.Time("dur", ended - times[i]);
    if (!event.exact) array.Raw(R"(,"args":{"exact":false})");
    array.End();
  }
}

}  // namespace

std::string ChromeTrace(const std::vector<TracedPool>& pools) {
  return ChromeTrace(pools, FirstTickPair(), ReadTickPair());
}

std::string ChromeTrace(const std::vector<TracedPool>& pools, const TickPair& first,
                        const TickPair& last) {
  const TickScale scale(first, last);
  EventArray array;
  int pid = 0, tid = 0;  // a viewer may take threads of one number for the same, whatever the pool
  for (const TracedPool& pool : pools) {
    array.NameOf("process_name", ++pid, 0, pool.name);
    for (const TracedThread& thread : pool.threads) {
      OUTRIGGER_CHECK(thread.recorder != nullptr);
      array.NameOf("thread_name", pid, ++tid, thread.name);
      AppendThread(array, pid, tid, thread.recorder->Read(), scale, last.at);
    }
  }
  return array.Take();
}

}  // namespace outrigger::scheduler
