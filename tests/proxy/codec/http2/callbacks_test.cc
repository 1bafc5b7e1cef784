#include "proxy/codec/http2/callbacks.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http2/pair.h"

namespace outrigger::proxy::http2 {
namespace {

constexpr uint32_t kProtocolError = 1;

std::string Opening() { return std::string(kPreface) + Frame(kSettings, 0, 0); }

std::string Request(const std::string& fields) {
  return Opening() + Frame(kHeaders, kEndHeaders | kEndStream, 1, fields);
}

struct BadRequest {
  const char* name;
  std::string fields;
};

class BadRequestTest : public testing::TestWithParam<BadRequest> {};

// RFC 9113 8.1.1: a malformed message is a stream error, and no handler hears of it.
TEST_P(BadRequestTest, IsReset) {
  ServerEnd server;
  const auto said = server.Ask(Request(GetParam().fields));
  EXPECT_TRUE(server.streams.empty());
  ASSERT_EQ(OfType(said, kRstStream).size(), 1u);
  EXPECT_EQ(OfType(said, kRstStream)[0].error(), kProtocolError);
  EXPECT_TRUE(OfType(said, kGoaway).empty());
  EXPECT_EQ(server.session.open_streams(), 0u);
  EXPECT_EQ(server.meter.Get(&Http2Stats::rx_messaging_error), 1u);
  EXPECT_EQ(server.meter.Get(&Http2Stats::tx_reset), 1u);
}

// Envoy's default.
TEST_P(BadRequestTest, EndsTheConnectionOnRequest) {
  Http2Options options;
  options.stream_error_on_invalid_http_message = false;
  ServerEnd server(options);
  const auto goaway = OfType(server.Ask(Request(GetParam().fields)), kGoaway);
  EXPECT_TRUE(server.streams.empty());
  ASSERT_EQ(goaway.size(), 1u);
  EXPECT_EQ(goaway[0].error(), kProtocolError);
  EXPECT_TRUE(server.session.failed());
  EXPECT_EQ(server.meter.Get(&Http2Stats::rx_messaging_error), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BadRequestTest,
    testing::Values(
        BadRequest{"UpperCaseName", GetFields() + Field("X-A", "1")},
        BadRequest{"SpaceInName", GetFields() + Field("x a", "1")},
        BadRequest{"EmptyName", GetFields() + Field("", "1")},
        BadRequest{"NewlineInValue", GetFields() + Field("x-a", "1\r\nx-b: 2")},
        BadRequest{"ZeroInValue", GetFields() + Field("x-a", std::string("1\0", 2))},
        BadRequest{"Connection", GetFields() + Field("connection", "close")},
        BadRequest{"TransferEncoding", GetFields() + Field("transfer-encoding", "chunked")},
        BadRequest{"TeOther", GetFields() + Field("te", "gzip")},
        BadRequest{"NoMethod", Field(":scheme", "http") + Field(":path", "/")},
        BadRequest{"NoPath", Field(":method", "GET") + Field(":scheme", "http")},
        BadRequest{"EmptyPath",
                   Field(":method", "GET") + Field(":scheme", "http") + Field(":path", "")},
        BadRequest{"TwoPaths", GetFields() + Field(":path", "/b")},
        BadRequest{"LatePseudoHeader", Field("x-a", "1") + GetFields()},
        BadRequest{"StatusInRequest", Field(":status", "200") + GetFields()},
        BadRequest{"ProtocolUnasked", GetFields() + Field(":protocol", "websocket")},
        BadRequest{"ContentLengthWithoutBody", GetFields() + Field("content-length", "5")},
        BadRequest{"TwoContentLengths",
                   GetFields() + Field("content-length", "0") + Field("content-length", "0")}),
    [](const auto& info) { return info.param.name; });

TEST(CallbacksTest, HostStandsInForAuthority) {
  ServerEnd server;
  const std::string bare = Field(":method", "GET") + Field(":scheme", "http") + Field(":path", "/");
  server.Ask(Request(bare + Field("x-a", "1") + Field("host", "h.test")));
  ASSERT_EQ(server.streams.size(), 1u);
  EXPECT_EQ(Text(server.streams[0]->headers),
            ":authority=h.test;:method=GET;:scheme=http;:path=/;x-a=1;");
  server.Ask(
      Frame(kHeaders, kEndHeaders | kEndStream, 3, GetFields() + Field("host", "other.test")));
  ASSERT_EQ(server.streams.size(), 2u);
  EXPECT_EQ(Text(server.streams[1]->headers),
            ":method=GET;:scheme=http;:path=/;:authority=a.test;");
}

TEST(CallbacksTest, BodyMustBeAsLongAsAnnounced) {
  ServerEnd server;
  server.Ask(Opening() +
             Frame(kHeaders, kEndHeaders, 1, GetFields() + Field("content-length", "3")));
  ASSERT_EQ(server.streams.size(), 1u);
  server.Ask(Frame(kData, kEndStream, 1, "four"));
  EXPECT_EQ(server.streams[0]->error.code, ErrorCode::kProtocol);
  EXPECT_FALSE(server.streams[0]->end_received);
}

TEST(CallbacksTest, LargeDataSharesTheReadBlock) {
  ServerEnd server;
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()));
  const Slice input = Slice::Copy(Frame(kData, 0, 1, std::string(10'000, 'x')));
  ASSERT_TRUE(server.session.Feed(input));
  const SliceQueue& body = server.streams[0]->body;
  ASSERT_EQ(body.bytes(), 10'000u);
  EXPECT_EQ(body.begin()->block(), input.block());
}

TEST(CallbacksTest, CrumbsOfDataShareBlocks) {
  ServerEnd server;
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()));
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += Frame(kData, 0, 1, "x");
  server.Ask(bytes);
  std::set<Block*> blocks;
  for (const Slice& slice : server.streams[0]->body) blocks.insert(slice.block());
  EXPECT_EQ(server.streams[0]->body.bytes(), 5000u);
  EXPECT_LE(blocks.size(), 5u);
}

TEST(CallbacksTest, DataForAReleasedStreamIsDropped) {
  Http2Options options;
  options.initial_stream_window_size = 65'535;
  ServerEnd server(options);
  server.Ask(Opening() + Frame(kHeaders, kEndHeaders, 1, GetFields()));
  Send(*server.streams[0], {{":status", "200"}}, false);
  SendBody(*server.streams[0], std::string(100'000, 'x'), true);  // more than the window
  server.Release();
  EXPECT_EQ(server.session.open_streams(), 1u);
  std::string credit;
  for (int i = 0; i < 10; ++i) {
    for (const ParsedFrame& frame : server.Ask(Frame(kData, 0, 1, std::string(16'384, 'y')))) {
      if (frame.type == kWindowUpdate && frame.stream == 1) credit += "u";
    }
    EXPECT_TRUE(server.fed);
  }
  EXPECT_FALSE(credit.empty()) << "a peer that sends first would wait for ever";
}

TEST(CallbacksTest, LargeSlicesGoOutUncopied) {
  Pair pair;
  pair.client.Get();
  pair.Run();
  const Slice body = Slice::Copy(std::string(16'000, 'x'));
  Send(pair.request(), {{":status", "200"}}, false);
  SliceQueue data;
  data.Push(body);
  pair.request().SendData(data, true);
  SliceQueue out;
  pair.server.session.Produce(out, 1 << 20);
  bool shared = false;
  for (const Slice& slice : out) shared = shared || slice.block() == body.block();
  EXPECT_TRUE(shared);
}

TEST(CallbacksTest, ManySmallSlicesBecomeOneFrame) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  SliceQueue data;
  for (int i = 0; i < 100; ++i) data.Push(Slice::Static("0123456789"));
  pair.request().SendData(data, true);
  pair.Run();
  EXPECT_EQ(OfType(ParseFrames(pair.to_client), kData).size(), 1u);
  EXPECT_EQ(up.body.bytes(), 1000u);
}

}  // namespace
}  // namespace outrigger::proxy::http2
