#include "scheduler/trace/chrome_trace.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace outrigger::scheduler {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using testing::HasSubstr;

// A tick is a nanosecond. The export is at 1,000,000.
constexpr TickPair kFirst = {0, 0}, kLast = {1'000'000, 1'000'000};

Struct Parse(const std::string& text) {
  Struct json;
  const auto status = google::protobuf::util::JsonStringToMessage(text, &json);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << text;
  return json;
}

const Value& Field(const Struct& object, const std::string& key) {
  static const Value* const none = new Value();
  const auto found = object.fields().find(key);
  return found == object.fields().end() ? *none : found->second;
}
double Number(const Struct& object, const std::string& key) {
  EXPECT_EQ(Field(object, key).kind_case(), Value::kNumberValue) << key;
  return Field(object, key).number_value();
}

std::string Export(const FlightRecorder& recorder) {
  return ChromeTrace({{"control", {{"control:0", &recorder}}}}, kFirst, kLast);
}

// Looks at each event as a viewer does.
class Viewer {
 public:
  void Look(const Struct& event) {
    const std::string kind = Field(event, "ph").string_value();
    ++kinds[kind];
    EXPECT_EQ(Field(event, "name").kind_case(), Value::kStringValue);
    const int tid = static_cast<int>(Number(event, "tid"));
    const int pid = static_cast<int>(Number(event, "pid"));
    if (kind == "M") {
      EXPECT_FALSE(Field(Field(event, "args").struct_value(), "name").string_value().empty());
      return;
    }
    EXPECT_EQ(pid_of_.try_emplace(tid, pid).first->second, pid) << "one thread, two processes";
    const double at = Number(event, "ts");
    EXPECT_GE(at, last_[tid]);
    last_[tid] = at;
    if (kind == "i") {
      EXPECT_EQ(Field(event, "s").string_value(), "t");
    } else {
      EXPECT_EQ(kind, "X");
      LookAtSlice(tid, at, Number(event, "dur"));
    }
  }

  std::map<std::string, int> kinds;  // how many of each

 private:
  void LookAtSlice(int tid, double at, double duration) {
    EXPECT_GE(duration, 0);
    // Runs follow one another; 1 ns is what their doubles may be off by.
    EXPECT_GE(at, slice_end_[tid] - 1e-3);
    slice_end_[tid] = at + duration;
  }

  std::map<int, double> last_, slice_end_;
  std::map<int, int> pid_of_;
};

// What the format asks for, and what viewers rely on. Returns how many events of each kind.
std::map<std::string, int> Check(const Struct& trace) {
  Viewer viewer;
  EXPECT_EQ(Field(trace, "traceEvents").kind_case(), Value::kListValue);
  for (const Value& event : Field(trace, "traceEvents").list_value().values()) {
    viewer.Look(event.struct_value());
  }
  return viewer.kinds;
}

