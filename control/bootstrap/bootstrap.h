// bootstrap.h: the bootstrap file as its proto: Envoy's v3 schema in YAML or JSON, plus the block
// `outrigger:`.
// In the flow: flags -> here -> control/resources, which checks what the values mean.
// It checks names and types only, starts nothing and keeps nothing; HUP simply calls it again.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb.h"

namespace outrigger::control {

struct BootstrapOptions {
  std::string path;  // -c FILE; empty if config_yaml is all there is
  // --config-yaml TEXT, merged over the file as Envoy does: single values replace, lists are
  // appended to.
  std::string config_yaml;
  bool allow_unknown_static_fields = false;
};

struct LoadedBootstrap {
  envoy::config::bootstrap::v3::Bootstrap proto;
  // Paths of the fields that were skipped: "static_resources.clusters[0].lb_subset_config".
  std::vector<std::string> unknown_fields;
  // A sentence each, with file and line, for the log.
  std::vector<std::string> warnings;
};

// Errors: kInvalidArgument for what the text says (FILE:LINE:COLUMN: PATH: what is wrong), another
// code where the file cannot be read.
absl::StatusOr<LoadedBootstrap> LoadBootstrap(const BootstrapOptions& options);

}  // namespace outrigger::control
