#include "control/resources/access_log.h"

#include <fstream>
#include <string>

#include "proxy/access_log/format.h"
#include "tests/control/resources/resource_test.h"

namespace outrigger::control {
namespace {

using envoy::config::accesslog::v3::AccessLog;

constexpr std::string_view kFile = R"(
name: log
typed_config:
  "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
  path: $path
  $format
)";
constexpr std::string_view kStdout = R"(
name: log
typed_config:
  "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
  $format
)";

class AccessLogTest : public ResourceTest {
 protected:
  absl::StatusOr<proxy::AccessLogConfig> Parse(const std::string& yaml) {
    const FieldPath path("x");
    return ParseAccessLog(FromYaml<AccessLog>(yaml), path.At("access_log", 0), inputs_);
  }

  absl::StatusOr<proxy::AccessLogConfig> ParseFile(std::string_view format) {
    return Parse(Replace(Replace(std::string(kFile), "$path", ::testing::TempDir() + "/access.log"),
                         "$format", format));
  }

  absl::StatusOr<proxy::AccessLogConfig> ParseStdout(std::string_view format) {
    return Parse(Replace(std::string(kStdout), "$format", format));
  }

  // The line for an empty record.
  static std::string Line(const absl::StatusOr<proxy::AccessLogConfig>& log) {
    if (!log.ok()) return Message(log.status());
    std::string line;
    log->format->Append({}, line);
    return line;
  }
};

TEST_F(AccessLogTest, ReadsEachFormOfFormat) {
  EXPECT_EQ(Line(ParseFile("format: 'old %RESPONSE_CODE%'")), "old 0");
  EXPECT_EQ(Line(ParseFile("json_format: {code: '%RESPONSE_CODE%'}")), "{\"code\":0}\n");
  EXPECT_EQ(Line(ParseFile("typed_json_format: {list: [1.5, true, a, null], in: {x: z}}")),
            "{\"in\":{\"x\":\"z\"},\"list\":[1.5,true,\"a\",null]}\n");
  EXPECT_EQ(Line(ParseFile("log_format: {text_format: new}")), "new");
  EXPECT_EQ(Line(ParseStdout("log_format: {text_format_source: {inline_string: source}}")),
            "source");
  EXPECT_EQ(
      Line(ParseStdout("log_format: {text_format: '%ROUTE_NAME%|', omit_empty_values: true}")),
      "|");
}

TEST_F(AccessLogTest, NoFormatIsTheDefaultFormat) {
  std::string line;
  proxy::AccessLogFormat::Default().Append({}, line);
  EXPECT_EQ(Line(ParseFile("")), line);
  EXPECT_EQ(Line(ParseFile("format: ''")), line);
  EXPECT_EQ(Line(ParseStdout("")), line);
}

TEST_F(AccessLogTest, TwoLogsOfOneFileShareItsSink) {
  const auto one = ParseFile("");
  const auto two = ParseFile("format: x");
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->sink, two->sink);
  EXPECT_NE(ParseStdout("")->sink, one->sink);
}

TEST_F(AccessLogTest, RefusesFormatsWithTheirPlace) {
  using ::testing::HasSubstr;
  using ::testing::StartsWith;
  EXPECT_THAT(Line(ParseFile("format: '%NO_SUCH%'")),
              AllOf(StartsWith("x: access_log[0].typed_config.format: "), HasSubstr("NO_SUCH")));
  EXPECT_THAT(Line(ParseFile("log_format: {json_format: {a: '%NO_SUCH%'}}")),
              AllOf(StartsWith("x: access_log[0].typed_config.log_format.json_format: "),
                    HasSubstr("NO_SUCH")));
  EXPECT_EQ(Line(ParseStdout("log_format: {}")),
            "x: access_log[0].typed_config.log_format: text_format, json_format or "
            "text_format_source is required");
  EXPECT_EQ(Line(ParseStdout("log_format: {text_format: x, content_type: z}")),
            "x: access_log[0].typed_config.log_format.content_type: not supported yet");
}

TEST_F(AccessLogTest, AFileThatCannotBeHadKeepsItsCode) {
  const auto log =
      Parse(Replace(Replace(std::string(kFile), "$path", "/no/such/folder/log"), "$format", ""));
  EXPECT_FALSE(absl::IsInvalidArgument(log.status())) << log.status();
  EXPECT_THAT(Message(log.status()), ::testing::StartsWith("x: access_log[0].typed_config.path: "));
  EXPECT_EQ(Line(Parse(Replace(Replace(std::string(kFile), "$path", "''"), "$format", ""))),
            "x: access_log[0].typed_config.path: value length must be at least 1 characters");
}

TEST_F(AccessLogTest, RefusesLoggersThatAreNotThere) {
  EXPECT_EQ(Line(Parse("name: envoy.access_loggers.http_grpc")),
            "x: access_log[0]: access logger \"envoy.access_loggers.http_grpc\" with type URL \"\" "
            "is not supported yet; use envoy.access_loggers.file, .stdout or .stderr");
}

}  // namespace
}  // namespace outrigger::control
