// resolver.h: names become IP addresses. The only door to c-ares.
// In the flow: ClusterDns asks -> Resolve() -> a c-ares channel that this one coroutine drives.
// Each Resolve() has a channel of its own: no lock and no hand-over, a fresh source port for each
// question (harder to spoof), and /etc/resolv.conf as it stands at that moment.
// No cache here: whoever asks keeps the answer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/snapshot/snapshot.h"
#include "scheduler/scheduler.h"
#include "scheduler/sync/semaphore.h"

namespace outrigger::control {

using DnsFamily = proxy::Cluster::DnsFamily;

struct DnsAnswer {
  std::vector<std::string> ips;  // in the server's order; empty: the name has no address
  scheduler::Nanos ttl = 0;  // least of the records, nanoseconds; 0: none (a literal, /etc/hosts)
};

struct ResolverOptions {
  std::vector<proxy::Address> servers;  // IP addresses; empty: those of /etc/resolv.conf
  scheduler::Nanos try_timeout = 2 * scheduler::kSecond;  // of the first try; c-ares lengthens it
  int tries = 3;                                          // at each server
  size_t max_concurrent = 64;  // look-ups under way; each holds about three descriptors
};

// Runs on: Gs of stealing pools, any number at once. Owner: the process; outlives its callers' Gs.
// Thread-safety: any.
class Resolver {
 public:
  explicit Resolver(ResolverOptions options);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // IP literals answer themselves; /etc/hosts comes before DNS. `timeout` bounds the look-up, not
  // the wait for its turn. A name that does not exist, or has no address of the family, is an empty
  // answer. Errors: kInvalidArgument (not a name), kDeadlineExceeded, kUnavailable (the servers
  // refuse or fail), kCancelled.
  scheduler::Task<absl::StatusOr<DnsAnswer>> Resolve(std::string name, DnsFamily family,
                                                     scheduler::Nanos timeout);

 private:
  const ResolverOptions options_;
  scheduler::Semaphore slots_;  // one permit for each look-up under way
};

}  // namespace outrigger::control
