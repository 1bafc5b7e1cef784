// fake_control.h: the control API over invented answers, on a socket in a folder of its own: for
// tests of its methods and of its clients.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/service/control_service.h"
#include "scheduler/base/check.h"
#include "scheduler/base/mutex.h"
#include "scheduler/scheduler.h"

namespace outrigger::control {

// Not bazel's folder: the path of a Unix socket has 107 bytes at most.
class SocketFolder {
 public:
  SocketFolder() { OUTRIGGER_CHECK(mkdtemp(path_) != nullptr); }
  ~SocketFolder() {
    unlink(socket().c_str());
    rmdir(path_);
  }
  std::string path() const { return path_; }
  std::string socket() const { return path() + "/control.sock"; }

 private:
  char path_[32] = "/tmp/outrigger-test-XXXXXX";
};

// A running server with `methods`. Thread-safety: confined to the test's thread.
class TestGrpcServer {
 public:
  TestGrpcServer(GrpcServerOptions options, std::vector<GrpcMethod> methods) {
    auto server = ListenGrpc(std::move(options), std::move(methods));
    if (!server.ok()) std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    OUTRIGGER_CHECK(server.ok());
    server_ = *std::move(server);
    server_->Start(pool_);
  }
  ~TestGrpcServer() { pool_.Stop(); }

 private:
  std::unique_ptr<HttpServer> server_;  // outlives the pool
  scheduler::Pool pool_{{.name = "control",
                         .policy = scheduler::Policy::kStealing,
                         .affinity = std::vector<scheduler::CpuSet>(2)}};
};

// What the fake process did and says. Thread-safety: guarded by mutex_ where it changes.
class FakeControl {
 public:
  ControlSources Sources() {
    return {.status = [this] { return Status(); },
            .cpu_plan = [] { return CpuPlan(); },
            .drain = [this](const DrainOrder& order) { return Drain(order); },
            .coroutines = [] { return "coroutine resolver [read]:\n"; },
            .trace = [] { return R"({"traceEvents":[]})"; }};
  }

  // The orders to drain that were accepted.
  std::vector<DrainOrder> drains() {
    scheduler::MutexLock lock(mutex_);
    return drains_;
  }
  void RefuseDrains() { refuse_ = true; }

 private:
  v1::StatusResponse Status() {
    v1::StatusResponse status;
    status.set_version("1.2.3");
    status.set_state(drains().empty() ? v1::LIVE : v1::DRAINING);
    status.mutable_uptime()->set_seconds(3723);
    status.set_pid(42);
    status.set_concurrency(3);
    status.set_control_procs(1);
    auto& listener = *status.add_listeners();
    listener.set_name("ingress");
    listener.set_address("127.0.0.1:10000");
    status.set_active_connections(7);
    status.set_active_requests(5);
    status.set_total_requests(12'345'678'901);
    return status;
  }

  static v1::GetCpuPlanResponse CpuPlan() {
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
    return plan;
  }

  absl::Status Drain(const DrainOrder& order) {
    if (refuse_) return absl::FailedPreconditionError("not started yet");
    scheduler::MutexLock lock(mutex_);
    drains_.push_back(order);
    return absl::OkStatus();
  }

  std::atomic<bool> refuse_{false};
  scheduler::Mutex mutex_;
  std::vector<DrainOrder> drains_ OUTRIGGER_GUARDED_BY(mutex_);
};

}  // namespace outrigger::control
