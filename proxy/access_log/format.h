// format.h: an access log's format, Envoy's text or JSON form, compiled once on the control side;
// also the value of a header that a route adds.
// Flow: the connection manager fills an AccessRecord -> Append() makes a line -> sink.h writes it.
// A line stays one line: what a peer sent cannot begin another.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/access_log/operators.h"

namespace outrigger::proxy {

// A json_format as configured. Objects are written in order of their keys, as Envoy does.
struct JsonTemplate {
  using Object = std::map<std::string, JsonTemplate>;
  using List = std::vector<JsonTemplate>;
  // Texts may hold operators; one that is a single operator takes on its type.
  std::variant<std::nullptr_t, bool, double, std::string, List, Object> value;
};

// Thread-safety: immutable.
class AccessLogFormat {
 public:
  // Errors name the operator and its column (from 1), or the JSON field.
  // `omit_empty`: a missing value is left out; else it is "-" (text) or null (JSON).
  static absl::StatusOr<AccessLogFormat> Text(std::string_view format, bool omit_empty = false);
  // One line a record; the line feed is added.
  static absl::StatusOr<AccessLogFormat> Json(const JsonTemplate& format, bool omit_empty = false);
  // What Envoy writes where no format is configured.
  static AccessLogFormat Default();

  // Appends the whole line.
  void Append(const AccessRecord& record, std::string& out) const;
  // Appends the text as a header's value: nothing is escaped, and what no value may hold (NUL, CR,
  // LF) is left out.
  void AppendValue(const AccessRecord& record, std::string& out) const;

 private:
  // Text between operators, or an operator.
  using Piece = std::variant<std::string, AccessOperator>;
  using Pieces = std::vector<Piece>;
  enum class Form : uint8_t { kLine, kJson, kHeader };
  struct Node {
    enum class Kind : uint8_t { kLiteral, kOperator, kMixed, kList, kObject };
    Kind kind = Kind::kLiteral;
    std::string literal;            // JSON text
    Pieces pieces;                  // kOperator: one; kMixed
    std::vector<std::string> keys;  // kObject: with quotes and colon
    std::vector<Node> nodes;        // kList, kObject
  };

  static absl::StatusOr<Pieces> ParsePieces(std::string_view format);
  static absl::StatusOr<Node> ParseNode(const JsonTemplate& format, const std::string& path,
                                        int depth);
  void AppendPieces(const Pieces& pieces, const AccessRecord& record, Form form, std::string& out,
                    std::string& scratch) const;
  static void AppendText(std::string& out, std::string_view text, Form form);
  // False: the value is missing and left out, nothing was appended.
  bool AppendNode(const Node& node, const AccessRecord& record, std::string& out,
                  std::string& scratch) const;

  bool json_ = false;
  bool omit_empty_ = false;
  Pieces text_;
  Node root_;
};

}  // namespace outrigger::proxy
