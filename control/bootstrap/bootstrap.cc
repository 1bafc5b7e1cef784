#include "control/bootstrap/bootstrap.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/bootstrap/known_types.h"
#include "control/bootstrap/proto_from_yaml.h"
#include "control/bootstrap/yaml.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

using envoy::config::bootstrap::v3::Bootstrap;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// Also reads what has no size, such as a pipe. A file over the limit is cut one byte past it: the
// parser refuses it by its size.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) return absl::ErrnoToStatus(errno, "cannot open " + path);
  std::string text;
  char block[64 << 10];
  size_t size = 0;
  while (text.size() <= max_bytes && (size = std::fread(block, 1, sizeof(block), file.get())) > 0) {
    text.append(block, size);
  }
  if (std::ferror(file.get()) != 0) return absl::ErrnoToStatus(errno, "cannot read " + path);
  return text;
}

absl::StatusOr<Bootstrap> ParseText(std::string_view text, std::string_view source,
                                    bool allow_unknown, LoadedBootstrap& loaded) {
  OUTRIGGER_ASSIGN_OR_RETURN(const YamlNode tree, ParseYaml(text, source));
  if (tree.IsNull()) loaded.warnings.push_back(absl::StrFormat("%s: empty", source));
  Bootstrap parsed;
  std::vector<UnknownField> unknown;
  OUTRIGGER_RETURN_IF_ERROR(
      ProtoFromYaml(tree, source, parsed, allow_unknown ? &unknown : nullptr));
  for (UnknownField& field : unknown) {
    loaded.warnings.push_back(absl::StrFormat("%s:%d:%d: %s: unknown field, ignored", source,
                                              field.mark.line, field.mark.column, field.path));
    loaded.unknown_fields.push_back(std::move(field.path));
  }
  return parsed;
}

// Runtime keys are read by nothing yet, and their default values hold.
void WarnOfRuntime(LoadedBootstrap& loaded) {
  std::vector<std::string> keys;
  for (const auto& layer : loaded.proto.layered_runtime().layers()) {
    for (const auto& [key, value] : layer.static_layer().fields()) keys.push_back(key);
  }
  if (keys.empty()) return;
  std::sort(keys.begin(), keys.end());
  loaded.warnings.push_back(
      absl::StrFormat("layered_runtime: static layers are not supported yet, ignored: %s",
                      absl::StrJoin(keys, ", ")));
}

}  // namespace

absl::StatusOr<LoadedBootstrap> LoadBootstrap(const BootstrapOptions& options) {
  if (options.path.empty() && options.config_yaml.empty()) {
    return absl::InvalidArgumentError("no configuration: give a file with -c, or --config-yaml");
  }
  const bool allow_unknown = options.allow_unknown_static_fields;
  LinkKnownTypes();
  LoadedBootstrap loaded;
  if (!options.path.empty()) {
    OUTRIGGER_ASSIGN_OR_RETURN(const std::string text,
                               ReadFile(options.path, YamlLimits().max_bytes));
    OUTRIGGER_ASSIGN_OR_RETURN(loaded.proto, ParseText(text, options.path, allow_unknown, loaded));
  }
  if (!options.config_yaml.empty()) {
    OUTRIGGER_ASSIGN_OR_RETURN(const Bootstrap over, ParseText(options.config_yaml, "--config-yaml",
                                                               allow_unknown, loaded));
    loaded.proto.MergeFrom(over);
  }
  WarnOfRuntime(loaded);
  return loaded;
}

}  // namespace outrigger::control
