#include "control/assembly/builder.h"

#include <sys/random.h>
#include <xxhash.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "control/resources/cluster.h"
#include "control/resources/listener.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

using proxy::Cluster;
using proxy::Listener;
using proxy::Snapshot;

// A random UUID (version 4), which Envoy too gives to a listener without a name.
std::string MakeName() {
  unsigned char bytes[16];
  OUTRIGGER_CHECK(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  std::string name;
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) name += '-';
    name += absl::StrFormat("%02x", bytes[i]);
  }
  return name;
}

// What was built from the same proto before, and was not used yet in this build; else null.
template <typename Key, typename T>
std::shared_ptr<const T> Take(std::multimap<Key, std::shared_ptr<const T>>& before,
                              const Key& key) {
  const auto it = before.find(key);
  if (it == before.end()) return nullptr;
  std::shared_ptr<const T> built = std::move(it->second);
  before.erase(it);
  return built;
}

absl::Status Refuse(std::string_view resource, std::string_view list, int index,
                    std::string_view what) {
  const std::string label = absl::StrFormat("static_resources.%s[%d]", list, index);
  return FieldPath(label).Error(absl::StrFormat("%s: %s", resource, what));
}

// Port 0 is any free port, so two of them are no duplicates.
bool TakesAddress(const proxy::Address& address) { return !address.is_ip() || address.port() != 0; }

}  // namespace

Builder::Fingerprint Builder::FingerprintOf(const google::protobuf::Message& proto) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // maps in one order
    proto.SerializeToCodedStream(&coded);
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

absl::Status Builder::AddClusters(const StaticResources& resources, ResourceInputs& inputs,
                                  Snapshot& to, Built<Cluster>& built,
                                  std::vector<const Cluster*>& fresh) {
  Built<Cluster> before = clusters_;
  for (int i = 0; i < resources.clusters_size(); ++i) {
    const auto& proto = resources.clusters(i);
    if (to.clusters.contains(proto.name())) {
      return Refuse(absl::StrFormat("cluster \"%s\"", proto.name()), "clusters", i,
                    "duplicate cluster name");
    }
    // Its own error would name it by the name that it lacks.
    if (proto.name().empty()) return Refuse("a cluster", "clusters", i, "name is required");
    const Fingerprint fingerprint = FingerprintOf(proto);
    std::shared_ptr<const Cluster> cluster = Take(before, fingerprint);
    if (!cluster || cluster->tls) {  // its files may say something else by now
      OUTRIGGER_ASSIGN_OR_RETURN(const std::shared_ptr<Cluster> parsed,
                                 ParseCluster(proto, inputs));
      if (last_) {
        // What is in use counts against the new limits.
        const auto old = last_->clusters.find(parsed->name);
        if (old != last_->clusters.end()) parsed->breaker_cells = old->second->breaker_cells;
      }
      cluster = parsed;
      fresh.push_back(parsed.get());
    }
    built.emplace(fingerprint, cluster);
    to.clusters.emplace(cluster->name, cluster);
  }
  return absl::OkStatus();
}

absl::Status Builder::AddListeners(const StaticResources& resources, ResourceInputs& inputs,
                                   Snapshot& to, Built<Listener>& built) {
  Built<Listener> before = listeners_;
  std::map<std::string, int> names;
  std::map<std::string, std::string> addresses;  // address -> listener
  const auto exists = [&to](const std::string& name) { return to.clusters.contains(name); };
  for (int i = 0; i < resources.listeners_size(); ++i) {
    const auto& proto = resources.listeners(i);
    const Fingerprint fingerprint = FingerprintOf(proto);
    std::shared_ptr<const Listener> listener = Take(before, fingerprint);
    if (!listener || listener->tls) {  // its files may say something else by now
      OUTRIGGER_ASSIGN_OR_RETURN(
          listener, ParseListener(proto, proto.name().empty() ? MakeName() : proto.name(), inputs));
    }
    const std::string label = absl::StrFormat("listener \"%s\"", listener->name);
    if (!names.emplace(listener->name, i).second) {
      return Refuse(label, "listeners", i, "duplicate listener name");
    }
    const auto [holder, fresh] = addresses.emplace(listener->address.text, label);
    if (!fresh && TakesAddress(listener->address)) {
      return Refuse(label, "listeners", i,
                    absl::StrFormat("duplicate address %s, which %s has already",
                                    listener->address.text, holder->second));
    }
    OUTRIGGER_RETURN_IF_ERROR(CheckListenerClusters(*listener, exists));
    built.emplace(fingerprint, listener);
    to.listeners.push_back(std::move(listener));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Snapshot>> Builder::Build(const StaticResources& resources,
                                                               std::vector<std::string>& warnings) {
  ResourceInputs inputs{stats_, files_, warnings, filters_, filter_names_};
  auto snapshot = std::make_shared<Snapshot>();
  Built<Cluster> clusters;
  Built<Listener> listeners;
  std::vector<const Cluster*> fresh;
  OUTRIGGER_RETURN_IF_ERROR(AddClusters(resources, inputs, *snapshot, clusters, fresh));
  OUTRIGGER_RETURN_IF_ERROR(AddListeners(resources, inputs, *snapshot, listeners));
  snapshot->version = ++version_;
  for (const Cluster* cluster : fresh) cluster->TakeOverBreakers();
  last_ = snapshot;
  clusters_ = std::move(clusters);
  listeners_ = std::move(listeners);
  return snapshot;
}

}  // namespace outrigger::control
