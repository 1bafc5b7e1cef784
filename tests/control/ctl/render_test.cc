#include "control/ctl/render.h"

#include "gtest/gtest.h"

namespace outrigger::control {
namespace {

TEST(RenderTest, StatusLinesUp) {
  v1::StatusResponse status;
  status.set_version("1.2.3");
  status.set_state(v1::LIVE);
  status.mutable_uptime()->set_seconds(3723);
  status.set_pid(42);
  status.set_concurrency(3);
  status.set_control_procs(1);
  status.set_active_connections(7);
  status.set_active_requests(5);
  status.set_total_requests(12'345'678'901);
  auto& listener = *status.add_listeners();
  listener.set_name("ingress");
  listener.set_address("[::]:10000");
  EXPECT_EQ(RenderStatus(status),
            "state                LIVE\n"
            "version              1.2.3\n"
            "process              42\n"
            "uptime               1h 2m\n"
            "data workers         3\n"
            "control processors   1\n"
            "connections          7\n"
            "requests             5 open, 12345678901 since the start\n"
            "\n"
            "LISTENER   ADDRESS\n"
            "ingress    [::]:10000\n");
}

TEST(RenderTest, UptimeHasItsTwoLargestUnits) {
  for (const auto& [seconds, text] : {std::pair<int64_t, const char*>{0, "0s"},
                                      {59, "59s"},
                                      {60, "1m 0s"},
                                      {86'399, "23h 59m"},
                                      {200'000, "2d 7h"}}) {
    v1::StatusResponse status;
    status.mutable_uptime()->set_seconds(seconds);
    EXPECT_NE(RenderStatus(status).find(std::string("uptime               ") + text + "\n"),
              std::string::npos)
        << text;
  }
}

TEST(RenderTest, NothingIsSaidAsNone) {
  EXPECT_NE(RenderStatus({}).find("LISTENER   ADDRESS\nnone\n"), std::string::npos);
  EXPECT_EQ(RenderCpuPlan({}),
            "allowed CPUs   none\n"
            "quota          none\n"
            "control CPUs   none\n"
            "data CPUs      none\n"
            "\n"
            "WORKER   THREAD   CPU\n"
            "none\n");
}

TEST(RenderTest, ThePlanGivesItsReasons) {
  v1::GetCpuPlanResponse plan;
  plan.mutable_allowance()->set_cpus("0-3");
  plan.mutable_allowance()->set_cpus_source("sched_getaffinity");
  plan.mutable_allowance()->set_quota(2.5);
  plan.mutable_allowance()->set_quota_source("cpu.max");
  plan.set_control_cpus("0");
  plan.set_data_cpus("1-3");
  auto& worker = *plan.add_workers();
  worker.set_name("data:0");
  worker.set_tid(43);
  worker.set_cpu(1);
  plan.add_reasons("One control CPU of 4.");
  plan.add_warnings("The quota is no whole number.");
  EXPECT_EQ(RenderCpuPlan(plan),
            "allowed CPUs   0-3        sched_getaffinity\n"
            "quota          2.5 CPUs   cpu.max\n"
            "control CPUs   0\n"
            "data CPUs      1-3\n"
            "\n"
            "WORKER   THREAD   CPU\n"
            "data:0   43       1\n"
            "\n"
            "WHY\n"
            "  One control CPU of 4.\n"
            "\n"
            "WARNINGS\n"
            "  The quota is no whole number.\n");
}

TEST(RenderTest, NamesCannotSteerTheTerminal) {
  v1::StatusResponse status;
  auto& listener = *status.add_listeners();
  listener.set_name("a\x1b[2J\nb");
  EXPECT_NE(RenderStatus(status).find("a?[2J?b"), std::string::npos);
}

}  // namespace
}  // namespace outrigger::control
