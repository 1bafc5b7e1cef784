#include "control/admin/json_writer.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(IndentJsonTest, PutsAValueALine) {
  EXPECT_EQ(IndentJson(R"({"a":[1, {"b":null}],"c":{} ,"d":[ ]})"),
            "{\n \"a\": [\n  1,\n  {\n   \"b\": null\n  }\n ],\n \"c\": {},\n \"d\": []\n}\n");
}

TEST(IndentJsonTest, LeavesStringsAlone) {
  EXPECT_EQ(IndentJson(R"(["{a: [b, c]}","q\"\\",":"])"),
            "[\n \"{a: [b, c]}\",\n \"q\\\"\\\\\",\n \":\"\n]\n");
}

TEST(JsonWriterTest, WritesCommasAndEscapes) {
  JsonWriter json;
  json.Begin('{').Key("a").String("x\"\n").Key("b").Begin('[').Number(int64_t{1}).Number(2.5);
  json.Bool(true).End(']').Key("c").Raw("{\"d\":1}").Key("e").Begin('{').End('}').End('}');
  EXPECT_EQ(
      json.Take(),
      "{\n \"a\": \"x\\\"\\n\",\n \"b\": [\n  1,\n  2.5,\n  true\n ],\n \"c\": {\n  \"d\": 1\n },"
      "\n \"e\": {}\n}\n");
}

}  // namespace
}  // namespace outrigger::control
