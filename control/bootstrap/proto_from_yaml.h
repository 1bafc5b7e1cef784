// proto_from_yaml.h: a YAML tree as a protobuf message, by the proto3 JSON mapping.
// In the flow: yaml.h -> here -> bootstrap.h. Not protobuf's own JSON parser, because that cannot
// say where in the file a mistake is.
// It checks types and names only; what values mean is checked by control/resources.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "control/bootstrap/yaml.h"
#include "google/protobuf/message.h"

namespace outrigger::control {

struct UnknownField {
  YamlMark mark;
  std::string path;  // "static_resources.listeners[0].filtersx"
};

// Fills `message` from `node`; fields the tree does not name are left as they are. Names may be
// snake_case or lowerCamelCase; an Any needs an "@type" that is linked into this binary. `source`
// is the file's name in errors (kInvalidArgument):
//   envoy.yaml:14:9: static_resources.listeners[0].nam: unknown field (did you mean "name"?)
//   envoy.yaml:9:23: admin.address.socket_address.port_value: expected an unsigned 32-bit integer,
//   got "eighty"
// With `unknown_fields`, those are appended there and skipped instead.
absl::Status ProtoFromYaml(const YamlNode& node, std::string_view source,
                           google::protobuf::Message& message,
                           std::vector<UnknownField>* unknown_fields = nullptr);

}  // namespace outrigger::control
