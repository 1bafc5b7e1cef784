#include "proxy/connection/local_reply.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

struct ReplyCase {
  ErrorCode code;
  uint32_t status;
  std::string_view flag;
  std::string_view body;
  std::string_view details;
};

constexpr std::string_view kReset =
    "upstream connect error or disconnect/reset before headers. reset reason: ";

class ReplyForTest : public testing::TestWithParam<ReplyCase> {};

TEST_P(ReplyForTest, SaysWhatEnvoySays) {
  Arena arena;
  const ReplyCase& want = GetParam();
  const LocalReply reply = ReplyFor({want.code, Side::kUpstream, false}, "", arena);
  EXPECT_EQ(reply.status, want.status);
  EXPECT_EQ(reply.flags.ToShort(), want.flag);
  const bool reset = want.details.starts_with("upstream_reset");
  EXPECT_EQ(reply.body, reset ? std::string(kReset).append(want.body) : want.body);
  EXPECT_EQ(reply.details, want.details);
}

INSTANTIATE_TEST_SUITE_P(
    Codes, ReplyForTest,
    testing::Values(
        ReplyCase{ErrorCode::kNoRoute, 404, "NR", "", "route_not_found"},
        ReplyCase{ErrorCode::kNoCluster, 503, "NC", "", "cluster_not_found"},
        ReplyCase{ErrorCode::kNoHealthyHost, 503, "UH", "no healthy upstream",
                  "no_healthy_upstream"},
        ReplyCase{ErrorCode::kTimeout, 504, "UT", "upstream request timeout", "response_timeout"},
        ReplyCase{ErrorCode::kAttemptTimeout, 504, "UT", "upstream request timeout",
                  "response_timeout"},
        ReplyCase{ErrorCode::kRequestTimeout, 408, "-", "request timeout",
                  "request_overall_timeout"},
        ReplyCase{ErrorCode::kMaxDuration, 504, "-", "downstream duration timeout",
                  "max_duration_timeout"},
        ReplyCase{ErrorCode::kUpstreamMaxDuration, 504, "UMSDR",
                  "upstream max stream duration reached", "upstream_max_stream_duration_reached"},
        ReplyCase{ErrorCode::kIdleTimeout, 504, "SI", "stream timeout", "stream_idle_timeout"},
        ReplyCase{ErrorCode::kReset, 503, "UR", "remote reset",
                  "upstream_reset_before_response_started{remote_reset}"},
        ReplyCase{ErrorCode::kRefused, 503, "UR", "remote refused stream reset",
                  "upstream_reset_before_response_started{remote_refused_stream_reset}"},
        ReplyCase{ErrorCode::kConnectionClosed, 503, "UC", "connection termination",
                  "upstream_reset_before_response_started{connection_termination}"},
        ReplyCase{ErrorCode::kConnectFailure, 503, "UF", "remote connection failure",
                  "upstream_reset_before_response_started{remote_connection_failure}"},
        ReplyCase{ErrorCode::kConnectTimeout, 503, "UF", "connection timeout",
                  "upstream_reset_before_response_started{connection_timeout}"},
        ReplyCase{ErrorCode::kProtocol, 502, "UPE", "protocol error",
                  "upstream_reset_before_response_started{protocol_error}"},
        ReplyCase{ErrorCode::kHeadersTooLarge, 502, "UPE", "protocol error",
                  "upstream_reset_before_response_started{protocol_error}"},
        ReplyCase{ErrorCode::kOverflow, 503, "UO", "overflow",
                  "upstream_reset_before_response_started{overflow}"},
        ReplyCase{ErrorCode::kDrain, 503, "UC", "connection termination",
                  "upstream_reset_before_response_started{connection_termination}"},
        ReplyCase{ErrorCode::kNone, 500, "LR", "", "internal_error"}));

TEST(LocalReplyTest, TellsWhatTheTransportSaid) {
  Arena arena;
  const LocalReply reply = ReplyFor({ErrorCode::kConnectFailure}, "no way", arena);
  EXPECT_EQ(reply.body,
            std::string(kReset) + "remote connection failure, transport failure reason: no way");
}

