// filter_kind.h: how the control side makes filters of one kind. Each kind has one in its folder's
// config.cc, the only file there that sees its protos; all.h lists them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/filters/filter.h"

namespace google::protobuf {
class Any;
}

namespace outrigger::proxy {

class FieldPath;

// What parsers need beside the proto. References outlive the parsing.
struct FilterInputs {
  StatRegistry& stats;
  std::vector<std::string>& warnings;  // sentences for the log, each with its path
  std::string_view stat_prefix;        // the connection manager's; empty for what routes say
};

// Thread-safety: immutable, static.
struct FilterKind {
  std::string_view name;           // envoy.filters.http.<name>
  std::string_view config_type;    // the message in a chain
  std::string_view settings_type;  // the message on a route; empty: routes say nothing
  absl::StatusOr<std::shared_ptr<const Filter>> (*make)(const google::protobuf::Any& config,
                                                        const FieldPath& path,
                                                        const FilterInputs& inputs);
  absl::StatusOr<std::shared_ptr<const FilterSettings>> (*make_settings)(
      const google::protobuf::Any& config, const FieldPath& path, const FilterInputs& inputs);
  // What holds where both a route and what it stands in say something. Null: `specific` alone.
  std::shared_ptr<const FilterSettings> (*combine)(const FilterSettings& specific,
                                                   const FilterSettings& general);
};

}  // namespace outrigger::proxy
