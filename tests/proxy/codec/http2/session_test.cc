#include "proxy/codec/http2/session.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http2/pair.h"

namespace outrigger::proxy::http2 {
namespace {

constexpr uint32_t kNoError = 0, kProtocolError = 1, kFlowControlError = 3, kFrameSizeError = 6,
                   kRefusedStream = 7, kEnhanceYourCalm = 11;

std::string Opening() { return std::string(kPreface) + Frame(kSettings, 0, 0); }

std::string Pattern(size_t size) {
  std::string text(size, 0);
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 251);
  return text;
}

TEST(SessionTest, RequestAndResponseCross) {
  for (const size_t piece : {1, 9, 1500}) {
    Pair pair;
    Stream& up = pair.client.Get({{"x-a", "1"}, {"te", "trailers"}});
    pair.Run(piece);
    ASSERT_EQ(pair.server.streams.size(), 1u);
    EXPECT_EQ(Text(pair.request().headers),
              ":method=GET;:scheme=http;:path=/;:authority=a.test;x-a=1;te=trailers;");
    EXPECT_TRUE(pair.request().end_received);
    EXPECT_EQ(pair.request().http_version(), 20);
    Send(pair.request(), {{":status", "200"}, {"x-b", "2"}}, /*end=*/false);
    SendBody(pair.request(), "hello", /*end=*/true);
    pair.Run(piece);
    EXPECT_EQ(Text(up.headers), ":status=200;x-b=2;");
    EXPECT_EQ(Take(up), "hello");
    EXPECT_TRUE(up.end_received);
    EXPECT_FALSE(up.error);
    EXPECT_FALSE(pair.request().error);
    EXPECT_EQ(pair.server.session.open_streams(), 0u);
    EXPECT_EQ(pair.client.session.open_streams(), 0u);
  }
}

TEST(SessionTest, TrailersCrossBothWays) {
  Pair pair;
  Stream& up = pair.client.Get({}, /*end=*/false);
  SendBody(up, "ask", false);
  SendTrailers(up, {{"x-sum", "1"}});
  pair.Run();
  EXPECT_EQ(Take(pair.request()), "ask");
  EXPECT_EQ(Text(pair.request().trailers), "x-sum=1;");
  EXPECT_TRUE(pair.request().end_received);
  Send(pair.request(), {{":status", "200"}}, false);
  SendBody(pair.request(), std::string(5000, 'x'), false);
  SendTrailers(pair.request(), {{"grpc-status", "0"}, {"grpc-message", "fine"}});
  pair.Run();
  EXPECT_EQ(Take(up).size(), 5000u);
  EXPECT_EQ(Text(up.trailers), "grpc-status=0;grpc-message=fine;");
  EXPECT_TRUE(up.end_received);
  EXPECT_FALSE(up.error);
}

TEST(SessionTest, TrailersWithoutABody) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  pair.Run();
  EXPECT_TRUE(up.headers_complete);
  EXPECT_FALSE(up.end_received);
  SendTrailers(pair.request(), {{"grpc-status", "5"}});
  pair.Run();
  EXPECT_EQ(Text(up.trailers), "grpc-status=5;");
  EXPECT_TRUE(up.end_received);
}

// What a reader does not take stays with the sender, but for one window.
TEST(SessionTest, BodiesWaitForTheirReader) {
  Pair pair;
  const std::string body = Pattern(1 << 20);
  Stream& up = pair.client.Get({}, /*end=*/false);
  SendBody(up, body, true);
  pair.Run();
  Stream& down = pair.request();
  EXPECT_EQ(down.body.bytes(), 64u * 1024);
  EXPECT_EQ(up.send_buffered(), body.size() - 64 * 1024);
  std::string got;
  for (int i = 0; i < 100 && !(down.end_received && down.body.empty()); ++i) {
    got += Take(down);
    pair.Run();
    ASSERT_LE(down.body.bytes(), 64u * 1024);
  }
  EXPECT_EQ(got, body);
  EXPECT_EQ(down.received, body.size());

  Send(down, {{":status", "200"}}, false);
  SendBody(down, body, true);
  pair.Run();
  EXPECT_EQ(up.body.bytes(), 64u * 1024);
  got.clear();
  for (int i = 0; i < 100 && !(up.end_received && up.body.empty()); ++i) {
    got += Take(up);
    pair.Run();
  }
  EXPECT_EQ(got, body);
  EXPECT_FALSE(up.error);
}

