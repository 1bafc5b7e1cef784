#include "proxy/codec/http2/stream.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/proxy/codec/http2/pair.h"

namespace outrigger::proxy::http2 {
namespace {

constexpr uint32_t kNoError = 0, kProtocolError = 1, kInternalError = 2, kRefusedStream = 7,
                   kCancel = 8;

struct ResetCase {
  ErrorCode code;
  uint32_t wire;
  ErrorCode seen;
};

class ResetTest : public testing::TestWithParam<ResetCase> {};

TEST_P(ResetTest, ServerResetReachesTheClient) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  pair.request().Reset(GetParam().code);
  pair.request().Reset(GetParam().code);
  pair.Run();
  const auto resets = OfType(ParseFrames(pair.to_client), kRstStream);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].error(), GetParam().wire);
  EXPECT_EQ(up.error.code, GetParam().seen);
  EXPECT_EQ(up.error.side, Side::kUpstream);
  EXPECT_EQ(up.error.retry, GetParam().wire == kRefusedStream);
  EXPECT_EQ(pair.request().error.side, Side::kLocal);
  EXPECT_EQ(pair.server.meter.Get(&Http2Stats::tx_reset), 1u);
  EXPECT_EQ(pair.client.meter.Get(&Http2Stats::rx_reset), 1u);
  EXPECT_EQ(pair.client.session.open_streams(), 0u);
}

TEST_P(ResetTest, ClientResetReachesTheServer) {
  Pair pair;
  Stream& up = pair.client.Get({}, /*end=*/false);
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  pair.Run();
  up.Reset(GetParam().code);
  pair.Run();
  const auto resets = OfType(FromClient(pair), kRstStream);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].error(), GetParam().wire);
  EXPECT_EQ(pair.request().error.side, Side::kDownstream);
  EXPECT_TRUE(pair.request().error);
  EXPECT_EQ(pair.server.session.open_streams(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, ResetTest,
    testing::Values(ResetCase{ErrorCode::kReset, kCancel, ErrorCode::kReset},
                    ResetCase{ErrorCode::kTimeout, kCancel, ErrorCode::kReset},
                    ResetCase{ErrorCode::kRefused, kRefusedStream, ErrorCode::kRefused},
                    ResetCase{ErrorCode::kOverflow, kRefusedStream, ErrorCode::kRefused},
                    ResetCase{ErrorCode::kProtocol, kProtocolError, ErrorCode::kProtocol},
                    ResetCase{ErrorCode::kConnectionClosed, kInternalError, ErrorCode::kReset},
                    ResetCase{ErrorCode::kNone, kNoError, ErrorCode::kReset}));

TEST(StreamTest, ResetOfAnUnsentRequestSendsNothing) {
  Pair pair;
  pair.Run();
  Stream& never = pair.client.Open();
  never.Reset(ErrorCode::kReset);
  EXPECT_EQ(never.error.side, Side::kLocal);
  Stream& queued = pair.client.Get();  // submitted, not yet written
  queued.Reset(ErrorCode::kReset);
  pair.Run();
  EXPECT_TRUE(queued.error);
  EXPECT_TRUE(pair.server.streams.empty());
  EXPECT_EQ(pair.client.session.open_streams(), 0u);
}

// The request's bytes lie in another stream's arena, which goes once this one was reset.
TEST(StreamTest, AResetRequestIsNotReadAgain) {
  Pair pair;
  pair.Run();
  {
    Arena arena;
    Headers request(arena);
    Fill(request, {{":method", "GET"},
                   {":scheme", "http"},
                   {":path", "/" + std::string(5000, 'p')},
                   {":authority", "a"}});
    Stream& up = pair.client.Open();
    up.SendHeaders(request, true);
    pair.client.Release();
  }
  pair.Run();
  EXPECT_TRUE(pair.server.streams.empty());
}

TEST(StreamTest, InformationalResponsesComeFirst) {
  Pair pair;
  Stream& up = pair.client.Get({{"expect", "100-continue"}}, /*end=*/false);
  pair.Run();
  pair.request().SendInformational(100);
  pair.request().SendInformational(101);
  pair.request().SendInformational(99);
  pair.request().SendInformational(200);
  pair.Run();
  EXPECT_EQ(up.informational, 100);
  EXPECT_FALSE(up.headers_complete);
  pair.request().SendInformational(103);
  pair.Run();
  EXPECT_EQ(up.informational, 103);
  SendBody(up, "body", true);
  pair.Run();
  Send(pair.request(), {{":status", "204"}}, true);
  pair.request().SendInformational(100);
  pair.Run();
  EXPECT_EQ(Text(up.headers), ":status=204;");
  EXPECT_EQ(up.informational, 103);
  EXPECT_FALSE(up.error);
}

// RFC 9113 8.1: an answer before the request's end asks for no more with NO_ERROR.
TEST(StreamTest, AnEarlyAnswerEndsTheRequest) {
  Pair pair;
  Stream& up = pair.client.Get({}, /*end=*/false);
  SendBody(up, "part", false);
  pair.Run();
  Send(pair.request(), {{":status", "413"}}, false);
  SendBody(pair.request(), "too large", true);
  pair.server.Release();
  pair.Run();
  const auto resets = OfType(ParseFrames(pair.to_client), kRstStream);
  ASSERT_EQ(resets.size(), 1u);
  EXPECT_EQ(resets[0].error(), kNoError);
  EXPECT_EQ(Text(up.headers), ":status=413;");
  EXPECT_EQ(Take(up), "too large");
  EXPECT_TRUE(up.end_received);
  SendBody(up, "rest", true);  // goes nowhere
  pair.Run();
  EXPECT_EQ(pair.server.session.open_streams(), 0u);
  EXPECT_EQ(pair.client.session.open_streams(), 0u);
}

TEST(StreamTest, ReleaseResetsWhatIsOpen) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  pair.server.Release();  // no answer
  pair.Run();
  EXPECT_EQ(up.error.code, ErrorCode::kReset);
  Stream& other = pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  pair.Run();
  EXPECT_TRUE(other.headers_complete);
  pair.client.Release();  // takes no more of the answer
  pair.Run();
  EXPECT_EQ(pair.request().error.code, ErrorCode::kReset);
  EXPECT_EQ(pair.server.session.open_streams(), 0u);
}

