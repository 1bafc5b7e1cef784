#include "proxy/access_log/format.h"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/check.h"
#include "scheduler/base/json_text.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::proxy {
namespace {

constexpr size_t kMaxFormat = 64 * 1024;
constexpr int kMaxDepth = 16;
constexpr std::string_view kDefault =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" "
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" "
    "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Control bytes would let a peer start a line of its own, or steer a terminal.
void AppendEscaped(std::string& out, std::string_view text) {
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!IsControl(c)) continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        out.append("\\x");
        out.push_back("0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4]);
        out.push_back("0123456789ABCDEF"[c & 15]);
    }
  }
  out.append(text.substr(plain));
}

void AppendHeaderText(std::string& out, std::string_view text) {
  constexpr std::string_view kNever("\0\r\n", 3);
  for (size_t at = text.find_first_of(kNever); at != std::string_view::npos;
       at = text.find_first_of(kNever)) {
    out.append(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  out.append(text);
}

void AppendNumber(std::string& out, int64_t number) {
  char text[24];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), number);
  out.append(text, static_cast<size_t>(end - text));
}

// Where the operator that begins at `start` (a '%') ends (its last '%'); npos: it does not.
// A '%' within parentheses belongs to the argument.
size_t OperatorEnd(std::string_view format, size_t start) {
  bool inside = false;
  for (size_t i = start + 1; i < format.size(); ++i) {
    if (format[i] == '(') inside = true;
    if (format[i] == ')') inside = false;
    if (format[i] == '%' && !inside) return i;
  }
  return std::string_view::npos;
}

std::string JsonNumber(double number) {
  if (!std::isfinite(number)) return "null";
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), number);
  return std::string(text, end);
}

}  // namespace

absl::StatusOr<AccessLogFormat::Pieces> AccessLogFormat::ParsePieces(std::string_view format) {
  if (format.size() > kMaxFormat) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the format is longer than %d bytes", kMaxFormat));
  }
  Pieces pieces;
  auto literal = [&pieces]() -> std::string& {
    if (pieces.empty() || pieces.back().index() != 0) pieces.emplace_back(std::string());
    return std::get<std::string>(pieces.back());
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      literal().push_back(format[i]);
      continue;
    }
    if (i + 1 < format.size() && format[i + 1] == '%') {
      literal().push_back('%');
      ++i;
      continue;
    }
    const size_t end = OperatorEnd(format, i);
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "the operator at column %d does not end: write %%%% for a percent sign", i + 1));
    }
    absl::StatusOr<AccessOperator> op = AccessOperator::Parse(format.substr(i + 1, end - i - 1));
    if (!op.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("column %d: %s", i + 1, op.status().message()));
    }
    pieces.emplace_back(*std::move(op));
    i = end;
  }
  return pieces;
}

absl::StatusOr<AccessLogFormat::Node> AccessLogFormat::ParseNode(const JsonTemplate& format,
                                                                 const std::string& path,
                                                                 int depth) {
  if (depth > kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: deeper than %d levels", path, kMaxDepth));
  }
  Node node;
  if (const auto* object = std::get_if<JsonTemplate::Object>(&format.value)) {
    node.kind = Node::Kind::kObject;
    for (const auto& [key, value] : *object) {
      const std::string below = path.empty() ? key : absl::StrFormat("%s.%s", path, key);
      OUTRIGGER_ASSIGN_OR_RETURN(Node child, ParseNode(value, below, depth + 1));
      scheduler::AppendJsonString(node.keys.emplace_back(), key);
      node.keys.back().push_back(':');
      node.nodes.push_back(std::move(child));
    }
  } else if (const auto* list = std::get_if<JsonTemplate::List>(&format.value)) {
    node.kind = Node::Kind::kList;
    for (size_t i = 0; i < list->size(); ++i) {
      OUTRIGGER_ASSIGN_OR_RETURN(
          Node child, ParseNode((*list)[i], absl::StrFormat("%s[%d]", path, i), depth + 1));
      node.nodes.push_back(std::move(child));
    }
  } else if (const auto* text = std::get_if<std::string>(&format.value)) {
    absl::StatusOr<Pieces> pieces = ParsePieces(*text);
    if (!pieces.ok()) {
      return absl::InvalidArgumentError(absl::StrFormat("%s: %s", path, pieces.status().message()));
    }
    const bool one = pieces->size() == 1 && pieces->front().index() == 1;
    node.kind = one ? Node::Kind::kOperator : Node::Kind::kMixed;
    node.pieces = *std::move(pieces);
  } else if (const auto* number = std::get_if<double>(&format.value)) {
    node.literal = JsonNumber(*number);
  } else if (const auto* boolean = std::get_if<bool>(&format.value)) {
    node.literal = *boolean ? "true" : "false";
  } else {
    node.literal = "null";
  }
  return node;
}

