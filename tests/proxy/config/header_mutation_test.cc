#include "proxy/config/header_mutation.h"

#include <string>

#include "envoy/config/route/v3/route_components.pb.h"
#include "tests/control/resources/resource_test.h"

namespace outrigger::proxy {
namespace {

using Action = HeaderToAdd::Action;

const FieldPath kPath("x");

absl::StatusOr<LevelMutations> Parse(std::string_view yaml) {
  return ParseLevelMutations(control::FromYaml<envoy::config::route::v3::Route>(yaml), kPath);
}

// Of one header to add to requests.
std::string ErrorOf(std::string_view header) {
  return control::Message(Parse(absl::StrFormat("request_headers_to_add: [%s]", header)).status());
}

HeaderToAdd Add(std::string_view header) {
  const auto level = Parse(absl::StrFormat("request_headers_to_add: [%s]", header));
  EXPECT_TRUE(level.ok()) << level.status();
  return level.ok() ? level->request->add.at(0) : HeaderToAdd();
}

TEST(HeaderMutationTest, NothingIsNull) {
  const auto level = Parse("{}");
  ASSERT_TRUE(level.ok());
  EXPECT_EQ(level->request, nullptr);
  EXPECT_EQ(level->response, nullptr);
}

TEST(HeaderMutationTest, ReadsBothMessages) {
  const auto level = Parse(
      "{request_headers_to_remove: [A], response_headers_to_remove: [b, Vary], "
      "response_headers_to_add: [{header: {key: C, value: d}}]}");
  ASSERT_TRUE(level.ok()) << level.status();
  EXPECT_EQ(level->request->remove.at(0).name, "a");
  EXPECT_TRUE(level->request->add.empty());
  EXPECT_EQ(level->response->remove.size(), 2u);
  EXPECT_TRUE(level->response->remove[1].list) << "as a response's";
  EXPECT_EQ(level->response->add.at(0).key.name, "c");
  EXPECT_EQ(level->response->add[0].value, "d");
}

TEST(HeaderMutationTest, CompilesOperatorsAlone) {
  EXPECT_EQ(Add("{header: {key: a, value: plain}}").format, nullptr);
  EXPECT_NE(Add("{header: {key: a, value: '100%%'}}").format, nullptr);
  EXPECT_NE(Add("{header: {key: a, value: '%REQ(x)%'}}").format, nullptr);
  EXPECT_EQ(ErrorOf("{header: {key: a, value: '%NOPE%'}}"),
            "x: request_headers_to_add[0].header.value: column 1: there is no operator %NOPE%");
}

TEST(HeaderMutationTest, ReadsActions) {
  const auto action = [](const std::string& option) {
    return Add("{header: {key: a, value: v}, " + option + "}").action;
  };
  EXPECT_EQ(Add("{header: {key: a, value: v}}").action, Action::kAppend);
  EXPECT_EQ(action("append_action: APPEND_IF_EXISTS_OR_ADD"), Action::kAppend);
  EXPECT_EQ(action("append_action: ADD_IF_ABSENT"), Action::kAddIfAbsent);
  EXPECT_EQ(action("append_action: OVERWRITE_IF_EXISTS_OR_ADD"), Action::kOverwriteOrAdd);
  EXPECT_EQ(action("append_action: OVERWRITE_IF_EXISTS"), Action::kOverwrite);
  EXPECT_EQ(action("append: true"), Action::kAppend);
  EXPECT_EQ(action("append: false"), Action::kOverwriteOrAdd);
  EXPECT_EQ(ErrorOf("{header: {key: a}, append: true, append_action: ADD_IF_ABSENT}"),
            "x: request_headers_to_add[0].append: is the older form of append_action: only one of "
            "them is allowed");
}

TEST(HeaderMutationTest, KeepsEmptyValuesIfTold) {
  EXPECT_FALSE(Add("{header: {key: a}}").keep_empty);
  EXPECT_TRUE(Add("{header: {key: a}, keep_empty_value: true}").keep_empty);
}

TEST(HeaderMutationTest, LeavesAloneWhatRequestsAreRoutedBy) {
  for (const char* name : {"':path'", "host", "Host"}) {
    EXPECT_EQ(ErrorOf(absl::StrFormat("{header: {key: %s}}", name)),
              "x: request_headers_to_add[0].header.key: :-prefixed or host headers may not be "
              "modified");
  }
  EXPECT_EQ(control::Message(Parse("response_headers_to_remove: [a, ':status']").status()),
            "x: response_headers_to_remove[1]: :-prefixed or host headers may not be removed");
}

TEST(HeaderMutationTest, NamesThePlaceOfAnError) {
  EXPECT_EQ(ErrorOf("{}"), "x: request_headers_to_add[0].header: value is required");
  EXPECT_EQ(ErrorOf("{header: {value: v}}"),
            "x: request_headers_to_add[0].header.key: value length must be at least 1 characters");
  EXPECT_EQ(ErrorOf("{header: {key: a, value: \"x\\ny\"}}"),
            "x: request_headers_to_add[0].header.value: value does not go into a header: it has a "
            "NUL, CR or LF");
  EXPECT_EQ(ErrorOf("{header: {key: a, raw_value: YQ==}}"),
            "x: request_headers_to_add[0].header.raw_value: not supported yet");
}

}  // namespace
}  // namespace outrigger::proxy
