// builder.h: static_resources of the bootstrap become one Snapshot.
// In the flow: LoadBootstrap() -> here -> Publisher. Parsing is control/resources'; here is what
// concerns several resources: duplicates, routes to unknown clusters, and what did not change.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/resources/core.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "proxy/snapshot/snapshot.h"

namespace outrigger::control {

// Keeps what it built last: a resource whose proto is the same is the same object in the next
// snapshot, so that workers see that nothing changed. Files that a resource names (a body, a log
// format) are read when it is parsed: one that changed on disk is read anew only if its resource
// changed too.
//
// Runs on: any; cold, may read files. Owner: the process. Thread-safety: confined, one Build() at a
// time.
class Builder {
 public:
  using StaticResources = envoy::config::bootstrap::v3::Bootstrap::StaticResources;

  using Filters = std::span<const proxy::FilterKind* const>;

  // `filters`: those that there are.
  Builder(proxy::StatRegistry& stats, proxy::AccessLogFiles& files, Filters filters)
      : stats_(stats), files_(files), filters_(filters) {}

  // On an error (kInvalidArgument or kUnimplemented for the configuration, another code for a file
  // that cannot be had) the builder is as it was. `warnings` gets sentences for the log.
  absl::StatusOr<std::shared_ptr<const proxy::Snapshot>> Build(const StaticResources& resources,
                                                               std::vector<std::string>& warnings);

 private:
  // Of a proto's bytes.
  struct Fingerprint {
    uint64_t high = 0;
    uint64_t low = 0;
    auto operator<=>(const Fingerprint&) const = default;
  };
  template <typename T>
  using Built = std::multimap<Fingerprint, std::shared_ptr<const T>>;

  static Fingerprint FingerprintOf(const google::protobuf::Message& proto);
  absl::Status AddClusters(const StaticResources& resources, ResourceInputs& inputs,
                           proxy::Snapshot& to, Built<proxy::Cluster>& built,
                           std::vector<const proxy::Cluster*>& fresh);
  absl::Status AddListeners(const StaticResources& resources, ResourceInputs& inputs,
                            proxy::Snapshot& to, Built<proxy::Listener>& built);

  proxy::StatRegistry& stats_;
  proxy::AccessLogFiles& files_;
  const Filters filters_;
  FilterNames filter_names_;
  uint64_t version_ = 0;
  std::shared_ptr<const proxy::Snapshot> last_;
  Built<proxy::Cluster> clusters_;
  Built<proxy::Listener> listeners_;
};

}  // namespace outrigger::control
