// scalars.h: one YAML scalar as one proto field's value, by the rules of the proto3 JSON mapping.
// In the flow: called by proto_from_yaml.h, which knows the field's path and makes the error.
// It reports no places: a reader returns an empty optional where the node is not of its type.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/bootstrap/yaml.h"

namespace outrigger::control {

// "8080", 8080, 0x1F and 8080.0 are the same number; 010 is none, since readers differ on it.
std::optional<int64_t> ReadSigned(const YamlNode& node, int64_t min, int64_t max);
std::optional<uint64_t> ReadUnsigned(const YamlNode& node, uint64_t max);
// Also "NaN", "Infinity" and "-Infinity". Values beyond `max` are none; infinity itself passes.
std::optional<double> ReadDouble(const YamlNode& node,
                                 double max = std::numeric_limits<double>::max());
// Plain words only: a quoted "true" is a string.
std::optional<bool> ReadBool(const YamlNode& node);
// Plain integers, booleans and null are not strings, as in Envoy; 1.20 is.
std::optional<std::string> ReadString(const YamlNode& node);
// Base64, standard or URL-safe, padded or not.
std::optional<std::string> ReadBytes(const YamlNode& node);

// Both parts have the sign of the whole.
struct ReadTime {
  int64_t seconds = 0;
  int32_t nanos = 0;
};
// "1.5s": seconds, at most nine decimals, at most 10,000 years.
std::optional<ReadTime> ReadDuration(const YamlNode& node);

// For errors: `"eighty"`, `80`, `null`, `a list`, `a mapping`; long text is cut.
std::string DescribeYaml(const YamlNode& node);

// The entry of `names` that looks most like `word`, or empty if none does.
std::string ClosestName(std::string_view word, const std::vector<std::string>& names);

}  // namespace outrigger::control
