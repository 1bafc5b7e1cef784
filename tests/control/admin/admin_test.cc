#include "control/admin/admin.h"

#include <google/protobuf/util/json_util.h>

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "gtest/gtest.h"
#include "proxy/stats/scopes.h"
#include "scheduler/base/log.h"
#include "tests/control/service/peer.h"

namespace outrigger::control {
namespace {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;

struct Answer {
  int status = 0;
  std::string head;
  std::string body;
};

class AdminTest : public ::testing::Test {
 protected:
  AdminTest() {
    bootstrap_.mutable_node()->set_id("node-1");
    bootstrap_.mutable_static_resources();
    auto& listener = *static_resources_.add_listeners();
    listener.set_name("in");
    hcm::HttpConnectionManager http;
    http.mutable_route_config()->set_name("local");
    listener.add_filter_chains()->add_filters()->mutable_typed_config()->PackFrom(http);
    static_resources_.add_clusters()->set_name("echo");

    auto cluster = std::make_shared<proxy::Cluster>();
    cluster->name = "echo";
    cluster->circuit_breakers.max_requests = 7;
    auto hosts = std::make_shared<proxy::HostSet>();
    hosts->hosts.push_back(std::make_shared<proxy::Host>(
        proxy::Host{.address = *proxy::Address::Parse("10.0.0.1:80"), .hostname = "h"}));
    hosts->hosts.push_back(
        std::make_shared<proxy::Host>(proxy::Host{.address = *proxy::Address::Parse("10.0.0.2:80"),
                                                  .health = proxy::Host::Health::kDraining}));
    // Two workers have been there.
    for (int worker : {0, 1}) {
      proxy::HostCounters& counters = hosts->hosts[0]->counters.Of(worker);
      proxy::HostCounters::Add(counters.rq_total, 5);
      proxy::HostCounters::Add(counters.cx_active);
    }
    cluster->hosts = hosts;
    auto in = std::make_shared<proxy::Listener>();
    in->name = "in";
    snapshot_->clusters["echo"] = cluster;
    snapshot_->listeners.push_back(in);

    allowance_.cpus = {0, 1, 2};
    allowance_.cpus_source = "a <test>";
    plan_.control = {0};
    plan_.data = {1};
    plan_.worker_cpus = {1, 1};
    plan_.reasons.allowance = "3 CPUs by <test>";
    plan_.warnings = {"2 workers on 1 CPU"};
    stats_.AddCounter("test.counter", "A counter");
    state_.Set(Phase::kLive);

    envoy::config::bootstrap::v3::Admin admin;
    auto& address = *admin.mutable_address()->mutable_socket_address();
    address.set_address("127.0.0.1");
    address.set_port_value(0);
    auto server = ListenAdmin(
        admin,
        {
            .version = "1.2.3",
            .config_path = "file.yaml",
            .state = state_,
            .stats = stats_,
            .bootstrap = bootstrap_,
            .static_resources = [this] { return static_resources_; },
            .allowance = allowance_,
            .plan = plan_,
            .pools = {&pool_},
            .snapshot = [this] { return snapshot_; },
            .hosts =
                [this](const std::string& name) { return snapshot_->clusters.at(name)->hosts; },
            .addresses =
                [](const std::string&) {
                  return std::vector<proxy::Address>{*proxy::Address::Parse("127.0.0.1:10000"),
                                                     *proxy::Address::Parse("unix:/tmp/x")};
                },
            .drain_listeners = [this](const DrainListeners& order) { drains_.push_back(order); },
            .quit = [this] { ++quits_; },
        });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->Start(pool_);
  }
  ~AdminTest() override {
    scheduler::SetLogLevel(level_);
    pool_.Stop();
  }

  Answer Ask(std::string_view method, std::string_view target, std::string_view accept = "*/*") {
    Peer peer(server_->address());
    std::string request(method);
    request.append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\nAccept: ").append(accept);
    peer.Send(request + "\r\nConnection: close\r\n\r\n");
    const std::string all = peer.ReceiveAll();
    Answer answer;
    const size_t end = all.find("\r\n\r\n");
    if (all.size() < 12 || end == std::string::npos) return answer;
    answer.status = std::stoi(all.substr(9, 3));
    answer.head = all.substr(0, end);
    answer.body = all.substr(end + 4);
    return answer;
  }
  Answer Get(std::string_view target) { return Ask("GET", target); }
  // The answer as a structure; fails the test if it is no JSON.
  google::protobuf::Struct Json(std::string_view target) {
    google::protobuf::Struct json;
    const Answer answer = Get(target);
    EXPECT_NE(answer.head.find("content-type: application/json"), std::string::npos);
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(answer.body, &json).ok())
        << answer.body;
    return json;
  }