TEST(SessionTest, OneSlowReaderDoesNotStopItsNeighbours) {
  Http2Options options;
  options.initial_connection_window_size = 64 * 1024;
  Pair pair(options, {}, options);
  Stream& slow = pair.client.Get({}, false);
  Stream& quick = pair.client.Get({}, false);
  SendBody(slow, std::string(200'000, 's'), true);
  pair.Run();
  EXPECT_EQ(pair.request(0).body.bytes(), 64u * 1024);
  SendBody(quick, std::string(60'000, 'q'), true);
  pair.Run();
  EXPECT_EQ(Take(pair.request(1)).size(), 60'000u);
}

TEST(SessionTest, ProducesInBatches) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  SendBody(pair.request(), std::string(60'000, 'x'), true);
  SliceQueue out;
  pair.server.session.Produce(out, 10'000);
  EXPECT_GE(out.bytes(), 10'000u);
  EXPECT_LE(out.bytes(), 10'000u + 2 * 16'384);
  for (const Slice& slice : out) pair.client.session.Feed(Slice::Copy(slice.view()));
  pair.Run();
  EXPECT_EQ(up.body.bytes(), 60'000u);
}

TEST(SessionTest, AsksForAFlushOnlyOutsideOfFeed) {
  Pair pair;
  pair.server.on_request = [](Stream& stream) { Send(stream, {{":status", "200"}}, true); };
  pair.client.Get();
  const std::string bytes = Produced(pair.client.session);
  pair.server.Feed(bytes);
  EXPECT_EQ(pair.server.writable, 0) << "who feeds flushes";
  pair.Run();
  pair.client.Get();
  EXPECT_GT(pair.client.writable, 0);
}

TEST(SessionTest, CapacityIsThePeersLimitAndOurs) {
  Http2Options server_options, client_options;
  server_options.max_concurrent_streams = 3;
  Pair pair(server_options);
  pair.Run();
  EXPECT_EQ(pair.client.session.capacity(), 3u);
  Stream& unsent = pair.client.Open();
  pair.client.Get();
  EXPECT_EQ(pair.client.session.capacity(), 1u) << "a stream counts before its request is sent";
  pair.client.Get();
  EXPECT_EQ(pair.client.session.capacity(), 0u);
  pair.Run();
  const int before = pair.client.capacity;
  Send(pair.request(0), {{":status", "204"}}, true);
  pair.Run();
  EXPECT_EQ(pair.client.session.capacity(), 1u);
  EXPECT_GT(pair.client.capacity, before);
  unsent.Reset(ErrorCode::kReset);
  EXPECT_EQ(pair.client.session.capacity(), 2u);

  client_options.max_concurrent_streams = 2;
  Pair limited({}, {}, client_options);
  limited.Run();
  EXPECT_EQ(limited.client.session.capacity(), 2u);
}

TEST(SessionTest, DrainSaysGoodbyeTwice) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  pair.server.session.Drain();
  pair.server.session.Drain();
  const std::string notice = Produced(pair.server.session);
  pair.to_client += notice;
  const auto first = OfType(ParseFrames(notice), kGoaway);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].last_stream(), 0x7fffffffu) << "streams on their way are still taken";
  EXPECT_EQ(first[0].error(), kNoError);
  // A request that crosses the notice is served.
  Stream& late = pair.client.Get();
  ASSERT_TRUE(pair.server.Feed(Produced(pair.client.session)));
  ASSERT_EQ(pair.server.streams.size(), 2u);
  pair.client.session.Feed(Slice::Copy(notice));
  EXPECT_EQ(pair.client.session.capacity(), 0u);
  pair.Run();
  const auto both = OfType(ParseFrames(pair.to_client), kGoaway);
  ASSERT_EQ(both.size(), 2u) << "the second one comes when the notice was seen";
  EXPECT_EQ(both[1].last_stream(), 3u);
  EXPECT_FALSE(pair.server.session.finished());
  Send(pair.request(0), {{":status", "200"}}, true);
  Send(pair.request(1), {{":status", "200"}}, true);
  pair.Run();
  EXPECT_FALSE(up.error);
  EXPECT_FALSE(late.error);
  EXPECT_TRUE(late.end_received);
  EXPECT_TRUE(pair.server.session.finished());
  EXPECT_TRUE(pair.client.session.finished());
}

TEST(SessionTest, EndDrainDoesNotWaitForThePing) {
  ServerEnd server;
  server.Ask(Opening());
  server.session.EndDrain();
  EXPECT_TRUE(ParseFrames(Produced(server.session)).empty()) << "no drain, nothing to end";
  server.session.Drain();
  EXPECT_EQ(OfType(ParseFrames(Produced(server.session)), kGoaway).size(), 1u);
  EXPECT_FALSE(server.session.finished());
  server.session.EndDrain();
  server.session.EndDrain();
  EXPECT_FALSE(server.session.finished()) << "the last word is not said";
  const auto last = OfType(ParseFrames(Produced(server.session)), kGoaway);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].last_stream(), 0u);
  EXPECT_TRUE(server.session.finished());
  // An acknowledgement now is no reason to repeat it.
  EXPECT_TRUE(OfType(server.Ask(Frame(kPing, kAck, 0, std::string(8, 0))), kGoaway).empty());
}

TEST(SessionTest, UnaskedPingAcksAreNoGoodbye) {
  ServerEnd server;
  const auto said = server.Ask(Opening() + Frame(kPing, kAck, 0, std::string(8, 0)));
  EXPECT_TRUE(OfType(said, kGoaway).empty());
  EXPECT_FALSE(server.session.finished());
}

TEST(SessionTest, ClientDrainsAfterItsStreams) {
  Pair pair;
  Stream& open = pair.client.Get();
  Stream& unsent = pair.client.Open();
  pair.client.session.Drain();
  pair.Run();
  EXPECT_FALSE(pair.client.session.finished());
  Send(pair.request(), {{":status", "200"}}, true);
  pair.Run();
  EXPECT_TRUE(open.end_received);
  EXPECT_FALSE(pair.client.session.finished()) << "a stream that was given out is still to be sent";
  Send(unsent, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}},
       true);
  pair.Run();
  ASSERT_EQ(pair.server.streams.size(), 2u);
  Send(pair.request(1), {{":status", "200"}}, true);
  pair.Run();
  EXPECT_TRUE(unsent.end_received);
  EXPECT_TRUE(pair.client.session.finished());
}

TEST(SessionTest, StreamsBeyondAGoawayMayBeRetried) {
  Pair pair;
  Stream& taken = pair.client.Get();
  pair.Run();
  Stream& refused = pair.client.Get();
  Produced(pair.client.session);
  // The server goes away having seen stream 1 only.
  pair.client.Ask(Frame(kGoaway, 0, 0, Number(1, 4) + Number(0, 4)));
  EXPECT_FALSE(taken.error);
  EXPECT_EQ(refused.error.code, ErrorCode::kRefused);
  EXPECT_TRUE(refused.error.retry);
  // Given out before, sent after: refused as well, and not lost.
  EXPECT_EQ(pair.client.session.capacity(), 0u);
  Stream& late = pair.client.Get();
  Produced(pair.client.session);
  EXPECT_EQ(late.error.code, ErrorCode::kRefused);
  EXPECT_TRUE(late.error.retry);
}

TEST(SessionTest, AbortEndsEveryStream) {
  Pair pair;
  Stream& up = pair.client.Get();
  Stream& unsent = pair.client.Open();
  pair.Run();
  pair.client.session.Abort(ErrorCode::kConnectionClosed);
  for (Stream* stream : {&up, &unsent}) {
    EXPECT_EQ(stream->error.code, ErrorCode::kConnectionClosed);
    EXPECT_EQ(stream->error.side, Side::kUpstream);
  }
  EXPECT_EQ(pair.client.session.open_streams(), 0u);
  EXPECT_TRUE(pair.client.session.finished());
  // Calls on a dead stream do nothing.
  SendBody(up, "x", true);
  up.Consume(5);
  up.Reset(ErrorCode::kReset);
  SendTrailers(up, {{"a", "b"}});
}

// nghttp2 still knows an aborted stream's body: a flush that was due must not ask for it.
TEST(SessionTest, NothingIsProducedAfterAbort) {
  Pair pair;
  pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  SendBody(pair.request(), std::string(1 << 20, 'x'), true);
  pair.Run();
  EXPECT_GT(pair.request().send_buffered(), 0u);
  pair.server.Release();
  Take(*pair.client.streams[0]);
  pair.server.Feed(Produced(pair.client.session));  // windows open
  pair.server.session.Abort(ErrorCode::kConnectionClosed);
  EXPECT_EQ(Produced(pair.server.session), "");
  EXPECT_FALSE(pair.server.Feed(Frame(kPing, 0, 0, std::string(8, 'x'))));
  pair.server.session.Drain();
  EXPECT_EQ(Produced(pair.server.session), "");
}

TEST(SessionTest, EofFinishesWhenNothingIsOpen) {
  Pair pair;
  pair.client.Get();
  pair.Run();
  pair.server.session.OnEof();
  EXPECT_FALSE(pair.server.session.finished());
  Send(pair.request(), {{":status", "200"}}, true);
  pair.Run();
  EXPECT_TRUE(pair.server.session.finished());
}

// --- Limits and hostile peers.

std::string ManyFields(int count) {
  std::string block = GetFields();
  for (int i = 0; i < count; ++i) block += Field("x-" + std::to_string(i), "v");
  return block;
}

TEST(SessionTest, RequestHeadersAreLimitedInNumber) {
  HeaderLimits limits;
  limits.max_count = 50;
  ServerEnd server({}, limits);
  server.Ask(Opening() + Frame(kHeaders, kEndStream | kEndHeaders, 1, ManyFields(46)));
  EXPECT_EQ(server.streams.size(), 1u);
  const auto said = server.Ask(Frame(kHeaders, kEndStream | kEndHeaders, 3, ManyFields(47)));
  EXPECT_EQ(server.streams.size(), 1u);
  EXPECT_EQ(OfType(said, kRstStream).size(), 1u);
  EXPECT_EQ(server.meter.Get(&Http2Stats::header_overflow), 1u);
  EXPECT_TRUE(server.fed) << "the connection goes on";
  EXPECT_EQ(server.session.open_streams(), 1u);
}

TEST(SessionTest, RequestHeadersAreLimitedInBytes) {
  HeaderLimits limits;
  limits.max_bytes = 4000;
  ServerEnd server({}, limits);
  const auto said = server.Ask(Opening() +
                               Frame(kHeaders, kEndStream | kEndHeaders, 1,
                                     GetFields() + Field("x-large", std::string(3700, 'v'))) +
                               Frame(kHeaders, kEndStream | kEndHeaders, 3,
                                     GetFields() + Field("x-large", std::string(3800, 'v'))));
  EXPECT_EQ(server.streams.size(), 1u);
  ASSERT_EQ(OfType(said, kRstStream).size(), 1u);
  EXPECT_EQ(OfType(said, kRstStream)[0].stream, 3u);
}

// CVE-2026-47774's shape: a few bytes of HPACK references, each a whole field.
TEST(SessionTest, IndexedFieldsCountAsFields) {
  ServerEnd server;
  std::string block = GetFields() + std::string(
                                        "\x40\x01"
                                        "c"
                                        "\x01"
                                        "v",
                                        5);  // into the table
  block += std::string(5000, static_cast<char>(0x80 | 62));
  const auto said = server.Ask(Opening() + Frame(kHeaders, kEndStream | kEndHeaders, 1, block));
  EXPECT_TRUE(server.streams.empty());
  EXPECT_EQ(OfType(said, kRstStream).size(), 1u);
}

TEST(SessionTest, RequestTrailersAreLimited) {
  HeaderLimits limits;
  limits.max_count = 20;
  ServerEnd server({}, limits);
  std::string trailers;
  for (int i = 0; i < 21; ++i) trailers += Field("t-" + std::to_string(i), "v");
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()) +
             Frame(kHeaders, kEndHeaders | kEndStream, 1, trailers));
  ASSERT_EQ(server.streams.size(), 1u);
  EXPECT_EQ(server.streams[0]->error.code, ErrorCode::kHeadersTooLarge);
  EXPECT_EQ(server.session.open_streams(), 0u);
}