absl::StatusOr<AccessLogFormat> AccessLogFormat::Text(std::string_view format, bool omit_empty) {
  AccessLogFormat result;
  result.omit_empty_ = omit_empty;
  OUTRIGGER_ASSIGN_OR_RETURN(result.text_, ParsePieces(format));
  return result;
}

absl::StatusOr<AccessLogFormat> AccessLogFormat::Json(const JsonTemplate& format, bool omit_empty) {
  AccessLogFormat result;
  result.json_ = true;
  result.omit_empty_ = omit_empty;
  OUTRIGGER_ASSIGN_OR_RETURN(result.root_, ParseNode(format, "", 0));
  return result;
}

AccessLogFormat AccessLogFormat::Default() {
  absl::StatusOr<AccessLogFormat> format = Text(kDefault);
  OUTRIGGER_CHECK(format.ok());
  return *std::move(format);
}

void AccessLogFormat::Append(const AccessRecord& record, std::string& out) const {
  // Values that are made (times, flags, ids) fit a small string or are made once a line; the thread
  // keeps the buffer.
  thread_local std::string scratch;
  if (!json_) {
    AppendPieces(text_, record, Form::kLine, out, scratch);
    return;
  }
  if (!AppendNode(root_, record, out, scratch)) out.append("{}");
  out.push_back('\n');
}

void AccessLogFormat::AppendValue(const AccessRecord& record, std::string& out) const {
  thread_local std::string scratch;
  AppendPieces(text_, record, Form::kHeader, out, scratch);
}

void AccessLogFormat::AppendPieces(const Pieces& pieces, const AccessRecord& record, Form form,
                                   std::string& out, std::string& scratch) const {
  const bool json = form == Form::kJson;
  for (const Piece& piece : pieces) {
    if (const auto* literal = std::get_if<std::string>(&piece)) {
      json ? scheduler::AppendJsonPart(out, *literal) : (void)out.append(*literal);
      continue;
    }
    const AccessValue value = std::get<AccessOperator>(piece).Evaluate(record, scratch);
    switch (value.kind) {
      case AccessValue::Kind::kMissing:
        if (!omit_empty_) out.push_back('-');
        break;
      case AccessValue::Kind::kNumber:
        AppendNumber(out, value.number);
        break;
      case AccessValue::Kind::kText:
        AppendText(out, value.text, form);
        break;
    }
  }
}

void AccessLogFormat::AppendText(std::string& out, std::string_view text, Form form) {
  switch (form) {
    case Form::kLine:
      return AppendEscaped(out, text);
    case Form::kJson:
      return scheduler::AppendJsonPart(out, text);
    case Form::kHeader:
      return AppendHeaderText(out, text);
  }
}

bool AccessLogFormat::AppendNode(const Node& node, const AccessRecord& record, std::string& out,
                                 std::string& scratch) const {
  switch (node.kind) {
    case Node::Kind::kLiteral:
      out.append(node.literal);
      return true;
    case Node::Kind::kMixed:
      out.push_back('"');
      AppendPieces(node.pieces, record, Form::kJson, out, scratch);
      out.push_back('"');
      return true;
    case Node::Kind::kOperator: {
      const AccessValue value = std::get<AccessOperator>(node.pieces[0]).Evaluate(record, scratch);
      if (value.kind == AccessValue::Kind::kMissing) {
        if (omit_empty_) return false;
        out.append("null");
      } else if (value.kind == AccessValue::Kind::kNumber) {
        AppendNumber(out, value.number);
      } else {
        scheduler::AppendJsonString(out, value.text);
      }
      return true;
    }
    case Node::Kind::kList:
    case Node::Kind::kObject: {
      const bool object = node.kind == Node::Kind::kObject;
      out.push_back(object ? '{' : '[');
      bool first = true;
      for (size_t i = 0; i < node.nodes.size(); ++i) {
        const size_t before = out.size();
        if (!first) out.push_back(',');
        if (object) out.append(node.keys[i]);
        if (AppendNode(node.nodes[i], record, out, scratch)) {
          first = false;
        } else {
          out.resize(before);
        }
      }
      out.push_back(object ? '}' : ']');
      return true;
    }
  }
  return true;
}

}  // namespace outrigger::proxy