  const scheduler::LogLevel level_ = scheduler::GetLogLevel();
  ServerState state_;
  proxy::StatRegistry stats_;
  envoy::config::bootstrap::v3::Bootstrap bootstrap_;
  envoy::config::bootstrap::v3::Bootstrap::StaticResources static_resources_;
  std::shared_ptr<proxy::Snapshot> snapshot_ = std::make_shared<proxy::Snapshot>();
  scheduler::CpuAllowance allowance_;
  scheduler::CpuPlan plan_;
  std::vector<DrainListeners> drains_;
  int quits_ = 0;
  std::unique_ptr<HttpServer> server_;
  scheduler::Pool pool_{{.name = "control",
                         .policy = scheduler::Policy::kStealing,
                         .affinity = std::vector<scheduler::CpuSet>(2)}};
};

TEST_F(AdminTest, ReadySaysTheState) {
  EXPECT_EQ(Get("/ready").status, 200);
  EXPECT_EQ(Get("/ready").body, "LIVE\n");
  state_.Set(Phase::kDraining);
  EXPECT_EQ(Get("/ready").status, 503);
  EXPECT_EQ(Get("/ready").body, "DRAINING\n");
  state_.Set(Phase::kInitializing);
  EXPECT_EQ(Get("/ready").body, "INITIALIZING\n");
  state_.Set(Phase::kPreInitializing);
  EXPECT_EQ(Get("/ready").body, "PRE_INITIALIZING\n");
}

TEST_F(AdminTest, HealthCheckFailsAndRecovers) {
  EXPECT_EQ(Ask("POST", "/healthcheck/fail").body, "OK\n");
  EXPECT_EQ(Get("/ready").status, 503);
  EXPECT_EQ(Ask("POST", "/healthcheck/ok").body, "OK\n");
  EXPECT_EQ(Get("/ready").status, 200);
}

TEST_F(AdminTest, ChangesAreMadeByPostAlone) {
  for (const char* path : {"/drain_listeners", "/quitquitquit", "/healthcheck/fail",
                           "/healthcheck/ok", "/logging?level=debug"}) {
    const Answer answer = Get(path);
    EXPECT_EQ(answer.status, 405) << path;
    EXPECT_EQ(answer.body, "Method GET not allowed, POST required.");
  }
  EXPECT_EQ(quits_, 0);
  EXPECT_TRUE(drains_.empty());
  EXPECT_TRUE(state_.ready());
}

TEST_F(AdminTest, DrainsAndQuits) {
  EXPECT_EQ(Ask("POST", "/drain_listeners").body, "OK\n");
  EXPECT_EQ(Ask("POST", "/drain_listeners?graceful&inboundonly&skip_exit").body, "OK\n");
  ASSERT_EQ(drains_.size(), 2u);
  EXPECT_FALSE(drains_[0].graceful || drains_[0].inbound_only || drains_[0].skip_exit);
  EXPECT_TRUE(drains_[1].graceful && drains_[1].inbound_only && drains_[1].skip_exit);
  EXPECT_EQ(Ask("POST", "/quitquitquit").body, "OK\n");
  EXPECT_EQ(quits_, 1);
}

TEST_F(AdminTest, LoggingShowsAndSetsTheLevel) {
  EXPECT_EQ(Ask("POST", "/logging?level=error").body, "active loggers:\n  all: error\n");
  EXPECT_EQ(scheduler::GetLogLevel(), scheduler::LogLevel::kError);
  EXPECT_EQ(Get("/logging").body, "active loggers:\n  all: error\n");
  const Answer bad = Ask("POST", "/logging?level=loud");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body.find("error: unknown logger level\n"), 0u);
  EXPECT_EQ(scheduler::GetLogLevel(), scheduler::LogLevel::kError);
}

TEST_F(AdminTest, UnknownPathsListTheCommands) {
  const Answer answer = Get("/nothing");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body.find("invalid path. admin commands are:\n  /: Admin home page\n"), 0u);
  const Answer help = Get("/help");
  EXPECT_EQ(help.status, 200);
  EXPECT_EQ(answer.body, "invalid path. " + help.body);
  for (const AdminPage& page : AdminPages()) {
    EXPECT_NE(help.body.find("\n  " + std::string(page.path)), std::string::npos) << page.path;
  }
}