TEST(SessionTest, ResponseHeadersAreLimited) {
  HeaderLimits limits;
  limits.max_count = 10;
  Pair pair({}, {}, {}, limits);
  Stream& up = pair.client.Get();
  pair.Run();
  Fields fields = {{":status", "200"}};
  for (int i = 0; i < 10; ++i) fields.push_back({"x-" + std::to_string(i), "v"});
  Send(pair.request(), fields, true);
  pair.Run();
  EXPECT_EQ(up.error.code, ErrorCode::kHeadersTooLarge);
  EXPECT_EQ(up.error.side, Side::kUpstream);
  EXPECT_FALSE(up.headers_complete);
}

// Interim responses are dropped, but their bytes stay in the stream's arena.
TEST(SessionTest, EndlessInterimResponsesAreLimited) {
  ClientEnd client;
  Stream& up = client.Get();
  client.Ask(Frame(kSettings, 0, 0));
  const std::string interim = Frame(kHeaders, kEndHeaders, 1,
                                    Field(":status", "103") + Field("link", std::string(900, 'x')));
  for (int i = 0; i < 100 && !up.error; ++i) client.Ask(interim);
  EXPECT_EQ(up.error.code, ErrorCode::kHeadersTooLarge);
}

TEST(SessionTest, StreamsBeyondTheLimitAreRefused) {
  Http2Options options;
  options.max_concurrent_streams = 2;
  ServerEnd server(options);
  std::string bytes = Opening();
  for (const int id : {1, 3, 5}) {
    bytes += Frame(kHeaders, kEndStream | kEndHeaders, id, GetFields());
  }
  const auto said = server.Ask(bytes);
  EXPECT_EQ(server.streams.size(), 2u);
  ASSERT_EQ(OfType(said, kRstStream).size(), 1u);
  EXPECT_EQ(OfType(said, kRstStream)[0].stream, 5u);
  EXPECT_EQ(OfType(said, kRstStream)[0].error(), kRefusedStream);
}

