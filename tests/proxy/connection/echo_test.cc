#include "proxy/connection/echo.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/peer.h"
#include "tests/support/test_proxy.h"

namespace outrigger::proxy {
namespace {

class EchoTest : public testing::Test {
 protected:
  EchoTest() { echo_.Start(&Echo); }

  // To its end; "" if it broke off.
  std::string Body(Stream& stream) {
    std::string body;
    EXPECT_TRUE(Until({&client()}, [&] {
      body += Take(stream);
      return stream.error || (stream.end_received && stream.body.empty());
    }));
    return stream.error ? "" : body;
  }
  TestClient& client() {
    if (!client_) client_ = std::make_unique<TestClient>(echo_.address());
    return *client_;
  }

  TestProxy echo_;
  std::unique_ptr<TestClient> client_;
};

TEST_F(EchoTest, TellsWhatItReceived) {
  Stream& stream = client().Get("/a?b=c", {{"x-a", "1"}, {"content-type", "text/x"}});
  EXPECT_EQ(Body(stream), "");
  EXPECT_FALSE(stream.error);
  EXPECT_EQ(Text(stream.headers),
            ":status=200;content-type=text/x;x-echo-method=GET;x-echo-path=/a?b=c;"
            "x-echo-header-scheme=http;x-echo-header-authority=a.test;x-echo-header-x-a=1;"
            "x-echo-header-content-type=text/x;");
}

TEST_F(EchoTest, SaysTheBodyBackAsItComes) {
  Stream& stream = client().Post("/");
  std::string sent, got;
  for (int i = 0; i < 20; ++i) {
    const std::string part = std::to_string(i) + std::string(50'000, 'x');
    SendBody(stream, part, false);
    sent += part;
    ASSERT_TRUE(Until({&client()}, [&] {
      got += Take(stream);
      return got.size() == sent.size();
    })) << "each part before the next";
  }
  SendTrailers(stream, {{"x-sum", "1"}});
  Body(stream);
  EXPECT_EQ(got, sent);
  EXPECT_EQ(Text(stream.trailers), "x-sum=1;");
}

TEST_F(EchoTest, AnswersAsThePathWishes) {
  Stream& status = client().Get("/?status=418");
  Body(status);
  EXPECT_EQ(status.headers.Get(HeaderName::kStatus), "418");
  Stream& sized = client().Get("/?body_bytes=1000000");
  EXPECT_EQ(Body(sized), std::string(1'000'000, 'x'));
  EXPECT_EQ(sized.headers.Get(HeaderName::kContentLength), "1000000");
  Stream& trailer = client().Get("/?trailer=text&body_bytes=3");
  EXPECT_EQ(Body(trailer), "xxx");
  EXPECT_EQ(Text(trailer.trailers), "x-echo-trailer=text;");
  Stream& empty = client().Get("/?status=204&body_bytes=3");
  EXPECT_EQ(Body(empty), "");
  Stream& reset = client().Get("/?reset=1");
  Body(reset);
  EXPECT_EQ(reset.error.code, ErrorCode::kReset);
}

TEST_F(EchoTest, NonsenseWishesAreIgnored) {
  for (const char* path :
       {"/?status=99", "/?status=600", "/?status=x", "/?&&=&", "/?body_bytes=-1", "/?delay_ms=x"}) {
    Stream& stream = client().Get(path);
    EXPECT_EQ(Body(stream), "") << path;
    EXPECT_EQ(stream.headers.Get(HeaderName::kStatus), "200") << path;
  }
}

TEST_F(EchoTest, AnswersLateIfAsked) {
  const scheduler::Nanos start = scheduler::MonotonicNow();
  Body(client().Get("/?delay_ms=30"));
  EXPECT_GE(scheduler::MonotonicNow() - start, 30 * scheduler::kMillisecond);
}

TEST_F(EchoTest, HeadHasNoBody) {
  Stream& stream = client().Send(
      {{":method", "HEAD"}, {":scheme", "http"}, {":path", "/?body_bytes=5"}, {":authority", "a"}});
  EXPECT_EQ(Body(stream), "");
  EXPECT_EQ(stream.headers.Get(HeaderName::kContentLength), "5");
  EXPECT_FALSE(stream.error);
}

TEST_F(EchoTest, IsAGrpcServerToGrpcClients) {
  Stream& stream =
      client().Post("/s/m", {{"content-type", "application/grpc"}, {"te", "trailers"}});
  const std::string message("\0\0\0\0\3abc", 8);
  SendBody(stream, message, true);
  EXPECT_EQ(Body(stream), message);
  EXPECT_EQ(Text(stream.headers), ":status=200;content-type=application/grpc;");
  EXPECT_EQ(Text(stream.trailers), "grpc-status=0;");
}

// Half an answer must not look like a whole one.
TEST_F(EchoTest, StopBreaksAnAnswerOff) {
  Stream& stream = client().Get("/?body_bytes=10000000");
  ASSERT_TRUE(Until({&client()}, [&] { return stream.body.bytes() > 0; }));
  echo_.Stop();
  Body(stream);
  EXPECT_TRUE(stream.error);
  EXPECT_FALSE(stream.end_received);
}

}  // namespace
}  // namespace outrigger::proxy
