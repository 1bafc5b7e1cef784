#include "proxy/connection/request_headers.h"

#include <string>

#include "gtest/gtest.h"

namespace outrigger::proxy {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// What is expected here is Envoy's: docs "HTTP header manipulation" (http_conn_man/headers).
class RequestHeadersTest : public testing::Test {
 protected:
  RequestHeadersTest() { options_.generate_request_id = false; }

  Headers& Fill(const Fields& fields) {
    headers_.Clear();
    for (const auto& [name, value] : fields) headers_.Add(name, value);
    return headers_;
  }
  std::string Text() const {
    std::string text;
    for (const Header& header : headers_) {
      text.append(header.name).append("=").append(header.value).append(";");
    }
    return text;
  }
  std::string Request(const Fields& fields) {
    verdict_ = PrepareRequest(Fill(fields), options_, peer_, local_, random_);
    return Text();
  }
  std::string Response(const Fields& fields, int64_t upstream_ms = -1) {
    Fill(fields);
    if (upstream_ms >= 0) SetServiceTime(headers_, upstream_ms);
    PrepareResponse(headers_, options_, "now");
    return Text();
  }

  Arena arena_;
  Headers headers_{arena_};
  HttpListenerOptions options_;
  Address peer_ = *Address::Ip("10.0.0.9", 1234);
  Address local_ = *Address::Ip("10.0.0.1", 15006);
  Random random_{1};
  RequestVerdict verdict_;
};

TEST_F(RequestHeadersTest, HopByHopFieldsEndHere) {
  EXPECT_EQ(Request({{":path", "/"},
                     {"connection", "close"},
                     {"keep-alive", "5"},
                     {"proxy-connection", "x"},
                     {"transfer-encoding", "chunked"},
                     {"upgrade", "h2c"},
                     {"te", "gzip"},
                     {"te", "Trailers"},
                     {"x-forwarded-proto", "https"}}),
            ":path=/;te=Trailers;x-forwarded-proto=https;");
}

TEST_F(RequestHeadersTest, AnIntermediateTrustsForwardedFields) {
  EXPECT_EQ(Request({{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-proto", "https"}}),
            "x-forwarded-for=1.2.3.4;x-forwarded-proto=https;");
  EXPECT_EQ(Request({{":path", "/"}}), ":path=/;x-forwarded-proto=http;");
}

TEST_F(RequestHeadersTest, AnEdgeAppendsThePeer) {
  options_.use_remote_address = true;
  EXPECT_EQ(Request({{"x-forwarded-proto", "https"}}),
            "x-forwarded-proto=http;x-forwarded-for=10.0.0.9;x-envoy-external-address=10.0.0.9;");
  EXPECT_EQ(Request({{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-for", "5.6.7.8"}}),
            "x-forwarded-for=1.2.3.4,5.6.7.8,10.0.0.9;x-forwarded-proto=http;"
            "x-envoy-external-address=10.0.0.9;");
  options_.skip_xff_append = true;
  EXPECT_EQ(Request({{"x-envoy-external-address", "9.9.9.9"}}),
            "x-envoy-external-address=10.0.0.9;x-forwarded-proto=http;");
}

TEST_F(RequestHeadersTest, TrustedHopsKeepTheirProto) {
  options_.use_remote_address = true;
  options_.xff_num_trusted_hops = 1;
  EXPECT_EQ(Request({{"x-forwarded-proto", "https"}, {"x-forwarded-for", "1.2.3.4"}}),
            "x-forwarded-proto=https;x-forwarded-for=1.2.3.4,10.0.0.9;"
            "x-envoy-external-address=1.2.3.4;");
}

TEST_F(RequestHeadersTest, AUnixPeerHasNoAddress) {
  options_.use_remote_address = true;
  peer_ = *Address::Pipe("/tmp/x");
  EXPECT_EQ(Request({}), "x-forwarded-proto=http;");
}

TEST_F(RequestHeadersTest, ExternalCallersSetNoInternalFields) {
  const Fields fields = {{"x-envoy-retry-on", "5xx"},
                         {"x-envoy-max-retries", "9"},
                         {"x-envoy-upstream-rq-timeout-ms", "1"},
                         {"x-envoy-expected-rq-timeout-ms", "1"},
                         {"x-envoy-force-trace", "1"},
                         {"x-envoy-internal", "true"},
                         {"x-envoy-original-path", "/p"},
                         {"x-envoy-decorator-operation", "o"},
                         {"x-envoy-unknown", "kept"},
                         {"x-forwarded-proto", "http"}};
  EXPECT_EQ(Request(fields),
            "x-envoy-original-path=/p;x-envoy-decorator-operation=o;x-envoy-unknown=kept;"
            "x-forwarded-proto=http;");
  options_.use_remote_address = true;
  options_.skip_xff_append = true;
  EXPECT_EQ(Request(fields),
            "x-envoy-unknown=kept;x-forwarded-proto=http;x-envoy-external-address=10.0.0.9;");
}

TEST_F(RequestHeadersTest, RequestIdIsMadeWhereNoneIsTrusted) {
  options_.generate_request_id = true;
  PrepareRequest(Fill({}), options_, peer_, local_, random_);
  const std::string made(headers_.Get(HeaderName::kXRequestId));
  ASSERT_EQ(made.size(), 36u);
  EXPECT_EQ(made[14], '4') << "version 4 (RFC 9562 5.4): " << made;
  for (const size_t i : {8, 13, 18, 23}) EXPECT_EQ(made[i], '-');
  PrepareRequest(Fill({{"x-request-id", "mine"}}), options_, peer_, local_, random_);
  EXPECT_EQ(headers_.Get(HeaderName::kXRequestId), "mine");
  options_.use_remote_address = true;
  PrepareRequest(Fill({{"x-request-id", "mine"}, {"x-request-id", "again"}}), options_, peer_,
                 local_, random_);
  EXPECT_EQ(headers_.Get(HeaderName::kXRequestId).size(), 36u) << "an edge makes its own";
  EXPECT_NE(headers_.Get(HeaderName::kXRequestId), made);
  EXPECT_EQ(headers_.Remove(HeaderName::kXRequestId), 1u);
  options_.preserve_external_request_id = true;
  PrepareRequest(Fill({{"x-request-id", "mine"}}), options_, peer_, local_, random_);
  EXPECT_EQ(headers_.Get(HeaderName::kXRequestId), "mine");
}

TEST_F(RequestHeadersTest, AFragmentIsRefused) {
  Request({{":path", "/a#b"}});
  EXPECT_TRUE(verdict_.bad_path);
  Request({{":path", "/a%23b"}});
  EXPECT_FALSE(verdict_.bad_path);
}

TEST_F(RequestHeadersTest, CrumbsAreOneCookie) {
  const Fields fields = {{"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"cookie", "e"}};
  EXPECT_EQ(Request(fields), "cookie=a=b; c=d; e;x=y;x-forwarded-proto=http;");
}

TEST_F(RequestHeadersTest, AnInternalCallerKeepsItsOrders) {
  options_.internal_ranges.push_back(*CidrRange::Make("10.0.0.0", 8));
  const Fields fields = {{"x-envoy-max-retries", "3"}, {"x-forwarded-proto", "http"}};
  EXPECT_EQ(Request(fields), "x-forwarded-proto=http;") << "nobody says that it is internal";
  options_.use_remote_address = true;
  options_.skip_xff_append = true;
  EXPECT_EQ(Request(fields), "x-envoy-max-retries=3;x-forwarded-proto=http;x-envoy-internal=true;");
}

TEST_F(RequestHeadersTest, ThePortIsTold) {
  options_.append_x_forwarded_port = true;
  EXPECT_EQ(Request({{"x-forwarded-proto", "http"}}),
            "x-forwarded-proto=http;x-forwarded-port=15006;");
  EXPECT_EQ(Request({{"x-forwarded-proto", "http"}, {"x-forwarded-port", "1"}}),
            "x-forwarded-proto=http;x-forwarded-port=1;");
}

TEST_F(RequestHeadersTest, HostsLosePortAndDot) {
  const auto host = [this](std::string_view authority) {
    Request({{":authority", std::string(authority)}});
    return std::string(headers_.Get(HeaderName::kAuthority));
  };
  EXPECT_EQ(host("a.:80"), "a.:80");
  options_.strip_matching_host_port = true;
  EXPECT_EQ(host("a:80"), "a:80");
  EXPECT_EQ(host("a:15006"), "a");
  EXPECT_EQ(host("[::1]:15006"), "[::1]");
  options_.strip_any_host_port = true;
  EXPECT_EQ(host("a:80"), "a");
  EXPECT_EQ(host("[::1]"), "[::1]");
  options_.strip_trailing_host_dot = true;
  EXPECT_EQ(host("a.:80"), "a");
  options_.strip_any_host_port = options_.strip_matching_host_port = false;
  EXPECT_EQ(host("a.:80"), "a:80");
}

TEST_F(RequestHeadersTest, ViaIsAppended) {
  options_.via = "1.1 og";
  EXPECT_EQ(Request({{"x-forwarded-proto", "http"}}), "x-forwarded-proto=http;via=1.1 og;");
  EXPECT_EQ(Request({{"via", "a"}, {"via", "b"}, {"x-forwarded-proto", "http"}}),
            "via=a, b, 1.1 og;x-forwarded-proto=http;");
  EXPECT_EQ(Response({{":status", "200"}, {"via", "a"}, {"date", "d"}, {"server", "s"}}),
            ":status=200;via=a, 1.1 og;date=d;server=envoy;");
}

TEST_F(RequestHeadersTest, AResponseSaysWhoAnsweredAndWhen) {
  EXPECT_EQ(Response({{":status", "200"}, {"server", "up"}, {"connection", "close"}}, 12),
            ":status=200;x-envoy-upstream-service-time=12;date=now;server=envoy;");
  EXPECT_EQ(Response({{":status", "200"}, {"date", "then"}}),
            ":status=200;date=then;server=envoy;");
  EXPECT_EQ(Response({{"x-envoy-upstream-service-time", "999"}, {"date", "d"}}, 0),
            "date=d;x-envoy-upstream-service-time=0;server=envoy;");
  options_.server_header = HttpListenerOptions::ServerHeader::kAppendIfAbsent;
  EXPECT_EQ(Response({{"server", "up"}, {"date", "d"}}), "server=up;date=d;");
  EXPECT_EQ(Response({{"date", "d"}}), "date=d;server=envoy;");
  options_.server_header = HttpListenerOptions::ServerHeader::kPassThrough;
  EXPECT_EQ(Response({{"date", "d"}}), "date=d;");
}

// The listener's configuration may be replaced before the response is on the wire.
TEST_F(RequestHeadersTest, AResponseOutlivesItsOptions) {
  auto options = std::make_unique<HttpListenerOptions>();
  options->server_name = std::string(100, 's');
  options->via = "v";
  PrepareResponse(Fill({{":status", "200"}}), *options, "now");
  options.reset();
  EXPECT_EQ(headers_.Get(HeaderName::kServer), std::string(100, 's'));
  EXPECT_EQ(headers_.Get(HeaderName::kVia), "v");
}

TEST_F(RequestHeadersTest, DateIsAnImfFixdate) {
  DateCache dates;
  const std::string_view date = dates.Get(arena_);
  ASSERT_EQ(date.size(), 29u);
  EXPECT_EQ(date.substr(25), " GMT");
  EXPECT_EQ(date.substr(3, 2), ", ");
  tm parts{};
  EXPECT_NE(strptime(std::string(date).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts), nullptr);
  EXPECT_LT(std::abs(timegm(&parts) - time(nullptr)), 60);
}

}  // namespace
}  // namespace outrigger::proxy