TEST(SessionTest, AHostilePrefaceEndsTheConnection) {
  for (const std::string_view bytes : {std::string_view("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
                                       std::string_view("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
                                       std::string_view("\0\0\0\4\0\0\0\0\0", 9)}) {
    ServerEnd server;
    const auto said = server.Ask(bytes);
    EXPECT_FALSE(server.fed);
    EXPECT_TRUE(server.session.failed());
    EXPECT_EQ(OfType(said, kGoaway).size(), 1u);
    EXPECT_TRUE(server.session.finished());
    EXPECT_FALSE(server.Feed("more"));
  }
}

struct Malformed {
  const char* name;
  std::string bytes;
  uint32_t error;
};

class MalformedTest : public testing::TestWithParam<Malformed> {};

// RFC 9113 4, 5, 6: connection errors.
TEST_P(MalformedTest, EndsTheConnectionWithItsCode) {
  ServerEnd server;
  const auto said = server.Ask(Opening() + GetParam().bytes);
  const auto goaway = OfType(said, kGoaway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].error(), GetParam().error);
  EXPECT_TRUE(server.session.failed());
  EXPECT_TRUE(server.session.finished());
}

INSTANTIATE_TEST_SUITE_P(
    Frames, MalformedTest,
    testing::Values(
        Malformed{"HeadersOnStream0", Frame(kHeaders, kEndHeaders, 0, GetFields()), kProtocolError},
        Malformed{"HeadersOnEvenStream", Frame(kHeaders, kEndHeaders, 2, GetFields()),
                  kProtocolError},
        Malformed{"DataOnIdleStream", Frame(kData, 0, 1, "x"), kProtocolError},
        Malformed{"DataOnStream0", Frame(kData, 0, 0, "x"), kProtocolError},
        Malformed{"ResetOfIdleStream", Frame(kRstStream, 0, 1, Number(8, 4)), kProtocolError},
        Malformed{"WindowUpdateOnIdleStream", Frame(kWindowUpdate, 0, 1, Number(1, 4)),
                  kProtocolError},
        Malformed{"WindowOverflow", Frame(kWindowUpdate, 0, 0, Number(0x7fffffff, 4)),
                  kFlowControlError},
        Malformed{"ShortPing", Frame(kPing, 0, 0, "x"), kFrameSizeError},
        Malformed{"LargeFrame", Frame(kPing, 0, 0, std::string(16385, 'x')), kFrameSizeError},
        Malformed{"SettingsOfOddLength", Frame(kSettings, 0, 0, "xxxxx"), kFrameSizeError},
        Malformed{"PushFromAClient", Frame(kPushPromise, kEndHeaders, 1, Number(2, 4)),
                  kProtocolError},
        Malformed{"BadHpack",
                  Frame(kHeaders, kEndHeaders | kEndStream, 1, "\xff\xff\xff\xff\xff\xff"), 9}),
    [](const auto& info) { return info.param.name; });

std::string Times(int n, const std::string& text) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

class FloodTest : public testing::TestWithParam<Malformed> {};

TEST_P(FloodTest, IsToldToCalmDown) {
  ServerEnd server;
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()));
  const auto goaway = OfType(server.Ask(GetParam().bytes), kGoaway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].error(), GetParam().error);
  EXPECT_TRUE(server.session.failed());
}

