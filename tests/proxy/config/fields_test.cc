#include "proxy/config/fields.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "envoy/config/core/v3/address.pb.h"

namespace outrigger::proxy {
namespace {

using google::protobuf::Duration;
using google::protobuf::UInt32Value;
using scheduler::Nanos;

std::string Message(const absl::Status& status) {
  return status.ok() ? "no error" : std::string(status.message());
}

Duration Of(int64_t seconds, int32_t nanos) {
  Duration duration;
  duration.set_seconds(seconds);
  duration.set_nanos(nanos);
  return duration;
}

TEST(FieldPathTest, NamesThePlaceFromTheResourceDown) {
  const FieldPath listener("listener \"in\"");
  EXPECT_EQ(listener.text(), "listener \"in\"");
  const FieldPath chain = listener.At("filter_chains", 0);
  EXPECT_EQ(chain.text(), "listener \"in\": filter_chains[0]");
  const FieldPath filter = chain.At("filters", 12);
  const FieldPath config = filter["typed_config"];
  EXPECT_EQ(config.Key("typed_per_filter_config", "a.b").text(),
            "listener \"in\": filter_chains[0].filters[12].typed_config."
            "typed_per_filter_config[\"a.b\"]");
}

TEST(FieldPathTest, ErrorsSayPlaceAndWhatToDo) {
  const FieldPath cluster("cluster \"app\"");
  EXPECT_EQ(Message(cluster["name"].Error("is odd")), "cluster \"app\": name: is odd");
  EXPECT_EQ(Message(cluster["type"].NotSupported()), "cluster \"app\": type: not supported yet");
  EXPECT_EQ(Message(cluster["type"].NotSupported("EDS", "")),
            "cluster \"app\": type: EDS is not supported yet");
  EXPECT_EQ(Message(cluster["type"].NotSupported("EDS", "use STATIC")),
            "cluster \"app\": type: EDS is not supported yet; use STATIC");
  EXPECT_TRUE(absl::IsUnimplemented(cluster["type"].NotSupported()));
}

TEST(FieldsTest, AllowOnlyRefusesTheFirstSetFieldThatIsNotListed) {
  envoy::config::core::v3::SocketAddress address;
  const FieldPath path("x");
  EXPECT_TRUE(AllowOnly(address, path, {}).ok());
  address.set_address("::");
  EXPECT_TRUE(AllowOnly(address, path, {"port_value", "address"}).ok());
  address.set_ipv4_compat(true);
  EXPECT_EQ(Message(AllowOnly(address, path, {"port_value", "address"})),
            "x: ipv4_compat: not supported yet");
}

TEST(FieldsTest, ReadsDurationsDownToTheLeast) {
  Nanos to = -1;
  const FieldPath path("x");
  EXPECT_TRUE(Read(Of(1, 500'000'000), path, to).ok());
  EXPECT_EQ(to, 1'500'000'000);
  EXPECT_TRUE(Read(Of(0, 0), path, to).ok());
  EXPECT_EQ(to, 0);
  EXPECT_EQ(Message(Read(Of(-1, 0), path["t"], to)),
            "x: t: value must be greater than or equal to 0s");
  EXPECT_EQ(Message(Read(Of(0, 999'999), path["t"], to, 1'000'000)),
            "x: t: value must be greater than or equal to 0.001s");
  EXPECT_EQ(to, 0);
}

TEST(FieldsTest, RefusesDurationsThatAreNoneOrDoNotFit) {
  Nanos to = 7;
  const FieldPath path("x");
  for (const Duration& duration :
       {Of(0, 1'000'000'000), Of(1, -1), Of(-1, 1), Of(10'000'000'000, 0),
        Of(std::numeric_limits<int64_t>::max(), 0), Of(std::numeric_limits<int64_t>::min(), 0),
        Of(0, std::numeric_limits<int32_t>::min())}) {
    EXPECT_NE(Message(Read(duration, path, to)).find("invalid duration"), std::string::npos)
        << duration.DebugString();
  }
  EXPECT_EQ(to, 7);
}

TEST(FieldsTest, ReadsNumbersWithinTheirLimits) {
  UInt32Value value;
  value.set_value(5);
  uint32_t to = 0;
  const FieldPath path("x");
  EXPECT_TRUE(Read(value, path, to, 5, 5).ok());
  EXPECT_EQ(to, 5u);
  EXPECT_EQ(Message(Read(value, path["n"], to, 6)),
            "x: n: value must be greater than or equal to 6");
  EXPECT_EQ(Message(Read(value, path["n"], to, 1, 4)), "x: n: value must be inside range [1, 4]");
}

TEST(FieldsTest, HeaderTextHasNoLineBreakNorNul) {
  const FieldPath path("x");
  EXPECT_TRUE(CheckHeaderText("", path).ok());
  EXPECT_TRUE(CheckHeaderText("a\tb \xff", path).ok());
  for (const std::string& text : {std::string("a\rb"), std::string("a\n"), std::string("\0", 1)}) {
    EXPECT_FALSE(CheckHeaderText(text, path).ok());
  }
}

TEST(FieldsTest, UnpackRefusesOtherTypesAndBrokenBytes) {
  const FieldPath path("x");
  google::protobuf::Any any;
  any.PackFrom(Of(3, 0));
  ASSERT_TRUE(Unpack<Duration>(any, path).ok());
  EXPECT_EQ(Unpack<Duration>(any, path)->seconds(), 3);
  EXPECT_EQ(Message(Unpack<UInt32Value>(any, path["c"]).status()),
            "x: c: expected a google.protobuf.UInt32Value, got "
            "\"type.googleapis.com/google.protobuf.Duration\"");
  any.set_value("\xff\xff");
  EXPECT_FALSE(Unpack<Duration>(any, path).ok());
}

}  // namespace
}  // namespace outrigger::proxy
