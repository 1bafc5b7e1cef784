#include "proxy/codec/http2/frame_guard.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/codec/http2/closed_streams.h"
#include "proxy/codec/http2/token_bucket.h"
#include "tests/proxy/codec/http2/frames.h"

namespace outrigger::proxy::http2 {
namespace {

using Verdict = FrameGuard::Verdict;

constexpr uint8_t kContinuation = 9, kPadded = 8;

// What it says to the frames in `bytes`, which come in pieces.
std::vector<Verdict> Judge(FrameGuard& guard, const std::string& bytes, size_t piece = 1 << 20) {
  std::vector<Verdict> verdicts;
  for (size_t from = 0; from < bytes.size(); from += piece) {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(bytes.data()) + from;
    const uint8_t* end = at + std::min(piece, bytes.size() - from);
    while (guard.Next(at, end)) verdicts.push_back(guard.Judge());
    EXPECT_EQ(at, end);
  }
  return verdicts;
}

Verdict Last(const std::string& bytes, const Http2Options& options = {}) {
  FrameGuard guard(/*server=*/true, options);
  return Judge(guard, std::string(kPreface) + bytes).back();
}

std::string Times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

std::string Head(uint32_t id) { return Frame(kHeaders, kEndHeaders, id, "x"); }
std::string Priority(uint32_t id, uint32_t on) {
  return Frame(kPriority, 0, id, Number(on, 4) + "w");
}

TEST(FrameGuardTest, FindsTheSameHeadsHoweverTheBytesAreCut) {
  const std::string bytes = std::string(kPreface) + Frame(kSettings, 0, 0) + Head(1) +
                            Frame(kData, kPadded, 1,
                                  "\x02"
                                  "data00") +
                            Priority(3, 1) + Frame(kData, kEndStream, 1) + Priority(5, 5) +
                            Frame(kRstStream, 0, 1, Number(8, 4));
  FrameGuard whole(true, {});
  const std::vector<Verdict> verdicts = Judge(whole, bytes);
  ASSERT_EQ(verdicts.size(), 7u);
  EXPECT_EQ(verdicts[5], Verdict::kProtocolError);
  for (size_t piece = 1; piece < 40; ++piece) {
    FrameGuard guard(true, {});
    EXPECT_EQ(Judge(guard, bytes, piece), verdicts) << piece;
    EXPECT_EQ(guard.highest(), 1u);
  }
}

TEST(FrameGuardTest, PaddingIsNoPayload) {
  FrameGuard guard(true, {});
  Judge(guard, std::string(kPreface) + Head(1) +
                   Frame(kData, kPadded, 1,
                         "\x04"
                         "x0000"));
  EXPECT_EQ(guard.head().length, 1u);
  Judge(guard, Frame(kData, kPadded, 1, "\xff"));  // more than there is: nghttp2's to refuse
  EXPECT_EQ(guard.head().length, 0u);
}

TEST(FrameGuardTest, OnlyFramesForKnownOpenStreamsPassUnseen) {
  EXPECT_EQ(Last(Head(1)), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + Frame(kData, 0, 1, "x")), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + Frame(kData, kEndStream, 1, "x")), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + Times(2, Frame(kData, kEndStream, 1, "x"))), Verdict::kCheckStream);
  EXPECT_EQ(Last(Head(1) + Head(3) + Frame(kData, 0, 1, "x")), Verdict::kCheckStream);
  EXPECT_EQ(Last(Head(1) + Head(3) + Times(2, Frame(kData, 0, 1, "x"))), Verdict::kPass);
  EXPECT_EQ(Last(Head(3) + Head(1)), Verdict::kCheckStream);
  EXPECT_EQ(Last(Head(1) + Head(1)), Verdict::kCheckStream) << "trailers";
  EXPECT_EQ(Last(Head(1) + Frame(kRstStream, 0, 1, Number(8, 4)) + Frame(kData, 0, 1, "x")),
            Verdict::kCheckStream);
}

TEST(FrameGuardTest, PriorityFramesMustMakeSense) {
  EXPECT_EQ(Last(Priority(1, 0)), Verdict::kPass);
  EXPECT_EQ(Last(Priority(0, 1)), Verdict::kProtocolError);
  EXPECT_EQ(Last(Priority(7, 7)), Verdict::kProtocolError);
  EXPECT_EQ(Last(Frame(kPriority, 0, 1, "xx")), Verdict::kPass) << "nghttp2 knows its length";
}

TEST(FrameGuardTest, PriorityFramesAreCountedByStream) {
  Http2Options options;
  options.max_inbound_priority_frames_per_stream = 10;
  EXPECT_EQ(Last(Times(10, Priority(1, 0)), options), Verdict::kPass);
  EXPECT_EQ(Last(Times(11, Priority(1, 0)), options), Verdict::kPriorityFlood);
  EXPECT_EQ(Last(Head(1) + Times(20, Priority(1, 0)), options), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + Times(21, Priority(1, 0)), options), Verdict::kPriorityFlood);
}