INSTANTIATE_TEST_SUITE_P(
    Frames, FloodTest,
    testing::Values(Malformed{"EmptyData", Times(2, Frame(kData, 0, 1)), kEnhanceYourCalm},
                    Malformed{"PaddedEmptyData",
                              Times(2, Frame(kData, 8, 1, std::string(3, 0).replace(0, 1, "\x02"))),
                              kEnhanceYourCalm},
                    Malformed{"WindowUpdates", Times(8, Frame(kWindowUpdate, 0, 0, Number(1, 4))),
                              kEnhanceYourCalm},
                    Malformed{"Continuations",
                              Frame(kHeaders, 0, 3, GetFields()) +
                                  Times(9, Frame(9, 0, 3, Field("a", "b"))),
                              kEnhanceYourCalm},
                    Malformed{"Priorities", Times(301, Frame(kPriority, 0, 3, Number(0, 4) + "w")),
                              kEnhanceYourCalm},
                    Malformed{"Pings", Times(10'001, Frame(kPing, 0, 0, std::string(8, 'x'))),
                              kEnhanceYourCalm},
                    Malformed{"Settings", Times(10'001, Frame(kSettings, 0, 0)), kEnhanceYourCalm}),
    [](const auto& info) { return info.param.name; });

TEST(SessionTest, PriorityFramesCostNothingAndAreBounded) {
  ServerEnd server;
  const std::string priority = Frame(kPriority, 0, 1, Number(0, 4) + "x");
  server.Ask(Opening() + Times(100, priority));
  EXPECT_TRUE(server.fed);
  EXPECT_TRUE(server.streams.empty());
  EXPECT_EQ(server.session.open_streams(), 0u);
}

TEST(SessionTest, RapidResetIsBounded) {  // CVE-2023-44487
  ServerEnd server;
  server.Ask(Opening());
  bool stopped = false;
  for (uint32_t id = 1; id < 8000 && !stopped; id += 2) {
    const auto said = server.Ask(Frame(kHeaders, kEndHeaders | kEndStream, id, GetFields()) +
                                 Frame(kRstStream, 0, id, Number(8, 4)));
    stopped = !OfType(said, kGoaway).empty();
    server.Release();
  }
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(server.session.reset_flood());
  EXPECT_EQ(server.session.open_streams(), 0u);
}

// --- Closed streams (RFC 9113 5.1), which nghttp2 has forgotten.

constexpr uint32_t kStreamClosed = 5;

std::string Request(uint32_t id) {
  return Frame(kHeaders, kEndStream | kEndHeaders, id, GetFields());
}

TEST(SessionTest, FramesAfterTheEndOfAClosedStreamEndTheConnection) {
  for (const std::string& late : {Frame(kData, 0, 1, "x"), Request(1)}) {
    ServerEnd server;
    server.on_request = [](Stream& stream) { Send(stream, {{":status", "200"}}, true); };
    server.Ask(Opening() + Request(1));
    EXPECT_EQ(server.session.open_streams(), 0u);
    const auto goaway = OfType(server.Ask(late), kGoaway);
    ASSERT_EQ(goaway.size(), 1u);
    EXPECT_EQ(goaway[0].error(), kStreamClosed);
  }
}

TEST(SessionTest, FramesAfterThePeersResetAreResetAgain) {
  ServerEnd server;
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()) +
             Frame(kRstStream, 0, 1, Number(8, 4)));
  const auto resets = OfType(server.Ask(Frame(kData, 0, 1, "x")), kRstStream);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].error(), kStreamClosed);
  EXPECT_TRUE(server.fed);
}

