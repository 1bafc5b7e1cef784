#include "proxy/upstream/table.h"

#include "tests/proxy/upstream/upstream_test.h"

namespace outrigger::proxy {
namespace {

class TableTest : public UpstreamTest {
 protected:
  // A request to whatever host is next, up to its answer.
  void AskAndAnswer(TestUpstreamConnection& up) {
    Stream& stream = client_->Get("/");
    Answer(Request(up, up.requests().size()));
    EXPECT_EQ(Status(stream), "200");
  }

  TestUpstream other_;
};

TEST_F(TableTest, HostsTakeTurns) {
  AddUp({upstream_.address(), other_.address()});
  Start();
  for (int i = 0; i < 6; ++i) client_->Get("/");
  TestUpstreamConnection& here = Accept(upstream_);
  TestUpstreamConnection& there = Accept(other_);
  Request(here, 2);
  Request(there, 2);
  EXPECT_EQ(here.requests().size() + there.requests().size(), 6u);
}

TEST_F(TableTest, AHostThatStaysKeepsItsConnection) {
  AddUp({upstream_.address()});
  Start();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  SetHosts({other_.address(), upstream_.address()});
  SetHosts({upstream_.address()});
  AskAndAnswer(up);
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
}

TEST_F(TableTest, AHostThatLeavesFinishesWhatItHas) {
  AddUp({upstream_.address()});
  Start();
  Stream& open = client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Stream& request = Request(up, 0);
  SetHosts({other_.address()});
  client_->Get("/");
  TestUpstreamConnection& there = Accept(other_);
  Answer(Request(there, 0));
  EXPECT_FALSE(up.closed());
  Answer(request);
  EXPECT_EQ(Status(open), "200");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
}

TEST_F(TableTest, HostsOfAnUnknownClusterAreNobodys) {
  AddUp({upstream_.address()});
  Start();
  proxy_.workers().SetHosts("none", std::make_shared<HostSet>());
  Stream& stream = client_->Get("/");
  Answer(Request(Accept(upstream_), 0));
  EXPECT_EQ(Status(stream), "200");
}

TEST_F(TableTest, AClusterComesAndGoesUnderItsRoute) {
  proxy_.AddRoute("/", "up");
  Start();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  proxy_.AddCluster("up", {upstream_.address()});
  proxy_.Apply();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  proxy_.clusters.clear();
  proxy_.Apply();
  EXPECT_EQ(Status(client_->Get("/")), "503");
  EXPECT_TRUE(Pump([&] { return up.closed(); }));
}

// What has changed is for connections to come; who is connected keeps its own.
TEST_F(TableTest, NewSettingsKeepOpenConnections) {
  AddUp({upstream_.address()});
  Start();
  client_->Get("/");
  TestUpstreamConnection& up = Accept(upstream_);
  Answer(Request(up, 0));
  proxy_.clusters.at("up").max_requests_per_connection = 1;
  proxy_.Apply();
  for (int i = 0; i < 3; ++i) AskAndAnswer(up);
  EXPECT_EQ(Count(stats().upstream_cx_total), 1u);
}

}  // namespace
}  // namespace outrigger::proxy