TEST(FrameGuardTest, WindowUpdatesAreCountedByWhatWasSent) {
  Http2Options options;
  options.max_inbound_window_update_frames_per_data_frame_sent = 3;
  const std::string update = Frame(kWindowUpdate, 0, 0, Number(1, 4));
  EXPECT_EQ(Last(Times(5, update), options), Verdict::kPass);
  EXPECT_EQ(Last(Times(6, update), options), Verdict::kWindowUpdateFlood);
  EXPECT_EQ(Last(Head(1) + Times(7, update), options), Verdict::kPass);
  FrameGuard guard(true, options);
  guard.OnDataSent();
  EXPECT_EQ(Judge(guard, std::string(kPreface) + Times(11, update)).back(), Verdict::kPass);
  EXPECT_EQ(Judge(guard, update).back(), Verdict::kWindowUpdateFlood);
}

TEST(FrameGuardTest, EmptyFramesMayNotComeInARow) {
  const std::string empty = Frame(kData, 0, 1);
  EXPECT_EQ(Last(Head(1) + empty), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + empty + empty), Verdict::kEmptyFlood);
  EXPECT_EQ(Last(Head(1) + empty + Frame(kData, 0, 1, "x") + empty), Verdict::kPass);
  EXPECT_EQ(Last(Head(1) + empty + Frame(kData, kPadded, 1, std::string("\x01\0", 2))),
            Verdict::kEmptyFlood);
  EXPECT_EQ(Last(Frame(kHeaders, 0, 1) + Frame(kContinuation, 0, 1)), Verdict::kEmptyFlood);
  EXPECT_EQ(Last(Head(1) + empty + Frame(kData, kEndStream, 1)), Verdict::kPass) << "an end";
}

TEST(FrameGuardTest, AHeadHasFewContinuations) {
  const std::string more = Frame(kContinuation, 0, 1, "x");
  EXPECT_EQ(Last(Frame(kHeaders, 0, 1, "x") + Times(8, more)), Verdict::kPass);
  EXPECT_EQ(Last(Frame(kHeaders, 0, 1, "x") + Times(9, more)), Verdict::kContinuationFlood);
}

TEST(FrameGuardTest, KnowsAHeadThatIsNotComplete) {
  FrameGuard guard(true, {});
  EXPECT_TRUE(guard.in_head()) << "the preface";
  Judge(guard, std::string(kPreface) + Frame(kSettings, 0, 0));
  EXPECT_FALSE(guard.in_head());
  const std::string head = Frame(kHeaders, 0, 1, "xyz");
  Judge(guard, head.substr(0, 10));
  EXPECT_TRUE(guard.in_head());
  Judge(guard, head.substr(10));
  EXPECT_TRUE(guard.in_head()) << "a CONTINUATION is to come";
  Judge(guard, Frame(kContinuation, kEndHeaders, 1, "x"));
  EXPECT_FALSE(guard.in_head());
  EXPECT_FALSE(FrameGuard(/*server=*/false, {}).in_head());
}

TEST(ClosedStreamsTest, RemembersTheLastOnes) {
  ClosedStreams closed;
  EXPECT_EQ(closed.Find(1), ClosedStreams::How::kNever);
  closed.Add(1, ClosedStreams::How::kEnded);
  closed.Add(5, ClosedStreams::How::kPeerReset);
  closed.Add(0x7fffffff, ClosedStreams::How::kReset);
  EXPECT_EQ(closed.Find(1), ClosedStreams::How::kEnded);
  EXPECT_EQ(closed.Find(3), ClosedStreams::How::kNever);
  EXPECT_EQ(closed.Find(5), ClosedStreams::How::kPeerReset);
  EXPECT_EQ(closed.Find(0x7fffffff), ClosedStreams::How::kReset);
  for (uint32_t id = 7; id < 7 + 2 * 64; id += 2) closed.Add(id, ClosedStreams::How::kEnded);
  EXPECT_EQ(closed.Find(1), ClosedStreams::How::kForgotten);
  EXPECT_EQ(closed.Find(3), ClosedStreams::How::kForgotten) << "it cannot tell any more";
  EXPECT_EQ(closed.Find(7), ClosedStreams::How::kEnded);
}

TEST(TokenBucketTest, FillsWithTime) {
  constexpr scheduler::Nanos kStart = 1000 * scheduler::kSecond;
  TokenBucket bucket(3, 10);
  EXPECT_TRUE(bucket.full());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.Take(kStart));
  EXPECT_FALSE(bucket.Take(kStart));
  EXPECT_EQ(bucket.taken(kStart), 3u);
  EXPECT_FALSE(bucket.Take(kStart + 99 * scheduler::kMillisecond));
  EXPECT_TRUE(bucket.Take(kStart + 100 * scheduler::kMillisecond));
  EXPECT_FALSE(bucket.Take(kStart + 150 * scheduler::kMillisecond));
  EXPECT_EQ(bucket.taken(kStart + 300 * scheduler::kMillisecond), 1u);
  EXPECT_EQ(bucket.taken(kStart + 10 * scheduler::kSecond), 0u);
  EXPECT_TRUE(bucket.full());
}

}  // namespace
}  // namespace outrigger::proxy::http2