TEST(SessionTest, FramesOnTheirWayToAStreamThatWeResetAreIgnored) {
  ServerEnd server;
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()));
  server.streams[0]->Reset(ErrorCode::kReset);
  EXPECT_EQ(OfType(ParseFrames(Produced(server.session)), kRstStream).size(), 1u);
  const auto said = server.Ask(Frame(kData, 0, 1, "x") + Frame(kData, kEndStream, 1, "y"));
  EXPECT_TRUE(OfType(said, kRstStream).empty());
  EXPECT_TRUE(OfType(said, kGoaway).empty());
  EXPECT_TRUE(server.fed);
}

TEST(SessionTest, AnIdBelowTheHighestIsNoNewStream) {
  ServerEnd server;
  const auto goaway = OfType(server.Ask(Opening() + Request(5) + Request(3)), kGoaway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].error(), kProtocolError);
  EXPECT_EQ(server.streams.size(), 1u);
}

TEST(SessionTest, SmallBodiesOfManyStreamsPassTheGuard) {
  ServerEnd server;
  std::string bytes = Opening();
  for (uint32_t id = 1; id < 200; id += 2) bytes += Frame(kHeaders, kEndHeaders, id, GetFields());
  for (uint32_t id = 1; id < 200; id += 2) bytes += Frame(kData, 0, id, "x");
  for (uint32_t id = 1; id < 200; id += 2) bytes += Frame(kData, kEndStream, id, "y");
  server.Ask(bytes);
  ASSERT_EQ(server.streams.size(), 100u);
  for (Stream* stream : server.streams) {
    EXPECT_EQ(Text(stream->body), "xy");
    EXPECT_TRUE(stream->end_received);
  }
}

