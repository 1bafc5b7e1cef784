#include "control/bootstrap/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace outrigger::control {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

YamlNode Parse(std::string_view text) {
  absl::StatusOr<YamlNode> node = ParseYaml(text, "f.yaml");
  EXPECT_TRUE(node.ok()) << node.status() << "\n" << text;
  return node.ok() ? *std::move(node) : YamlNode();
}

std::string ParseError(std::string_view text, const YamlLimits& limits = {}) {
  const absl::StatusOr<YamlNode> node = ParseYaml(text, "f.yaml", limits);
  return node.ok() ? "no error" : std::string(node.status().message());
}

std::string Repeat(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(YamlParseTest, KeepsOrderTextQuotesAndPlaces) {
  const YamlNode root = Parse("zebra: 1\nalpha:\n- \"1\"\n- two\nblock: |\n  x\n");
  ASSERT_TRUE(root.IsMapping());
  ASSERT_EQ(root.entries.size(), 3u);
  EXPECT_EQ(root.entries[0].key, "zebra");
  EXPECT_EQ(root.entries[1].key, "alpha");
  EXPECT_EQ(root.entries[1].mark.line, 2u);
  EXPECT_EQ(root.entries[1].mark.column, 1u);
  const YamlNode& list = *root.Find("alpha");
  ASSERT_TRUE(list.IsSequence());
  EXPECT_TRUE(list.items[0].quoted);
  EXPECT_EQ(list.items[0].text, "1");
  EXPECT_FALSE(list.items[1].quoted);
  EXPECT_EQ(list.items[1].mark.line, 4u);
  EXPECT_EQ(list.items[1].mark.column, 3u);
  EXPECT_EQ(root.Find("block")->text, "x\n");
  EXPECT_TRUE(root.Find("block")->quoted);
}

TEST(YamlParseTest, ReadsJsonWithTabsAndEscapes) {
  const YamlNode root = Parse("{\n\t\"a\": [1, true, null, \"\\u00e9\\n\\/\"],\n\t\"b\": {}\n}\n");
  const YamlNode& list = *root.Find("a");
  ASSERT_EQ(list.items.size(), 4u);
  EXPECT_TRUE(list.items[2].IsNull());
  EXPECT_EQ(list.items[3].text, "\xC3\xA9\n/");
  EXPECT_TRUE(root.Find("b")->IsMapping());
}

TEST(YamlParseTest, EmptyTextIsNull) {
  EXPECT_TRUE(Parse("").IsNull());
  EXPECT_TRUE(Parse("# only a comment\n").IsNull());
}

TEST(YamlParseTest, SkipsAByteOrderMark) {
  EXPECT_NE(Parse("\xEF\xBB\xBFkey: 1").Find("key"), nullptr);
}

TEST(YamlParseTest, TagsChooseBetweenTextAndPlain) {
  const YamlNode root = Parse("a: !!str 1\nb: !!int \"1\"\nc: !!str null\nd: ! 5\n");
  EXPECT_TRUE(root.Find("a")->quoted);
  EXPECT_FALSE(root.Find("b")->quoted);
  EXPECT_EQ(root.Find("c")->text, "null");
  EXPECT_TRUE(root.Find("d")->quoted);
  EXPECT_THAT(ParseError("a: !secret x"), StartsWith("f.yaml:1:4: tag !secret is not supported"));
  EXPECT_THAT(ParseError("a: !Ref [x]"), HasSubstr("is not supported"));
}

TEST(YamlParseTest, AliasesAreCopies) {
  const YamlNode root = Parse("a: &x {k: [1, 2]}\nb: *x\nc: &y text\nd: *y\n");
  EXPECT_EQ(root.Find("b")->Find("k")->items[1].text, "2");
  EXPECT_EQ(root.Find("d")->text, "text");
}

TEST(YamlParseTest, SyntaxErrorsNameTheirPlace) {
  EXPECT_THAT(ParseError("a: 1\nb: [1,\n"), StartsWith("f.yaml:"));
  EXPECT_THAT(ParseError("a: 1\n b: 2\n"), StartsWith("f.yaml:2:3: "));
  EXPECT_THAT(ParseError("a: *nobody"), StartsWith("f.yaml:1:"));
}

TEST(YamlParseTest, DuplicateKeyNamesBothPlaces) {
  EXPECT_EQ(ParseError("m:\n  a: 1\n  b: 2\n  a: 3\n"),
            "f.yaml:4:3: duplicate key \"a\", first on line 2");
}

TEST(YamlParseTest, KeysMustBeText) {
  EXPECT_THAT(ParseError("? [a]\n: 1\n"), HasSubstr("a key must be text"));
  EXPECT_THAT(ParseError("~: 1\n"), HasSubstr("a key must be text"));
}

TEST(YamlParseTest, OneDocumentMeansOne) {
  EXPECT_EQ(ParseError("a: 1\n---\nb: 2\n"),
            "f.yaml:2:1: text after the end of the one document expected here");
}

TEST(YamlParseTest, SeveralDocumentsComeInOrder) {
  const auto documents = ParseYamlDocuments("a: 1\n---\n- 2\n---\n", "f.yaml");
  ASSERT_TRUE(documents.ok()) << documents.status();
  ASSERT_EQ(documents->size(), 3u);
  EXPECT_TRUE((*documents)[0].IsMapping());
  EXPECT_TRUE((*documents)[1].IsSequence());
  EXPECT_TRUE((*documents)[2].IsNull());
}

TEST(YamlHostileTest, DepthIsBounded) {
  EXPECT_THAT(ParseError(Repeat("[", 101) + Repeat("]", 101)),
              HasSubstr("nested deeper than 100 levels"));
  EXPECT_EQ(ParseError(Repeat("[", 99) + Repeat("]", 99)), "no error");
  EXPECT_NE(ParseError(Repeat("[", 200'000)), "no error");
  EXPECT_NE(ParseError(Repeat("- ", 200'000)), "no error");
  EXPECT_NE(ParseError(Repeat("{a: ", 100'000)), "no error");
}

TEST(YamlHostileTest, AliasesCannotBuildDepth) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 200; ++i) {
    const std::string name = std::to_string(i);
    text += "a" + name + ": &a" + name + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_THAT(ParseError(text), HasSubstr("nested deeper than 100 levels"));
}

TEST(YamlHostileTest, AliasBombIsBounded) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 1; j < 10; ++j) text += ", " + last;
    text += "]\n";
  }
  EXPECT_THAT(ParseError(text), HasSubstr("too large"));
}

TEST(YamlHostileTest, AliasesOfLongTextAreBounded) {
  const std::string text = "- &a " + Repeat("x", 1 << 20) + "\n" + Repeat("- *a\n", 100);
  EXPECT_THAT(ParseError(text), HasSubstr("too large"));
}

TEST(YamlHostileTest, SelfAliasIsAnError) {
  EXPECT_THAT(ParseError("a: &x\n  b: *x\n"), HasSubstr("f.yaml:2:"));
}

TEST(YamlHostileTest, HugeTextIsRefusedUnread) {
  EXPECT_EQ(ParseError("aaaaaaaaaaa", YamlLimits{.max_bytes = 10}),
            "f.yaml: 11 bytes, more than the limit of 10");
}

TEST(YamlHostileTest, NodeCountIsBounded) {
  EXPECT_THAT(ParseError("[1, 2, 3, 4]", YamlLimits{.max_nodes = 4}), HasSubstr("too large"));
  EXPECT_EQ(ParseError("[1, 2, 3]", YamlLimits{.max_nodes = 4}), "no error");
}

TEST(YamlHostileTest, EndlessDocumentsAreBounded) {
  // yaml-cpp 0.7 makes no progress here.
  EXPECT_THAT(ParseError("!!str ,"), HasSubstr("text after the end"));
  const auto documents = ParseYamlDocuments("!!str ,", "f.yaml");
  EXPECT_THAT(std::string(documents.status().message()), HasSubstr("too many documents"));
}

TEST(YamlHostileTest, InvalidUtf8AndControlCharactersAreRefused) {
  EXPECT_EQ(ParseError("a: 1\nb: \xff"), "f.yaml:2:4: invalid UTF-8");
  // Overlong, surrogate, past the end, cut short.
  for (std::string_view bad : {"\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
    EXPECT_EQ(ParseError("a: " + std::string(bad)), "f.yaml:1:4: invalid UTF-8");
  }
  EXPECT_EQ(ParseError(std::string_view("a: \0b", 5)), "f.yaml:1:4: control character 0x00");
  EXPECT_EQ(ParseError("a: b\x04\nc: hidden"), "f.yaml:1:5: control character 0x04");
  const std::string good = "\xE2\x82\xAC\xF0\x9F\x98\x80";
  EXPECT_EQ(Parse("a: " + good).Find("a")->text, good);
}

TEST(YamlNodeTest, SetReplacesInPlaceOrAppends) {
  YamlNode root = Parse("a: 1\nb: 2\n");
  root.Set("a", YamlNode::Plain("3"));
  root.Set("c", YamlNode::String("4"));
  EXPECT_EQ(EmitYaml(root), "a: 3\nb: 2\nc: \"4\"\n");
  EXPECT_TRUE(root.Erase("b"));
  EXPECT_FALSE(root.Erase("b"));
  EXPECT_EQ(EmitYaml(root), "a: 3\nc: \"4\"\n");
  YamlNode fresh;
  fresh.Set("x", YamlNode::Sequence({YamlNode::String("z")}));
  EXPECT_EQ(EmitYaml(fresh), "x:\n- z\n");
}

TEST(YamlEmitTest, WritesBlockStyle) {
  const std::string text =
      "apiVersion: v1\n"
      "metadata:\n"
      "  annotations: {}\n"
      "  labels:\n"
      "    app: web\n"
      "spec:\n"
      "  containers:\n"
      "  - name: app\n"
      "    args:\n"
      "    - run\n"
      "    - - nested\n"
      "      - list\n"
      "    ports:\n"
      "    - containerPort: 8080\n"
      "  empty: []\n"
      "  none: null\n";
  EXPECT_EQ(EmitYaml(Parse(text)), text);
}

TEST(YamlEmitTest, SeparatesDocuments) {
  const auto documents = ParseYamlDocuments("a: 1\n---\nb: 2\n", "f.yaml");
  ASSERT_TRUE(documents.ok());
  EXPECT_EQ(EmitYaml(*documents), "a: 1\n---\nb: 2\n");
}

TEST(YamlEmitTest, StringsThatLookLikeOtherTypesAreQuoted) {
  for (std::string_view text :
       {"true", "True",  "yes",      "NO",         "on",   "y",    "null", "Null",
        "~",    "",      "1",        "-1",         "0x1f", "010",  "1e3",  ".5",
        ".inf", "1_000", "12:30:45", "2001-01-01", "+1",   "0o17", "<<",   "="}) {
    const YamlNode node = YamlNode::String(std::string(text));
    EXPECT_EQ(EmitYaml(node), "\"" + std::string(text) + "\"\n");
  }
  EXPECT_EQ(EmitYaml(YamlNode::String("/dev/stdout")), "/dev/stdout\n");
  EXPECT_EQ(EmitYaml(YamlNode::Plain("100m")), "100m\n");
}

TEST(YamlEmitTest, AnyTextSurvivesTheRoundTrip) {
  for (std::string_view text : {"a: b",
                                "a #b",
                                "# a",
                                "- a",
                                "-a",
                                "a:",
                                " a",
                                "a ",
                                "\ta",
                                "[a",
                                "{a",
                                "&a",
                                "*a",
                                "!a",
                                "|",
                                ">",
                                "'a'",
                                "\"a\"",
                                "%a",
                                "@a",
                                "`a",
                                "---",
                                "...",
                                "a\nb",
                                "a\nb\n",
                                "a\nb\n\n",
                                "\na",
                                "a\n\nb\n",
                                "a\n  b\n c\n",
                                "a\n \nb",
                                "a\tb\n",
                                "#!/bin/sh\nset -e\n# x\n",
                                "a\rb",
                                "\x01",
                                "\x7f",
                                "\xC3\xA9",
                                "\xC2\x85x",
                                "a\xE2\x80\xA8z",
                                "\xEF\xBB\xBFx",
                                "back\\slash",
                                "? a",
                                "a, b",
                                "x\n---\ny\n",
                                "\xF0\x9F\x98\x80\nx\n"}) {
    YamlNode root;
    root.Set("top", YamlNode::Sequence({YamlNode::String(std::string(text))}));
    root.Set(text, YamlNode::String(std::string(text)));
    const std::string emitted = EmitYaml(root);
    const YamlNode back = Parse(emitted);
    ASSERT_EQ(back.entries.size(), 2u) << emitted;
    EXPECT_EQ(back.Find("top")->items.at(0).text, text) << emitted;
    EXPECT_EQ(back.entries[1].key, text) << emitted;
    EXPECT_EQ(back.entries[1].value.text, text) << emitted;
  }
}

TEST(YamlEmitTest, ScriptsStayReadable) {
  YamlNode root;
  root.Set("run", YamlNode::String("set -e\n\nexec app\n"));
  EXPECT_EQ(EmitYaml(root), "run: |\n  set -e\n\n  exec app\n");
}

TEST(ResolvePlainTest, KnowsYamlsTypes) {
  const auto check = [](PlainKind kind, std::initializer_list<std::string_view> texts) {
    for (std::string_view text : texts) EXPECT_EQ(ResolvePlain(text), kind) << text;
  };
  check(PlainKind::kNull, {"", "~", "null", "Null", "NULL"});
  check(PlainKind::kBool, {"true", "False", "YES", "no", "On", "off", "y", "N"});
  check(PlainKind::kInteger, {"0", "-12", "+7", "0x1F", "010", "99999999999999999999"});
  check(PlainKind::kFloat, {"1.5", ".5", "1.", "-1e-3", "1E5", ".inf", "-.INF", ".nan"});
  check(PlainKind::kString,
        {"nULL", "tRue", "0xZZ", "1.2.3", "1s", "-", ".", "e5", "1e", "1e5x", "0x", "127.0.0.1"});
  EXPECT_TRUE(PlainBool("Yes"));
  EXPECT_FALSE(PlainBool("off"));
}

}  // namespace
}  // namespace outrigger::control