TEST_F(AdminTest, ShowsStatsInEachFormat) {
  EXPECT_EQ(Get("/stats?filter=test").body.find("test.counter: 0\n") != std::string::npos, true);
  EXPECT_NE(Get("/stats?format=json&filter=test").body.find("\"test.counter\""), std::string::npos);
  const Answer prometheus = Get("/stats/prometheus");
  EXPECT_NE(prometheus.body.find("# TYPE envoy_test_counter counter"), std::string::npos);
  EXPECT_EQ(Get("/stats?format=prometheus").body, prometheus.body);
  EXPECT_EQ(Get("/stats?usedonly").body.find("test.counter"), std::string::npos);
  EXPECT_EQ(Get("/stats?format=xml").status, 400);
  EXPECT_EQ(Get("/stats?filter=(").status, 400);
  EXPECT_EQ(Get("/stats?filter=(").body, "Invalid re2 regex: missing ): (");
}

TEST_F(AdminTest, ServerInfoHasEnvoysShape) {
  const auto info = Json("/server_info").fields();
  EXPECT_EQ(info.at("state").string_value(), "LIVE");
  EXPECT_NE(info.at("version").string_value().find("1.2.3"), std::string::npos);
  EXPECT_EQ(info.at("node").struct_value().fields().at("id").string_value(), "node-1");
  const auto& options = info.at("command_line_options").struct_value().fields();
  EXPECT_EQ(options.at("concurrency").number_value(), 2);
  EXPECT_EQ(options.at("config_path").string_value(), "file.yaml");
  EXPECT_EQ(info.at("uptime_current_epoch").string_value().back(), 's');
}