// --- Work in vain.

TEST(SessionTest, ServerMadeResetsAreBoundedToo) {  // CVE-2025-8671
  ServerEnd server;
  server.Ask(Opening());
  uint32_t id = 1;
  bool stopped = false;
  for (; id < 8000 && !stopped; id += 2) {
    // A window beyond 2^31 - 1 is an error of the stream, which we reset.
    const auto said = server.Ask(Request(id) + Frame(kWindowUpdate, 0, id, Number(0x7fffffff, 4)));
    stopped = !OfType(said, kGoaway).empty();
    for (const ParsedFrame& goaway : OfType(said, kGoaway)) {
      EXPECT_EQ(goaway.error(), kEnhanceYourCalm);
    }
    server.Release();
  }
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(server.session.reset_flood());
  EXPECT_GT(id, 1000u);
}

TEST(SessionTest, ManyResetsMakeAPeerSuspect) {
  ServerEnd server;
  server.Ask(Opening());
  for (uint32_t id = 1; id < 200; id += 2) {
    EXPECT_EQ(server.session.suspect(), id / 2 > 80) << id;
    server.Ask(Request(id) + Frame(kRstStream, 0, id, Number(8, 4)));
    server.Release();
  }
  EXPECT_TRUE(server.fed);
}

TEST(SessionTest, RepeatedOversizeHeadsEndTheConnection) {
  ServerEnd server;
  server.Ask(Opening());
  for (uint32_t id = 1; id < 7; id += 2) {
    const auto said = server.Ask(Frame(kHeaders, kEndStream | kEndHeaders, id, ManyFields(101)));
    ASSERT_EQ(OfType(said, kRstStream).size(), 1u);
    EXPECT_EQ(OfType(said, kRstStream)[0].error(), kEnhanceYourCalm);
  }
  const auto goaway =
      OfType(server.Ask(Frame(kHeaders, kEndStream | kEndHeaders, 7, ManyFields(101))), kGoaway);
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].error(), kEnhanceYourCalm);
  EXPECT_EQ(server.meter.Get(&Http2Stats::header_overflow), 4u);
}

TEST(SessionTest, CookieCrumbsHaveALimitOfTheirOwn) {
  const auto crumbs = [](int count) {
    std::string block = GetFields();
    for (int i = 0; i < count; ++i) block += Field("cookie", "a=b");
    return Frame(kHeaders, kEndStream | kEndHeaders, 1, block);
  };
  ServerEnd honest, hostile;
  honest.Ask(Opening() + crumbs(200));
  EXPECT_EQ(honest.streams.size(), 1u);
  hostile.Ask(Opening() + crumbs(257));
  EXPECT_TRUE(hostile.streams.empty());
  EXPECT_EQ(hostile.meter.Get(&Http2Stats::cookies_total_bytes_too_large), 1u);
}

