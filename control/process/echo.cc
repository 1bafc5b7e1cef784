#include "control/process/echo.h"

#include <cstdio>

#include "control/process/exit_code.h"
#include "control/process/signals.h"
#include "proxy/connection/echo.h"
#include "proxy/worker/worker_set.h"

namespace outrigger::control {
namespace {

// Windows as wide as a load generator's, so that the built-in upstream is never what a test waits
// for.
constexpr uint32_t kStreamWindow = 1024 * 1024;
constexpr uint32_t kConnectionWindow = 16 * 1024 * 1024;

std::shared_ptr<const proxy::Listener> MakeListener(const std::string& name,
                                                    const proxy::Address& address) {
  auto listener = std::make_shared<proxy::Listener>();
  listener->name = name;
  listener->address = address;
  listener->http.server_name = "outrigger-echo";
  listener->http.http2.initial_stream_window_size = kStreamWindow;
  listener->http.http2.initial_connection_window_size = kConnectionWindow;
  listener->http.idle_timeout = 0;
  return listener;
}

}  // namespace

int RunEcho(const EchoFlags& flags) {
  auto snapshot = std::make_shared<proxy::Snapshot>();
  for (const std::string& text : flags.listen) {
    absl::StatusOr<proxy::Address> address = proxy::Address::Parse(text);
    if (!address.ok()) return Fail(kBadUsage, "--listen", address.status());
    snapshot->listeners.push_back(MakeListener(text, *address));
  }
  std::vector<scheduler::CpuSet> affinity(flags.concurrency);
  if (!flags.cpus.empty()) {
    absl::StatusOr<scheduler::CpuSet> cpus = scheduler::CpuSet::Parse(flags.cpus);
    if (!cpus.ok()) return Fail(kBadUsage, "--cpus", cpus.status());
    affinity.assign(flags.concurrency, *cpus);
  }
  proxy::StatRegistry stats;
  proxy::WorkerSet workers(stats, std::move(affinity));
  if (absl::Status bound = workers.Bind(*snapshot); !bound.ok()) {
    return Fail(kCannotHave, "echo", bound);
  }
  workers.Start(snapshot, &proxy::Echo);
  for (const auto& listener : snapshot->listeners) {
    for (const proxy::Address& address : workers.Addresses(listener->name)) {
      std::printf("listening on %s\n", address.text.c_str());
    }
  }
  std::fflush(stdout);
  while (WaitForSignal() == ProcessSignal::kReload) {
  }
  workers.Stop();
  return kDone;
}

}  // namespace outrigger::control
