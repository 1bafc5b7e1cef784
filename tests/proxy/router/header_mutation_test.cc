#include "proxy/router/header_mutation.h"

#include "proxy/access_log/format.h"
#include "tests/proxy/router/router_test.h"

namespace outrigger::proxy {
namespace {

using Action = HeaderToAdd::Action;

HeaderToAdd Literal(const std::string& name, const std::string& value,
                    Action action = Action::kAppend) {
  return {.key = Key(name), .action = action, .value = value};
}

HeaderToAdd Formatted(const std::string& name, const std::string& format,
                      Action action = Action::kAppend) {
  HeaderToAdd add = Literal(name, "", action);
  add.format = std::make_shared<const AccessLogFormat>(*AccessLogFormat::Text(format, true));
  return add;
}

class HeaderMutationTest : public HeadersTest {
 protected:
  std::string Mutated(const Fields& fields, const HeaderMutations& mutations) {
    Fill(fields);
    AccessRecord record;
    record.request = &headers_;
    Mutate(mutations, headers_, record);
    return Text();
  }
};

TEST_F(HeaderMutationTest, RemovesAllOfAName) {
  EXPECT_EQ(Mutated({{"a", "1"}, {"via", "2"}, {"b", "3"}, {"a", "4"}},
                    {.remove = {Key("a"), Key("via"), Key("none")}}),
            "b=3;");
}

TEST_F(HeaderMutationTest, AddsByAction) {
  for (const char* name : {"a", "via"}) {
    const std::string there = std::string(name) + "=0;";
    const std::string added = std::string(name) + "=1;";
    const auto mutated = [&](bool is_there, Action action) {
      return Mutated(is_there ? Fields{{name, "0"}} : Fields{},
                     {.add = {Literal(name, "1", action)}});
    };
    EXPECT_EQ(mutated(false, Action::kAppend), added);
    EXPECT_EQ(mutated(true, Action::kAppend), there + added);
    EXPECT_EQ(mutated(false, Action::kAddIfAbsent), added);
    EXPECT_EQ(mutated(true, Action::kAddIfAbsent), there);
    EXPECT_EQ(mutated(false, Action::kOverwriteOrAdd), added);
    EXPECT_EQ(mutated(true, Action::kOverwriteOrAdd), added);
    EXPECT_EQ(mutated(false, Action::kOverwrite), "");
    EXPECT_EQ(mutated(true, Action::kOverwrite), added);
  }
}

TEST_F(HeaderMutationTest, OverwritesEveryFieldOfTheName) {
  EXPECT_EQ(Mutated({{"a", "1"}, {"b", "2"}, {"a", "3"}},
                    {.add = {Literal("a", "x", Action::kOverwrite)}}),
            "b=2;a=x;");
}

TEST_F(HeaderMutationTest, OverwritesBeforeItAdds) {
  EXPECT_EQ(Mutated({}, {.add = {Literal("a", "1"), Literal("b", "2", Action::kOverwriteOrAdd),
                                 Literal("b", "3")}}),
            "b=2;a=1;b=3;");
  EXPECT_EQ(Mutated({}, {.add = {Literal("a", "1"), Literal("a", "2", Action::kAddIfAbsent)}}),
            "a=1;a=2;")
      << "absent when it began";
}

TEST_F(HeaderMutationTest, AppendsToAList) {
  HeaderToAdd add = Literal("via", "c");
  add.key.list = true;
  EXPECT_EQ(Mutated({{"via", "a"}, {"via", "b"}}, {.add = {add}}), "via=a;via=b,c;");
  EXPECT_EQ(Mutated({{"via", ""}}, {.add = {add}}), "via=c;");
  EXPECT_EQ(Mutated({}, {.add = {add, add}}), "via=c,c;");
}

TEST_F(HeaderMutationTest, LeavesOutEmptyValuesUnlessTold) {
  HeaderToAdd keep = Literal("b", "");
  keep.keep_empty = true;
  HeaderToAdd keep_none = Formatted("d", "%REQ(none)%");
  keep_none.keep_empty = true;
  EXPECT_EQ(
      Mutated({}, {.add = {Literal("a", ""), keep, Formatted("c", "%REQ(none)%"), keep_none}}),
      "b=;d=;");
}

TEST_F(HeaderMutationTest, OperatorsSeeWhatWasThereAfterRemoval) {
  EXPECT_EQ(Mutated({{"a", "A"}, {"b", "B"}, {"c", "C"}},
                    {.remove = {Key("a")},
                     .add = {Formatted("x", "<%REQ(a)%%REQ(b)%>%%"),
                             Literal("b", "new", Action::kOverwriteOrAdd),
                             Formatted("c", "%REQ(c)%!", Action::kOverwriteOrAdd)}}),
            "b=new;c=C!;x=<B>%;");
}

TEST_F(HeaderMutationTest, ValuesOutliveTheTable) {
  auto mutations = std::make_unique<HeaderMutations>();
  mutations->add = {Literal("x-" + std::string(50, 'n'), std::string(100, 'v'))};
  Mutated({}, *mutations);
  mutations.reset();
  EXPECT_EQ(Text(), "x-" + std::string(50, 'n') + "=" + std::string(100, 'v') + ";");
}

TEST_F(HeaderMutationTest, AResponseIsChangedByWeightedClusterThenRoute) {
  const auto make = [](const std::string& value) {
    return std::make_shared<const HeaderMutations>(HeaderMutations{.add = {Literal("a", value)}});
  };
  WeightedCluster weighted;
  weighted.response = make("weighted");
  Route route;
  route.response_mutations = {make("route"), make("host")};
  AccessRecord record;
  MutateResponse({}, Fill({}), record);
  EXPECT_EQ(Text(), "");
  MutateResponse({.route = &route, .weighted = &weighted}, headers_, record);
  EXPECT_EQ(Text(), "a=weighted;a=route;a=host;");
}

}  // namespace
}  // namespace outrigger::proxy
