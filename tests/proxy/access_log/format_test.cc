#include "proxy/access_log/format.h"

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

class FormatTest : public testing::Test {
 protected:
  FormatTest() : request(arena), response(arena) {
    record.request = &request;
    record.response = &response;
  }

  static std::string Line(const absl::StatusOr<AccessLogFormat>& format,
                          const AccessRecord& record) {
    if (!format.ok()) return std::string(format.status().message());
    std::string out;
    format->Append(record, out);
    return out;
  }
  std::string Text(std::string_view format, bool omit_empty = false) {
    return Line(AccessLogFormat::Text(format, omit_empty), record);
  }
  std::string Json(JsonTemplate format, bool omit_empty = false) {
    return Line(AccessLogFormat::Json(format, omit_empty), record);
  }

  Arena arena;
  Headers request, response;
  AccessRecord record;
};

// As the real Envoy wrote it.
TEST_F(FormatTest, DefaultIsEnvoys) {
  request.Add(HeaderName::kMethod, "GET");
  request.Add(HeaderName::kPath, "/c");
  request.Add(HeaderName::kAuthority, "127.0.0.1:46861");
  request.Add(HeaderName::kUserAgent, "x");
  request.Add(HeaderName::kXRequestId, "245b77b5-f97e-442c-a08b-1cb84e44f9ba");
  record.start_ns = 1'795'479'058'276'666'000;
  record.protocol = 11;
  record.response_code = 503;
  record.flags = ResponseFlag::kUpstreamConnectionFailure;
  record.bytes_sent = 98;
  record.times.end = 100'000;
  record.upstream_host = "127.0.0.1:1";
  EXPECT_EQ(Line(AccessLogFormat::Default(), record),
            "[2026-11-24T00:10:58.276Z] \"GET /c HTTP/1.1\" 503 UF 0 98 0 - \"-\" \"x\" "
            "\"245b77b5-f97e-442c-a08b-1cb84e44f9ba\" \"127.0.0.1:46861\" \"127.0.0.1:1\"\n");
}

TEST_F(FormatTest, TextAroundOperators) {
  EXPECT_EQ(Text("a 100%% b\n"), "a 100% b\n");
  EXPECT_EQ(Text("%RESPONSE_CODE%%RESPONSE_CODE%"), "00");
  EXPECT_EQ(Text("%START_TIME(%Y-%m-%d)%|"), "1970-01-01|");
  EXPECT_EQ(Text(""), "");
}

TEST_F(FormatTest, MissingIsADashOrLeftOut) {
  EXPECT_EQ(Text("[%REQ(X)%][%RESPONSE_FLAGS%][%UPSTREAM_HOST%]"), "[-][-][-]");
  EXPECT_EQ(Text("[%REQ(X)%][%RESPONSE_FLAGS%][%UPSTREAM_HOST%]", true), "[][-][]");
}