TEST_F(AdminTest, ListsClustersAsEnvoyDoes) {
  const std::string text = Get("/clusters").body;
  for (const char* line :
       {"echo::observability_name::echo\n", "echo::default_priority::max_requests::7\n",
        "echo::high_priority::max_requests::1024\n", "echo::added_via_api::false\n",
        "echo::10.0.0.1:80::cx_active::2\n", "echo::10.0.0.1:80::rq_total::10\n",
        "echo::10.0.0.1:80::rq_timeout::0\n", "echo::10.0.0.1:80::hostname::h\n",
        "echo::10.0.0.1:80::health_flags::healthy\n", "echo::10.0.0.2:80::rq_total::0\n",
        "echo::10.0.0.2:80::health_flags::/eds_status_draining\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  const auto json = Json("/clusters?format=json");
  const auto& cluster = json.fields().at("cluster_statuses").list_value().values(0).struct_value();
  EXPECT_EQ(cluster.fields().at("name").string_value(), "echo");
  const auto& host = cluster.fields().at("host_statuses").list_value().values(0).struct_value();
  const auto& address = host.fields().at("address").struct_value().fields().at("socket_address");
  EXPECT_EQ(address.struct_value().fields().at("port_value").number_value(), 80);
  std::map<std::string, std::string> stats;
  for (const auto& stat : host.fields().at("stats").list_value().values()) {
    const auto& fields = stat.struct_value().fields();
    stats[fields.at("name").string_value()] =
        fields.contains("value") ? fields.at("value").string_value() : "";
  }
  EXPECT_EQ(stats.size(), 9u);
  EXPECT_EQ(stats["rq_total"], "10");
  EXPECT_EQ(stats["rq_error"], "");
}

TEST_F(AdminTest, ListsListenersAsEnvoyDoes) {
  EXPECT_EQ(Get("/listeners").body, "in::127.0.0.1:10000\nin::/tmp/x\n");
  const auto json = Json("/listeners?format=json");
  const auto& status = json.fields().at("listener_statuses").list_value().values(0).struct_value();
  EXPECT_EQ(status.fields().at("name").string_value(), "in");
  EXPECT_EQ(status.fields().count("local_address"), 1u);
  EXPECT_EQ(status.fields().at("additional_local_addresses").list_value().values_size(), 1);
}

TEST_F(AdminTest, DumpsTheConfiguration) {
  const auto json = Json("/config_dump");
  std::map<std::string, google::protobuf::Struct> dumps;
  for (const auto& config : json.fields().at("configs").list_value().values()) {
    const auto& fields = config.struct_value().fields();
    dumps[fields.at("@type").string_value()] = config.struct_value();
  }
  const std::string admin = "type.googleapis.com/envoy.admin.v3.";
  const auto& bootstrap = dumps[admin + "BootstrapConfigDump"].fields().at("bootstrap");
  EXPECT_EQ(bootstrap.struct_value().fields().count("static_resources"), 1u);
  const auto first = [&](const std::string& dump, const char* list, const char* field) {
    const auto& entry = dumps[admin + dump].fields().at(list).list_value().values(0).struct_value();
    EXPECT_EQ(entry.fields().count("last_updated"), 1u);
    return entry.fields().at(field).struct_value().fields();
  };
  EXPECT_EQ(first("ClustersConfigDump", "static_clusters", "cluster").at("@type").string_value(),
            "type.googleapis.com/envoy.config.cluster.v3.Cluster");
  EXPECT_EQ(first("ListenersConfigDump", "static_listeners", "listener").at("name").string_value(),
            "in");
  EXPECT_EQ(
      first("RoutesConfigDump", "static_route_configs", "route_config").at("name").string_value(),
      "local");
}

TEST_F(AdminTest, ShowsTheCpuPlanToProgramsAndPeople) {
  const auto json = Json("/cpu").fields();
  EXPECT_EQ(json.at("control").struct_value().fields().at("cpus").string_value(), "0");
  const auto& data = json.at("data").struct_value().fields();
  EXPECT_EQ(data.at("workers").list_value().values_size(), 2);
  EXPECT_EQ(json.at("warnings").list_value().values(0).string_value(), "2 workers on 1 CPU");
  EXPECT_GT(json.at("threads").list_value().values_size(), 1);

  const Answer page = Ask("GET", "/cpu", "text/html,*/*");
  EXPECT_NE(page.head.find("content-type: text/html"), std::string::npos);
  EXPECT_NE(page.body.find("<svg "), std::string::npos);
  EXPECT_NE(page.body.find(">2 workers</text>"), std::string::npos);
  EXPECT_NE(page.body.find("3 CPUs by &lt;test&gt;"), std::string::npos);
  EXPECT_NE(Ask("GET", "/cpu?format=json", "text/html").head.find("application/json"),
            std::string::npos);
}

TEST_F(AdminTest, ShowsTheSchedulerToProgramsAndPeople) {
  const auto json = Json("/scheduler");
  const auto& pool = json.fields().at("pools").list_value().values(0).struct_value().fields();
  EXPECT_EQ(pool.at("name").string_value(), "control");
  EXPECT_EQ(pool.at("policy").string_value(), "stealing");
  EXPECT_EQ(pool.at("processors").list_value().values_size(), 2);
  EXPECT_GE(pool.at("coroutines").number_value(), 2);  // the acceptor and this connection
  EXPECT_EQ(pool.at("slice_us").number_value(), 10'000);
  EXPECT_EQ(pool.at("machines").number_value(), 2);
  const Answer page = Ask("GET", "/scheduler", "text/html");
  EXPECT_NE(page.body.find("control:1</text>"), std::string::npos);
  EXPECT_NE(page.body.find("2 of 2 processors"), std::string::npos);
}

TEST_F(AdminTest, ShowsTheCoroutinesAndWhatTheSchedulerDidLast) {
  const Answer dump = Get("/scheduler/coroutines");
  EXPECT_NE(dump.head.find("content-type: text/plain"), std::string::npos);
  EXPECT_NE(dump.body.find("pool control: "), std::string::npos);
  EXPECT_NE(dump.body.find("[runnable or running]"), std::string::npos);  // this page's own
  EXPECT_NE(dump.body.find("Accept"), std::string::npos) << dump.body;    // and who awaits it
  const auto trace = Json("/scheduler/trace");
  EXPECT_GT(trace.fields().at("traceEvents").list_value().values_size(), 2);
}

TEST_F(AdminTest, TheIndexLinksReadersAndGuardsChanges) {
  const Answer page = Get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("<a href=\"/stats\">"), std::string::npos);
  EXPECT_NE(page.body.find("<form method=\"post\" action=\"/quitquitquit\">"), std::string::npos);
  EXPECT_EQ(page.body.find("href=\"/quitquitquit\""), std::string::npos);
}

TEST_F(AdminTest, NothingIsCachedOrSniffed) {
  for (const char* path : {"/", "/ready", "/stats", "/cpu", "/nothing"}) {
    const std::string head = Get(path).head;
    EXPECT_NE(head.find("cache-control: no-cache, max-age=0"), std::string::npos) << path;
    EXPECT_NE(head.find("x-content-type-options: nosniff"), std::string::npos) << path;
  }
}

TEST(ListenAdminTest, RefusesAnAddressThatIsNone) {
  envoy::config::bootstrap::v3::Admin admin;
  admin.mutable_address()->mutable_socket_address()->set_address("nowhere.example");
  admin.mutable_address()->mutable_socket_address()->set_port_value(1);
  ServerState state;
  proxy::StatRegistry stats;
  envoy::config::bootstrap::v3::Bootstrap bootstrap;
  scheduler::CpuAllowance allowance;
  scheduler::CpuPlan plan;
  const auto server = ListenAdmin(admin, {.state = state,
                                          .stats = stats,
                                          .bootstrap = bootstrap,
                                          .allowance = allowance,
                                          .plan = plan});
  ASSERT_FALSE(server.ok());
  EXPECT_NE(server.status().message().find("admin: address.socket_address"), std::string::npos)
      << server.status();
}

}  // namespace
}  // namespace outrigger::control