TEST(StreamTest, ReleaseAfterTheEndLetsTheAnswerGoOut) {
  Pair pair;
  Stream& up = pair.client.Get();
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  SendBody(pair.request(), std::string(300'000, 'x'), true);
  pair.server.Release();
  std::string got;
  for (int i = 0; i < 50 && !(up.end_received && up.body.empty()); ++i) {
    pair.Run();
    got += Take(up);
  }
  EXPECT_EQ(got.size(), 300'000u);
  EXPECT_FALSE(up.error);
  EXPECT_EQ(pair.server.session.open_streams(), 0u);
}

// An upstream that answers in full while windows still hold the request's trailers back: their
// bytes lie in the downstream stream, which goes with the answer.
TEST(StreamTest, ReleasedClientStreamWaitsForNothing) {
  Pair pair;
  Stream& up = pair.client.Get({}, /*end=*/false);
  {
    Arena arena;
    Headers trailers(arena);
    Fill(trailers, {{"x-sum", std::string(5000, 't')}});
    SendBody(up, std::string(200'000, 'b'), false);
    up.SendTrailers(trailers);
  }
  pair.Run();
  Send(pair.request(), {{":status", "200"}}, false);
  pair.Run();
  std::string raw = Frame(kData, kEndStream, 1, "done");
  pair.client.Ask(raw);
  EXPECT_TRUE(up.end_received);
  EXPECT_FALSE(up.error);
  pair.client.Ask(Frame(kWindowUpdate, 0, 1, Number(1 << 20, 4)));  // trailers go out
  pair.client.Release();
  EXPECT_EQ(OfType(ParseFrames(Produced(pair.client.session)), kHeaders).size(), 0u);
}

TEST(StreamTest, ReleasedClientStreamIsResetIfItsRequestIsNotOut) {
  Pair pair;
  Stream& up = pair.client.Get({}, /*end=*/false);
  SendBody(up, std::string(200'000, 'b'), true);
  pair.Run();
  pair.client.Ask(Frame(kHeaders, kEndHeaders | kEndStream, 1, Field(":status", "200")));
  EXPECT_TRUE(up.end_received);
  pair.client.Release();
  const auto resets = OfType(ParseFrames(Produced(pair.client.session)), kRstStream);
  EXPECT_EQ(resets.size(), 1u);
  EXPECT_EQ(pair.client.session.open_streams(), 0u);
}

// The answer's bytes may lie in the upstream stream: that one is kept until they are on the wire.
TEST(StreamTest, KeepsTheStreamItsAnswerLiesIn) {
  Pair upstream, downstream;
  Stream& up = upstream.client.Get();
  upstream.Run();
  Send(upstream.request(), {{":status", "200"}, {"x-large", std::string(5000, 'v')}}, false);
  SendTrailers(upstream.request(), {{"grpc-status", "0"}});
  upstream.Run();
  Stream& client = downstream.client.Get();
  downstream.Run();
  Stream& down = downstream.request();
  down.SendHeaders(up.headers, false);
  SendBody(down, std::string(100'000, 'b'), false);
  down.SendTrailers(up.trailers);
  upstream.client.streams.clear();
  down.ReleaseWithThis(up);
  downstream.server.Release();
  upstream.client.session.Abort(ErrorCode::kConnectionClosed);
  std::string got;
  for (int i = 0; i < 10; ++i) {
    downstream.Run();
    got += Take(client);
  }
  EXPECT_EQ(got.size(), 100'000u);
  EXPECT_EQ(Text(client.headers), ":status=200;x-large=" + std::string(5000, 'v') + ";");
  EXPECT_EQ(Text(client.trailers), "grpc-status=0;");
}

TEST(StreamTest, NotifiesOfEachChange) {
  Pair pair;
  scheduler::Signal event;
  Stream& up = pair.client.Get({}, false);
  up.SetObserver(&event);
  const auto was_set = [&event] {
    auto wait = event.Wait("test");
    return wait.await_ready();
  };
  pair.Run();
  EXPECT_FALSE(was_set());
  SendBody(up, "x", false);
  pair.Run();
  EXPECT_TRUE(was_set()) << "room to send";
  pair.request().SendInformational(100);
  pair.Run();
  EXPECT_TRUE(was_set());
  Send(pair.request(), {{":status", "200"}}, false);
  pair.Run();
  EXPECT_TRUE(was_set());
  SendBody(pair.request(), "y", false);
  pair.Run();
  EXPECT_TRUE(was_set());
  pair.request().Reset(ErrorCode::kReset);
  pair.Run();
  EXPECT_TRUE(was_set());
  EXPECT_FALSE(was_set());
}

TEST(StreamTest, NeverIndexedFieldsStaySo) {
  Pair pair;
  Stream& up = pair.client.Open();
  Headers request(up.arena);
  Fill(request, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}});
  request.AddRaw({"x-secret", "s", HeaderName::kOther, /*never_index=*/true});
  request.AddRaw({"x-plain", "p", HeaderName::kOther, /*never_index=*/false});
  up.SendHeaders(request, true);
  pair.Run();
  EXPECT_TRUE(pair.request().headers.Find("x-secret")->never_index);
  EXPECT_FALSE(pair.request().headers.Find("x-plain")->never_index);
}

}  // namespace
}  // namespace outrigger::proxy::http2
