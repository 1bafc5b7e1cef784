// yaml.h: the one door to yaml-cpp. YAML 1.2 or JSON text becomes a plain ordered tree with places,
// and a tree becomes text again (`outrigger inject`).
// In the flow: file -> YamlNode -> proto_from_yaml.h -> bootstrap proto.
// It knows no types: a scalar is text plus whether it was quoted. Comments are not kept, merge keys
// (`<<`) not followed. Hostile text ends as a Status: size, depth, node count and alias expansion
// are bounded; duplicate keys, unknown tags and invalid UTF-8 are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace outrigger::control {

// A place in the source, both 1-based; 0:0 for a node made in code.
struct YamlMark {
  uint32_t line = 0;
  uint32_t column = 0;
};

struct YamlEntry;

// Runs on: any. Owner: whoever holds the root. Thread-safety: as std::vector.
struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kSequence, kMapping };

  // A scalar that is a string whatever it looks like; emitted in quotes where needed.
  static YamlNode String(std::string text);
  // A scalar that readers may take for a number or a boolean: Plain("8080"), Plain("true").
  static YamlNode Plain(std::string text);
  static YamlNode Sequence(std::vector<YamlNode> items);
  static YamlNode Mapping(std::vector<YamlEntry> entries);
  // Empty ones: overloads, since a default argument would need YamlEntry complete here (Clang).
  static YamlNode Sequence();
  static YamlNode Mapping();

  bool IsNull() const { return kind == Kind::kNull; }
  bool IsScalar() const { return kind == Kind::kScalar; }
  bool IsSequence() const { return kind == Kind::kSequence; }
  bool IsMapping() const { return kind == Kind::kMapping; }

  // The value under `key`, or nullptr if there is none or this is no mapping. The pointer holds
  // until entries are added or removed.
  const YamlNode* Find(std::string_view key) const;
  YamlNode* Find(std::string_view key);
  // Replaces the value under `key` in place, or appends the entry. A null node becomes a mapping;
  // must not be called on a scalar or a sequence.
  YamlNode& Set(std::string_view key, YamlNode value);
  // Removes the entry; false if there was none.
  bool Erase(std::string_view key);

  Kind kind = Kind::kNull;
  bool quoted = false;  // Scalar: written in quotes, as a block, or tagged !!str.
  YamlMark mark;
  std::string text;                // kScalar
  std::vector<YamlNode> items;     // kSequence
  std::vector<YamlEntry> entries;  // kMapping, in the order of the source
};

struct YamlEntry {
  std::string key;
  YamlNode value;
  bool key_quoted = false;
  YamlMark mark;  // of the key
};

inline YamlNode YamlNode::Sequence() { return Sequence({}); }
inline YamlNode YamlNode::Mapping() { return Mapping({}); }

struct YamlLimits {
  size_t max_bytes = 32u << 20;       // of the source
  size_t max_text_bytes = 64u << 20;  // of all scalars, copies made by aliases included
  size_t max_nodes = 2'000'000;       // copies made by aliases included
  size_t max_documents = 10'000;
  int max_depth = 100;
};

// Parses exactly one document; empty text is a null node. `source` is the file's name in errors:
// "envoy.yaml:12:5: duplicate key \"name\"" (kInvalidArgument).
absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view source,
                                   const YamlLimits& limits = {});
// Parses any number of documents separated by `---`; the limits hold for their sum.
absl::StatusOr<std::vector<YamlNode>> ParseYamlDocuments(std::string_view text,
                                                         std::string_view source,
                                                         const YamlLimits& limits = {});

// Block style, two spaces, ends with a newline. What is parsed and emitted parses to the same tree,
// but for marks and for quotes that were not needed.
std::string EmitYaml(const YamlNode& node);
// Several documents, `---` between them.
std::string EmitYaml(absl::Span<const YamlNode> documents);

// What readers of YAML take a plain scalar for. Booleans are those of YAML 1.1, as in Envoy
// (yes, on, y, ...), integers decimal or 0x.
enum class PlainKind : uint8_t { kNull, kBool, kInteger, kFloat, kString };
PlainKind ResolvePlain(std::string_view text);
// The value of a scalar that resolves to kBool.
bool PlainBool(std::string_view text);

}  // namespace outrigger::control