TEST(LocalReplyTest, GrpcStatusOfHttpStatus) {
  EXPECT_EQ(GrpcStatus(400), 13);
  EXPECT_EQ(GrpcStatus(401), 16);
  EXPECT_EQ(GrpcStatus(403), 7);
  EXPECT_EQ(GrpcStatus(404), 12);
  for (const uint32_t status : {429, 502, 503, 504}) EXPECT_EQ(GrpcStatus(status), 14);
  for (const uint32_t status : {200, 302, 408, 413, 500}) EXPECT_EQ(GrpcStatus(status), 2);
}

TEST(LocalReplyTest, KnowsGrpcByItsContentType) {
  for (const auto& [type, grpc] :
       std::vector<std::pair<std::string, bool>>{{"application/grpc", true},
                                                 {"application/grpc+proto", true},
                                                 {"application/grpc;charset=x", true},
                                                 {"application/grpc-web", false},
                                                 {"application/grp", false},
                                                 {"text/plain", false}}) {
    Arena arena;
    Headers request(arena);
    request.Add(HeaderName::kContentType, type);
    EXPECT_EQ(IsGrpc(request), grpc) << type;
  }
  Arena arena;
  EXPECT_FALSE(IsGrpc(Headers(arena)));
}

// Writes down what is sent.
struct Recorder : Stream {
  void SendInformational(int) override {}
  void SendHeaders(const Headers& headers, bool end) override {
    for (const Header& header : headers) {
      text.append(header.name).append("=").append(header.value).append(";");
    }
    if (end) text += " end";
  }
  void SendData(SliceQueue& data, bool end) override {
    text += " ";
    for (const Slice& slice : data) text += slice.view();
    if (end) text += " end";
  }
  void SendTrailers(const Headers&) override {}
  void Reset(ErrorCode) override {}
  size_t send_buffered() const override { return 0; }
  void Consume(size_t) override {}
  int http_version() const override { return 20; }
  void Release() override {}
  std::string text;
};

std::string Sent(const LocalReply& reply, bool grpc, bool headers_only) {
  Recorder stream;
  Headers response(stream.arena);
  FillLocalReply(reply, grpc, response);
  SendLocalReply(stream, response, reply, grpc, headers_only);
  return stream.text;
}

TEST(LocalReplyTest, SendsABody) {
  EXPECT_EQ(Sent({503, "sorry", {}, ""}, false, false),
            ":status=503;content-length=5;content-type=text/plain; sorry end");
  EXPECT_EQ(Sent({404, "", {}, ""}, false, false), ":status=404; end");
}

TEST(LocalReplyTest, HeadGetsTheHeadersOfABody) {
  EXPECT_EQ(Sent({503, "sorry", {}, ""}, false, true),
            ":status=503;content-length=5;content-type=text/plain; end");
}

TEST(LocalReplyTest, KeepsWhatTheRouteAddedSaveLengths) {
  Arena arena;
  const auto filled = [&arena](std::string_view body, bool grpc) {
    Headers response(arena);
    response.Add("x-a", "1");
    response.Add(HeaderName::kContentLength, "99");
    response.Add(HeaderName::kContentType, "text/html");
    response.Add(HeaderName::kGrpcStatus, "5");
    FillLocalReply({503, body, {}, ""}, grpc, response);
    std::string text;
    for (const Header& header : response) {
      text.append(header.name).append("=").append(header.value).append(";");
    }
    return text;
  };
  EXPECT_EQ(filled("hi", false),
            ":status=503;x-a=1;content-length=2;content-type=text/html;grpc-status=5;");
  EXPECT_EQ(filled("", false), ":status=503;x-a=1;grpc-status=5;");
  EXPECT_EQ(filled("hi", true),
            ":status=200;x-a=1;content-type=application/grpc;grpc-status=5;grpc-message=hi;");
}

TEST(LocalReplyTest, GrpcGetsTrailersOnly) {
  EXPECT_EQ(Sent({503, "sorry", {}, ""}, true, false),
            ":status=200;content-type=application/grpc;grpc-status=14;grpc-message=sorry; end");
  EXPECT_EQ(Sent({404, "", {}, ""}, true, false),
            ":status=200;content-type=application/grpc;grpc-status=12; end");
  EXPECT_EQ(Sent({500, "100%\r\nx: y", {}, ""}, true, false),
            ":status=200;content-type=application/grpc;grpc-status=2;"
            "grpc-message=100%25%0D%0Ax: y; end")
      << "a direct response's body may hold what a header must not";
}

}  // namespace
}  // namespace outrigger::proxy