TEST(SessionTest, ManyOpenStreamsShareTheBacklog) {
  Http2Options client_options;
  client_options.initial_stream_window_size = 65'535;
  Pair pair({}, {}, client_options);
  for (int i = 0; i < 3; ++i) pair.client.Get();
  pair.Run();
  for (Stream* stream : pair.server.streams) Send(*stream, {{":status", "200"}}, false);
  SendBody(pair.request(0), std::string(1'200'000, 'x'), false);
  SendBody(pair.request(1), std::string(100'000, 'y'), false);
  pair.Run();
  EXPECT_EQ(pair.request(1).send_buffered(), 1024u * 1024) << "it must wait for the first";
  EXPECT_EQ(pair.request(2).send_buffered(), 0u) << "one that holds nothing may go on";
  EXPECT_GT(pair.server.meter.Get(&Http2Stats::pending_send_bytes), 1'000'000);
  for (Stream* stream : pair.client.streams) Take(*stream);
  pair.server.Release();
  pair.Run();
  EXPECT_EQ(pair.server.meter.Get(&Http2Stats::pending_send_bytes), 0);
  EXPECT_EQ(pair.server.meter.Get(&Http2Stats::streams_active), 0);
}

// The windows of all streams shut: what they may hold together is bounded.
TEST(SessionTest, ManyStoppedStreamsAreGivenUp) {
  ServerEnd server;
  std::string bytes = std::string(kPreface) + Frame(kSettings, 0, 0, Number(4, 2) + Number(0, 4));
  for (uint32_t id = 1; id < 1000; id += 2) bytes += Request(id);
  server.Ask(bytes);
  ASSERT_EQ(server.streams.size(), 500u);
  for (Stream* stream : server.streams) {
    Send(*stream, {{":status", "200"}}, false);
    SendBody(*stream, std::string(64 * 1024, 'x'), false);
  }
  const auto said = ParseFrames(Produced(server.session));
  EXPECT_EQ(OfType(said, kHeaders).size(), 500u);
  EXPECT_EQ(OfType(said, kRstStream).size(), 500u - 48);
  EXPECT_EQ(server.session.open_streams(), 48u);
  EXPECT_EQ(server.meter.Get(&Http2Stats::pending_send_bytes), 3 << 20);
}

// --- Peers that keep us waiting.

TEST(SessionTest, AHeadThatDoesNotEndEndsTheConnection) {
  ServerEnd server;
  constexpr StallLimits kLimits = {.head = kSecond};
  server.Ask(Opening());
  EXPECT_EQ(server.session.EndStalled(scheduler::MonotonicNow() + 3600 * kSecond, kLimits),
            scheduler::kNever)
      << "nothing has begun";
  server.Ask(Frame(kHeaders, kEndStream, 1, GetFields()));
  EXPECT_EQ(server.stalled_heads, 1);
  const scheduler::Nanos now = scheduler::MonotonicNow();
  const scheduler::Nanos end = server.session.EndStalled(now, kLimits);
  EXPECT_LE(end, now + kSecond);
  EXPECT_FALSE(server.session.failed());
  EXPECT_EQ(server.session.EndStalled(end, kLimits), scheduler::kNever);
  EXPECT_TRUE(server.session.failed());
  EXPECT_TRUE(server.session.head_timeout());
  EXPECT_EQ(OfType(ParseFrames(Produced(server.session)), kGoaway).size(), 1u);
}

TEST(SessionTest, AnAnswerThatThePeerTakesNothingOfIsReset) {
  ServerEnd server;
  constexpr StallLimits kLimits = {.answer = kSecond};
  // Its windows stay shut.
  server.Ask(std::string(kPreface) + Frame(kSettings, 0, 0, Number(4, 2) + Number(0, 4)) +
             Request(1));
  Send(*server.streams[0], {{":status", "200"}}, false);
  SendBody(*server.streams[0], "body", true);
  server.Release();
  EXPECT_EQ(server.stalled_answers, 1);
  Produced(server.session);
  const scheduler::Nanos now = scheduler::MonotonicNow();
  EXPECT_EQ(server.session.EndStalled(now, kLimits), now + kSecond);
  EXPECT_EQ(server.session.open_streams(), 1u);
  EXPECT_EQ(server.session.EndStalled(now + kSecond, kLimits), scheduler::kNever);
  EXPECT_EQ(OfType(ParseFrames(Produced(server.session)), kRstStream).size(), 1u);
  EXPECT_EQ(server.session.open_streams(), 0u);
  EXPECT_EQ(server.meter.Get(&Http2Stats::tx_flush_timeout), 1u);
}

TEST(SessionTest, PingsAreAnswered) {
  Pair pair;
  pair.Run();
  pair.client.session.Ping();
  EXPECT_EQ(pair.client.session.pings_unanswered(), 1u);
  EXPECT_GT(pair.client.writable, 0);
  pair.Run();
  EXPECT_EQ(pair.client.session.pings_unanswered(), 0u);
}

// A push may be on its way before the server has seen that we allow none.
TEST(SessionTest, PushIsReset) {
  ClientEnd client;
  Stream& up = client.Get();
  client.Ask(Frame(kSettings, 0, 0));
  const auto said =
      client.Ask(Frame(kPushPromise, kEndHeaders, 1, Number(2, 4) + GetFields("/pushed")));
  ASSERT_EQ(OfType(said, kRstStream).size(), 1u);
  EXPECT_EQ(OfType(said, kRstStream)[0].stream, 2u);
  EXPECT_EQ(client.session.open_streams(), 1u);
  EXPECT_TRUE(up.headers.empty());
  client.Ask(Frame(kHeaders, kEndHeaders | kEndStream, 1, Field(":status", "200")));
  EXPECT_EQ(Text(up.headers), ":status=200;");
  EXPECT_TRUE(up.end_received);
}

}  // namespace
}  // namespace outrigger::proxy::http2