TEST(ChromeTraceTest, ARunIsASliceWithItsName) {
  FlightRecorder recorder;
  recorder.NoteAt(1'000, FlightEvent::kRun, "fetch \"x\"\n");
  recorder.NoteAt(3'045, FlightEvent::kRunEnd);
  const std::string trace = Export(recorder);
  EXPECT_THAT(trace, HasSubstr("{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"name\":\"fetch \\\"x\\\"\\n\","
                               "\"ts\":1.000,\"dur\":2.045}"));
  EXPECT_EQ(Check(Parse(trace)), (std::map<std::string, int>{{"M", 2}, {"X", 1}}));
}

TEST(ChromeTraceTest, WhatTheLoopDoesEndsARunAndAWakeDoesNot) {
  FlightRecorder recorder;
  recorder.NoteAt(1'000, FlightEvent::kRun, "a");
  recorder.NoteAt(1'500, FlightEvent::kWake, nullptr, 3);
  recorder.NoteAt(2'000, FlightEvent::kRun, "b");
  recorder.NoteAt(4'000, FlightEvent::kSteal, nullptr, 2);
  recorder.NoteAt(5'000, FlightEvent::kRun, "c");
  recorder.NoteAt(6'000, FlightEvent::kHandOff, "c", 9);
  const std::string trace = Export(recorder);
  EXPECT_THAT(trace, HasSubstr(R"("name":"a","ts":1.000,"dur":1.000})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"wake","ts":1.500,"s":"t","args":{"p":3}})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"b","ts":2.000,"dur":2.000})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"steal","ts":4.000,"s":"t","args":{"from_p":2}})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"c","ts":5.000,"dur":1.000})"));
  EXPECT_THAT(trace, HasSubstr(R"("args":{"to_m":9,"coroutine":"c"}})"));
  EXPECT_EQ(Check(Parse(trace)), (std::map<std::string, int>{{"M", 2}, {"X", 3}, {"i", 3}}));
}

TEST(ChromeTraceTest, ARunThatGoesOnEndsNow) {
  FlightRecorder recorder;
  recorder.NoteAt(900'000, FlightEvent::kRun, "hog");
  EXPECT_THAT(Export(recorder), HasSubstr(R"("ts":900.000,"dur":100.000})"));
  // It began while the export was on its way.
  recorder.NoteAt(1'000'500, FlightEvent::kRun, "new");
  EXPECT_THAT(Export(recorder), HasSubstr(R"("name":"new","ts":1000.500,"dur":0.000})"));
}

TEST(ChromeTraceTest, RunsWithoutATimeShareIt) {
  FlightRecorder recorder;
  for (const char* name : {"a", "b", "c"}) recorder.NoteRun(name);
  const uint64_t start = recorder.Read()[0].ticks;
  recorder.NoteAt(start + 3'000, FlightEvent::kPark);
  const std::string trace =
      ChromeTrace({{"control", {{"control:0", &recorder}}}}, {start, 0}, {start + 10'000, 10'000});
  EXPECT_THAT(trace, HasSubstr(R"("name":"a","ts":0.000,"dur":1.000})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"b","ts":1.000,"dur":1.000,"args":{"exact":false}})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"c","ts":2.000,"dur":1.000)"));
  Check(Parse(trace));
}

TEST(ChromeTraceTest, TimeNeverGoesBack) {
  FlightRecorder recorder;
  recorder.NoteAt(2'000, FlightEvent::kRun, "a");
  recorder.NoteAt(1'900, FlightEvent::kRun, "b");  // on a CPU whose counter is behind
  recorder.NoteAt(2'500, FlightEvent::kRunEnd);
  const std::string trace = Export(recorder);
  EXPECT_THAT(trace, HasSubstr(R"("name":"a","ts":2.000,"dur":0.000})"));
  EXPECT_THAT(trace, HasSubstr(R"("name":"b","ts":2.000,"dur":0.500})"));
  Check(Parse(trace));
}

TEST(ChromeTraceTest, EachPoolIsAProcessAndNoThreadNumberComesTwice) {
  FlightRecorder control, data[2];
  control.NoteAt(1'000, FlightEvent::kPark);
  data[0].NoteAt(1'000, FlightEvent::kPark);
  data[1].NoteAt(1'000, FlightEvent::kPark);
  const std::string trace = ChromeTrace({{"control", {{"control:0", &control}}},
                                         {"data", {{"data:0", &data[0]}, {"data:1", &data[1]}}}},
                                        kFirst, kLast);
  EXPECT_THAT(trace, HasSubstr(R"({"ph":"M","pid":2,"tid":0,"name":"process_name",)"
                               R"("args":{"name":"data"}})"));
  EXPECT_THAT(trace, HasSubstr(R"({"ph":"M","pid":2,"tid":3,"name":"thread_name",)"
                               R"("args":{"name":"data:1"}})"));
  EXPECT_EQ(Check(Parse(trace)), (std::map<std::string, int>{{"M", 5}, {"i", 3}}));
}

TEST(ChromeTraceTest, EveryKindHasAName) {
  FlightRecorder recorder;
  for (int kind = 0; kind < kEvents; ++kind) recorder.Note(static_cast<FlightEvent>(kind), "g", 1);
  const std::string trace = ChromeTrace({{"control", {{"control:0", &recorder}}}});
  EXPECT_EQ(Check(Parse(trace)),
            (std::map<std::string, int>{{"M", 2}, {"X", 1}, {"i", kEvents - 2}}));
  EXPECT_THAT(trace, testing::Not(HasSubstr("unknown")));
}

TEST(ChromeTraceTest, NothingNotedIsStillATrace) {
  EXPECT_TRUE(Check(Parse(ChromeTrace({}))).empty());
  FlightRecorder recorder;
  EXPECT_EQ(Check(Parse(Export(recorder))), (std::map<std::string, int>{{"M", 2}}));
}

TEST(ChromeTraceTest, IsValidWhileTheWriterGoesOn) {
  FlightRecorder recorder;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 20; ++i) recorder.NoteRun("g");
      recorder.Note(FlightEvent::kPoll);
    }
  });
  while (recorder.words() < 5'000) std::this_thread::yield();
  for (int look = 0; look < 2; ++look) {
    EXPECT_GT(Check(Parse(ChromeTrace({{"control", {{"control:0", &recorder}}}})))["M"], 0);
  }
  stop.store(true);
  writer.join();
}

}  // namespace
}  // namespace outrigger::scheduler