TEST_F(FormatTest, ErrorsNameTheColumn) {
  EXPECT_EQ(Text("ab %NOPE% c"), "column 4: there is no operator %NOPE%");
  EXPECT_EQ(Text("%PROTOCOL% %REQ%"),
            "column 12: %REQ% needs a header and at most one alternative: (X) or (X?Y)");
  EXPECT_EQ(Text("50% of"), "the operator at column 3 does not end: write %% for a percent sign");
  EXPECT_EQ(Text("%REQ(X% y%"),
            "the operator at column 1 does not end: write %% for a percent sign");
  EXPECT_EQ(Text(std::string(70'000, 'x')), "the format is longer than 65536 bytes");
}

TEST_F(FormatTest, HostileBytesStayOnTheLine) {
  using namespace std::string_view_literals;
  request.Add(HeaderName::kUserAgent, "a\nb\r\tc\x1b[2J\x7f\0d \"q\" \\ \xc3\xa9"sv);
  record.upstream_transport_failure_reason = "x\ny";
  EXPECT_EQ(Text("%REQ(USER-AGENT)%\n"), "a\\nb\\r\\tc\\x1B[2J\\x7F\\x00d \"q\" \\ \xc3\xa9\n");
  EXPECT_EQ(Text("%UPSTREAM_TRANSPORT_FAILURE_REASON%"), "x\\ny");
  EXPECT_EQ(Json({JsonTemplate::Object{{"ua", {"%REQ(USER-AGENT)%"}}}}),
            "{\"ua\":\"a\\nb\\r\\tc\\u001b[2J\\u007f\\u0000d \\\"q\\\" \\\\ \xc3\xa9\"}\n");
}

TEST_F(FormatTest, AHeadersValueIsNotEscapedAndLosesWhatNoHeaderMayHold) {
  request.Add("x-a", std::string_view("a\tb\x7f\r\nc\0d\xff", 10));
  const auto format = AccessLogFormat::Text("<%REQ(x-a)%|%REQ(none)%|%RESPONSE_CODE%>", true);
  ASSERT_TRUE(format.ok());
  std::string value = "was: ";
  format->AppendValue(record, value);
  EXPECT_EQ(value,
            "was: <a\tb\x7f"
            "cd\xff||0>");
}

TEST_F(FormatTest, JsonValuesHaveTypes) {
  record.response_code = 200;
  record.connection_id = 2;
  EXPECT_EQ(
      Json({JsonTemplate::Object{
          {"z", {"%RESPONSE_CODE%"}},
          {"a", {"a %RESPONSE_CODE% \"b\""}},
          {"none", {"%REQ(X-NONE)%"}},
          {"mixed", {"x%REQ(X-NONE)%y"}},
          {"flags", {"%RESPONSE_FLAGS%"}},
          {"pct", {"100%%"}},
          {"list", {JsonTemplate::List{{"%CONNECTION_ID%"}, {"x"}, {1.0}, {true}, {nullptr}}}},
          {"in", {JsonTemplate::Object{{"q\"", {0.5}}}}}}}),
      R"({"a":"a 200 \"b\"","flags":"-","in":{"q\"":0.5},"list":[2,"x",1,true,null],)"
      R"("mixed":"x-y","none":null,"pct":"100%","z":200})"
      "\n");
}

TEST_F(FormatTest, JsonLeavesOutTheMissing) {
  record.response_code = 200;
  const JsonTemplate format{JsonTemplate::Object{{"a", {"%REQ(X)%"}},
                                                 {"b", {"%RESPONSE_CODE%"}},
                                                 {"c", {"x%REQ(X)%y"}},
                                                 {"d", {"%RESPONSE_FLAGS%"}},
                                                 {"e", {"%REQ(X)%"}}}};
  EXPECT_EQ(Json(format, true), "{\"b\":200,\"c\":\"xy\",\"d\":\"-\"}\n");
  EXPECT_EQ(Json({JsonTemplate::Object{{"a", {"%REQ(X)%"}}}}, true), "{}\n");
}

TEST_F(FormatTest, JsonErrorsNameTheField) {
  EXPECT_EQ(Json({JsonTemplate::Object{
                {"a", {JsonTemplate::List{{"x"}, {JsonTemplate::Object{{"b", {"%NOPE%"}}}}}}}}}),
            "a[1].b: column 1: there is no operator %NOPE%");
  JsonTemplate deep{"x"};
  for (int i = 0; i < 100; ++i) deep = JsonTemplate{JsonTemplate::List{std::move(deep)}};
  EXPECT_NE(Json(std::move(deep)).find("deeper than 16 levels"), std::string::npos);
}

TEST_F(FormatTest, AppendsToWhatIsThere) {
  std::string out = "before\n";
  AccessLogFormat::Text("x\n")->Append(record, out);
  EXPECT_EQ(out, "before\nx\n");
}

}  // namespace
}  // namespace outrigger::proxy
