#include "proxy/access_log/operators.h"

#include <cstdlib>

#include "gtest/gtest.h"
#include "proxy/transport/tls/tls_peer.h"

namespace outrigger::proxy {
namespace {

class OperatorsTest : public testing::Test {
 protected:
  OperatorsTest() : request(arena), response(arena), trailers(arena) {
    record.request = &request;
    record.response = &response;
    record.response_trailers = &trailers;
  }

  // "-": missing. Numbers with a leading '#'.
  std::string Value(std::string_view op) {
    absl::StatusOr<AccessOperator> parsed = AccessOperator::Parse(op);
    if (!parsed.ok()) return std::string(parsed.status().message());
    std::string scratch = "left over";
    const AccessValue value = parsed->Evaluate(record, scratch);
    switch (value.kind) {
      case AccessValue::Kind::kMissing:
        return "-";
      case AccessValue::Kind::kText:
        return std::string(value.text);
      case AccessValue::Kind::kNumber:
        return "#" + std::to_string(value.number);
    }
    return "";
  }

  Arena arena;
  Headers request, response, trailers;
  AccessRecord record;
};

TEST_F(OperatorsTest, TlsOfTheClient) {
  EXPECT_EQ(Value("DOWNSTREAM_TLS_VERSION"), "-");
  EXPECT_EQ(Value("DOWNSTREAM_PEER_URI_SAN"), "-");
  TlsPeer tls;
  tls.version = "TLSv1.3";
  tls.peer.uri_sans = {"spiffe://a", "spiffe://b"};
  tls.local.subject = "CN=me";
  record.tls = &tls;
  EXPECT_EQ(Value("DOWNSTREAM_TLS_VERSION"), "TLSv1.3");
  EXPECT_EQ(Value("DOWNSTREAM_PEER_URI_SAN"), "spiffe://a,spiffe://b");
  EXPECT_EQ(Value("DOWNSTREAM_LOCAL_SUBJECT"), "CN=me");
  EXPECT_EQ(Value("DOWNSTREAM_PEER_SUBJECT"), "-");
}

TEST_F(OperatorsTest, HeadersByNameAndAlternative) {
  request.Add(HeaderName::kPath, "/now");
  request.Add("x-team", "blue");
  request.Add("x-team", "red");
  request.Add("x-empty", "");
  request.Add(HeaderName::kAuthority, "a.example");
  response.Add(HeaderName::kStatus, "200");
  trailers.Add(HeaderName::kGrpcStatus, "0");
  EXPECT_EQ(Value("REQ(:PATH)"), "/now");
  EXPECT_EQ(Value("REQ(X-Team)"), "blue") << "the first";
  EXPECT_EQ(Value("REQ(X-ENVOY-ORIGINAL-PATH?:PATH)"), "/now");
  EXPECT_EQ(Value("REQ(X-EMPTY?X-TEAM)"), "blue");
  EXPECT_EQ(Value("REQ(X-NONE)"), "-");
  EXPECT_EQ(Value("REQ(HOST)"), "a.example");
  EXPECT_EQ(Value("RESP(:STATUS)"), "200");
  EXPECT_EQ(Value("TRAILER(grpc-status)"), "0");
  EXPECT_EQ(Value("REQ(X-TEAM):2"), "bl");
  EXPECT_EQ(Value("REQ(X-TEAM):200"), "blue");
}

TEST_F(OperatorsTest, NothingIsNeeded) {
  record = {};
  for (const char* op :
       {"REQ(:PATH)", "RESP(X)", "TRAILER(X)", "STREAM_ID", "GRPC_STATUS", "DURATION",
        "RESPONSE_TX_DURATION", "PROTOCOL", "UPSTREAM_HOST", "UPSTREAM_CLUSTER", "ROUTE_NAME",
        "DOWNSTREAM_REMOTE_PORT", "RESPONSE_CODE_DETAILS", "UPSTREAM_CONNECTION_ID"}) {
    EXPECT_EQ(Value(op), "-") << op;
  }
  EXPECT_EQ(Value("RESPONSE_CODE"), "#0");
  EXPECT_EQ(Value("REQUEST_HEADERS_BYTES"), "#0");
  EXPECT_EQ(Value("RESPONSE_FLAGS"), "-");
}

TEST_F(OperatorsTest, TimesAreMilliseconds) {
  record.times = {.request_received = 1'999'999,
                  .request_sent = 3'000'000,
                  .response_first = 10'000'000,
                  .response_received = 20'000'000,
                  .end = 35'500'000};
  EXPECT_EQ(Value("DURATION"), "#35");
  EXPECT_EQ(Value("REQUEST_DURATION"), "#1");
  EXPECT_EQ(Value("REQUEST_TX_DURATION"), "#3");
  EXPECT_EQ(Value("RESPONSE_DURATION"), "#10");
  EXPECT_EQ(Value("RESPONSE_TX_DURATION"), "#25");
  EXPECT_EQ(Value("START_TIME"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Value("START_TIME(%Y/%m)"), "1970/01");
}

TEST_F(OperatorsTest, Addresses) {
  record.downstream_remote = "10.0.0.9:4711";
  record.downstream_local = "[::1]:8080";
  record.upstream_host = "/run/app:7.sock";
  EXPECT_EQ(Value("DOWNSTREAM_REMOTE_ADDRESS"), "10.0.0.9:4711");
  EXPECT_EQ(Value("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"), "10.0.0.9");
  EXPECT_EQ(Value("DOWNSTREAM_REMOTE_PORT"), "#4711");
  EXPECT_EQ(Value("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"), "::1");
  EXPECT_EQ(Value("DOWNSTREAM_LOCAL_PORT"), "#8080");
  EXPECT_EQ(Value("UPSTREAM_HOST"), "/run/app:7.sock");
  EXPECT_EQ(Value("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"), "/run/app:7.sock");
  EXPECT_EQ(Value("UPSTREAM_REMOTE_PORT"), "-");
  EXPECT_EQ(Value("DOWNSTREAM_DIRECT_REMOTE_ADDRESS"), "-");
}

TEST_F(OperatorsTest, WhatTheExchangeWas) {
  record.protocol = 20;
  record.upstream_protocol = 11;
  record.response_code = 503;
  record.flags = ResponseFlag::kUpstreamConnectionFailure;
  record.response_code_details = "details";
  record.bytes_received = 5;
  record.bytes_sent = 6;
  record.connection_id = 7;
  record.upstream_cluster = "c";
  record.upstream_request_attempts = 2;
  EXPECT_EQ(Value("PROTOCOL"), "HTTP/2");
  EXPECT_EQ(Value("UPSTREAM_PROTOCOL"), "HTTP/1.1");
  EXPECT_EQ(Value("RESPONSE_CODE"), "#503");
  EXPECT_EQ(Value("RESPONSE_FLAGS"), "UF");
  EXPECT_EQ(Value("RESPONSE_FLAGS_LONG"), "UpstreamConnectionFailure");
  EXPECT_EQ(Value("RESPONSE_FLAGS_LONG:8"), "Upstream");
  EXPECT_EQ(Value("RESPONSE_CODE_DETAILS"), "details");
  EXPECT_EQ(Value("BYTES_RECEIVED"), "#5");
  EXPECT_EQ(Value("BYTES_SENT"), "#6");
  EXPECT_EQ(Value("CONNECTION_ID"), "#7");
  EXPECT_EQ(Value("UPSTREAM_CLUSTER_RAW"), "c");
  EXPECT_EQ(Value("UPSTREAM_REQUEST_ATTEMPT_COUNT"), "#2");
  EXPECT_EQ(Value("VIRTUAL_CLUSTER_NAME"), "-");
}

TEST_F(OperatorsTest, QueryParametersAreAsTheyWereSent) {
  EXPECT_EQ(Value("QUERY_PARAM(q)"), "-");
  request.Add(HeaderName::kPath, "/?p=1&q=a%20b&q=c");
  EXPECT_EQ(Value("QUERY_PARAM(q)"), "a%20b");
  EXPECT_EQ(Value("QUERY_PARAM(q):1"), "a");
  EXPECT_EQ(Value("QUERY_PARAM(x)"), "-");
}

TEST_F(OperatorsTest, WhatNothingSetsIsMissing) {
  EXPECT_EQ(Value("DYNAMIC_METADATA(a.b:c)"), "-");
  EXPECT_EQ(Value("FILTER_STATE(a:PLAIN):9"), "-");
  EXPECT_EQ(Value("UPSTREAM_METADATA(a:b)"), "-");
  EXPECT_EQ(Value("TRACE_ID"), "-");
}

TEST_F(OperatorsTest, GrpcStatusFromTrailersOrHeaders) {
  response.Add(HeaderName::kGrpcStatus, "14");
  EXPECT_EQ(Value("GRPC_STATUS"), "Unavailable");
  trailers.Add(HeaderName::kGrpcStatus, "0");
  EXPECT_EQ(Value("GRPC_STATUS"), "OK");
  trailers.Set(HeaderName::kGrpcStatus, "4242");
  EXPECT_EQ(Value("GRPC_STATUS"), "4242");
  EXPECT_EQ(Value("GRPC_STATUS_NUMBER"), "#4242");
  trailers.Set(HeaderName::kGrpcStatus, "99999999999999999999");
  EXPECT_EQ(Value("GRPC_STATUS"), "Unavailable") << "no number: as if it were not there";
}

TEST_F(OperatorsTest, UniqueIdsDiffer) {
  absl::StatusOr<AccessOperator> op = AccessOperator::Parse("UNIQUE_ID");
  ASSERT_TRUE(op.ok());
  std::string a, b, scratch;
  record.stream_id = 1;
  a = op->Evaluate(record, scratch).text;
  record.stream_id = 2;
  b = op->Evaluate(record, scratch).text;
  EXPECT_NE(a, b);
  ASSERT_EQ(a.size(), 36u);
  for (size_t dash : {8, 13, 18, 23}) EXPECT_EQ(a[dash], '-');
  EXPECT_EQ(a[14], '4');
  EXPECT_NE(std::string("89ab").find(a[19]), std::string::npos);
}

TEST_F(OperatorsTest, EnvironmentIsReadOnce) {
  setenv("OUTRIGGER_TEST_ZONE", "zone-1", 1);
  absl::StatusOr<AccessOperator> op = AccessOperator::Parse("ENVIRONMENT(OUTRIGGER_TEST_ZONE)");
  unsetenv("OUTRIGGER_TEST_ZONE");
  std::string scratch;
  ASSERT_TRUE(op.ok());
  EXPECT_EQ(op->Evaluate(record, scratch).text, "zone-1");
  EXPECT_EQ(Value("ENVIRONMENT(OUTRIGGER_TEST_ZONE)"), "-");
  EXPECT_NE(Value("HOSTNAME"), "-");
}

TEST_F(OperatorsTest, ErrorsNameTheOperator) {
  EXPECT_EQ(Value("REQUEST"), "there is no operator %REQUEST%");
  EXPECT_EQ(Value(""), "there is no operator %%");
  EXPECT_EQ(Value("REQ"), "%REQ% needs a header and at most one alternative: (X) or (X?Y)");
  EXPECT_EQ(Value("REQ()"), Value("REQ"));
  EXPECT_EQ(Value("REQ(A?)"), Value("REQ"));
  EXPECT_EQ(Value("REQ(A?B?C)"), Value("REQ"));
  EXPECT_EQ(Value("REQ(A"), "%REQ% needs a closing parenthesis");
  EXPECT_EQ(Value("PROTOCOL(X)"), "%PROTOCOL% takes no argument");
  for (const char* op : {"REQ(A):", "REQ(A):x", "REQ(A):-1", "REQ(A):5x", "REQ(A)5",
                         "REQ(A):99999999999999999999", "REQ(A):9999999"}) {
    EXPECT_NE(Value(op).find("is no length"), std::string::npos) << op << Value(op);
  }
  EXPECT_EQ(Value("START_TIME(%Q)"), "the time format has no directive %Q");
}

}  // namespace
}  // namespace outrigger::proxy
