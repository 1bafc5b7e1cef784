// Emission of a YamlNode, and what readers take a plain scalar for.
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "control/bootstrap/yaml.h"

namespace outrigger::control {
namespace {

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool IsNonAscii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Lower, Capitalised or UPPER case of `word`, as YAML 1.1 has it.
bool IsWord(std::string_view text, std::string_view word) {
  if (text == word) return true;
  if (text.size() != word.size()) return false;
  const std::string upper = absl::AsciiStrToUpper(std::string(word));
  return text == upper || (text[0] == upper[0] && text.substr(1) == word.substr(1));
}

constexpr std::array<std::string_view, 4> kTrueWords = {"true", "yes", "on", "y"};
constexpr std::array<std::string_view, 4> kFalseWords = {"false", "no", "off", "n"};

template <size_t kSize>
bool IsOneOf(std::string_view text, const std::array<std::string_view, kSize>& words) {
  for (std::string_view word : words) {
    if (IsWord(text, word)) return true;
  }
  return false;
}

size_t CountDigits(std::string_view text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(text[count])) ++count;
  return count;
}

PlainKind ResolveNumber(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  if (text == ".inf" || text == ".Inf" || text == ".INF") return PlainKind::kFloat;
  if (text.starts_with("0x") && text.size() > 2) {
    const bool hex = text.find_first_not_of("0123456789abcdefABCDEF", 2) == text.npos;
    return hex ? PlainKind::kInteger : PlainKind::kString;
  }
  const size_t whole = CountDigits(text);
  text.remove_prefix(whole);
  if (text.empty()) return whole > 0 ? PlainKind::kInteger : PlainKind::kString;
  size_t fraction = 0;
  if (text.starts_with('.')) {
    fraction = CountDigits(text.substr(1));
    text.remove_prefix(1 + fraction);
  }
  if (whole + fraction == 0) return PlainKind::kString;
  if (text.empty()) return PlainKind::kFloat;
  if (text[0] != 'e' && text[0] != 'E') return PlainKind::kString;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && CountDigits(text) == text.size() ? PlainKind::kFloat : PlainKind::kString;
}

// Whether `text` may stand without quotes in block style at all.
bool IsPlainSyntax(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (Contains(",[]{}#&*!|>'\"%@`=<", text.substr(0, 1))) return false;
  if (Contains("-?:", text.substr(0, 1)) && (text.size() == 1 || text[1] == ' ')) return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (Contains(text, ": ") || Contains(text, " #")) return false;
  for (char c : text) {
    // Of non-ASCII text some is a line break to some readers.
    if (IsControl(c) || IsNonAscii(c)) return false;
  }
  return true;
}

// Whether no reader takes `text` for a number, a boolean, null or a date. Generous: what does not
// start like a name is quoted.
bool IsSurelyString(std::string_view text) {
  if (!absl::ascii_isalpha(text[0]) && text[0] != '/' && text[0] != '_') return false;
  return !IsOneOf(text, kTrueWords) && !IsOneOf(text, kFalseWords) && !IsWord(text, "null");
}

std::string DoubleQuoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsControl(c)) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else if (text.substr(i).starts_with("\xC2\x85")) {  // next line: a break to YAML 1.1
      out += "\\u0085";
      i += 1;
    } else if (text.substr(i).starts_with("\xE2\x80\xA8")) {  // line separator
      out += "\\u2028";
      i += 2;
    } else if (text.substr(i).starts_with("\xE2\x80\xA9")) {  // paragraph separator
      out += "\\u2029";
      i += 2;
    } else if (text.substr(i).starts_with("\xEF\xBB\xBF")) {  // byte order mark
      out += "\\ufeff";
      i += 2;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string EmitScalar(std::string_view text, bool quoted) {
  const bool plain = IsPlainSyntax(text) && (!quoted || IsSurelyString(text));
  return plain ? std::string(text) : DoubleQuoted(text);
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  lines.push_back(text);
  return lines;
}

// Whether a literal block keeps `text` unchanged under every reader.
bool FitsLiteralBlock(std::string_view text) {
  if (!Contains(text, "\n") || text.ends_with("\n\n")) return false;
  if (absl::ascii_isspace(text.front())) return false;
  for (char c : text) {
    if ((IsControl(c) && c != '\n' && c != '\t') || IsNonAscii(c)) return false;
  }
  for (std::string_view line : Lines(text)) {
    if (!line.empty() && line.find_first_not_of(" \t") == line.npos) return false;
  }
  return true;
}

// A longer key must be announced by "? " (YAML 1.2, 7.4.2).
constexpr size_t kMaxImplicitKey = 1024;

// Writes one tree. `indent` is the column of the block that is being written.
//
// Runs on: any. Owner: EmitYaml. Thread-safety: confined.
class Emitter {
 public:
  // The rest of a line after "key:" or "-", and the lines below it.
  void Value(const YamlNode& node, int indent, bool in_mapping) {
    if (node.IsMapping() && !node.entries.empty()) {
      if (in_mapping) {
        NewLine(indent + 2);
      } else {
        out_ += ' ';
      }
      Block(node, indent + 2);
    } else if (node.IsSequence() && !node.items.empty()) {
      // A list under a key starts at the key's own column, as kubectl writes it.
      const int list_indent = in_mapping ? indent : indent + 2;
      if (in_mapping) {
        NewLine(list_indent);
      } else {
        out_ += ' ';
      }
      Block(node, list_indent);
    } else {
      out_ += ' ';
      Leaf(node, indent);
    }
  }

  void Document(const YamlNode& node) {
    const bool block = !node.entries.empty() || !node.items.empty();
    if (block) {
      Block(node, 0);
    } else {
      Leaf(node, 0);
    }
    out_ += '\n';
  }

  void Separator() { out_ += "---\n"; }
  std::string Take() { return std::move(out_); }

 private:
  void NewLine(int indent) {
    out_ += '\n';
    out_.append(static_cast<size_t>(indent), ' ');
  }

  // The cursor stands at column `indent` already.
  void Block(const YamlNode& node, int indent) {
    bool first = true;
    for (const YamlEntry& entry : node.entries) {
      if (!first) NewLine(indent);
      first = false;
      const std::string key = EmitScalar(entry.key, entry.key_quoted);
      if (key.size() > kMaxImplicitKey) {
        out_ += "? " + key;
        NewLine(indent);
      } else {
        out_ += key;
      }
      out_ += ':';
      Value(entry.value, indent, /*in_mapping=*/true);
    }
    for (const YamlNode& item : node.items) {
      if (!first) NewLine(indent);
      first = false;
      out_ += '-';
      Value(item, indent, /*in_mapping=*/false);
    }
  }

  void Leaf(const YamlNode& node, int indent) {
    switch (node.kind) {
      case YamlNode::Kind::kNull:
        out_ += "null";
        return;
      case YamlNode::Kind::kSequence:
        out_ += "[]";
        return;
      case YamlNode::Kind::kMapping:
        out_ += "{}";
        return;
      case YamlNode::Kind::kScalar:
        break;
    }
    if (!FitsLiteralBlock(node.text)) {
      out_ += EmitScalar(node.text, node.quoted);
      return;
    }
    std::string_view text = node.text;
    out_ += text.ends_with('\n') ? "|" : "|-";
    if (text.ends_with('\n')) text.remove_suffix(1);
    for (std::string_view line : Lines(text)) {
      if (line.empty()) {
        out_ += '\n';
      } else {
        NewLine(indent + 2);
        out_ += line;
      }
    }
  }

  std::string out_;
};

}  // namespace

PlainKind ResolvePlain(std::string_view text) {
  if (text.empty() || text == "~" || IsWord(text, "null")) return PlainKind::kNull;
  if (IsOneOf(text, kTrueWords) || IsOneOf(text, kFalseWords)) return PlainKind::kBool;
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return PlainKind::kFloat;
  return ResolveNumber(text);
}

bool PlainBool(std::string_view text) { return IsOneOf(text, kTrueWords); }

std::string EmitYaml(const YamlNode& node) { return EmitYaml(absl::MakeConstSpan(&node, 1)); }

std::string EmitYaml(absl::Span<const YamlNode> documents) {
  Emitter emitter;
  bool first = true;
  for (const YamlNode& document : documents) {
    if (!first) emitter.Separator();
    first = false;
    emitter.Document(document);
  }
  return emitter.Take();
}

}  // namespace outrigger::control
