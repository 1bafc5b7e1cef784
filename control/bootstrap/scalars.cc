#include "control/bootstrap/scalars.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"

namespace outrigger::control {
namespace {

// Doubles hold every integer up to here.
constexpr double kExactIntegers = 9007199254740992.0;

struct Integer {
  bool negative = false;
  uint64_t magnitude = 0;
};

bool IsNumber(const YamlNode& node, PlainKind kind) {
  return node.IsScalar() && ResolvePlain(node.text) == kind;
}

// Octal to some readers, decimal to others.
bool HasLeadingZeros(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

std::optional<Integer> ReadInteger(const YamlNode& node) {
  if (IsNumber(node, PlainKind::kFloat)) {
    double value = 0;
    if (!absl::SimpleAtod(node.text, &value) || value != std::trunc(value) ||
        std::fabs(value) > kExactIntegers) {
      return std::nullopt;
    }
    return Integer{value < 0, static_cast<uint64_t>(std::fabs(value))};
  }
  if (!IsNumber(node, PlainKind::kInteger) || HasLeadingZeros(node.text)) return std::nullopt;
  std::string_view digits = node.text;
  Integer result{.negative = digits.starts_with('-')};
  if (result.negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x")) {
    base = 16;
    digits.remove_prefix(2);
  }
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), result.magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return result;
}

int EditDistance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::optional<int64_t> ReadSigned(const YamlNode& node, int64_t min, int64_t max) {
  const std::optional<Integer> integer = ReadInteger(node);
  if (!integer) return std::nullopt;
  if (!integer->negative) {
    if (integer->magnitude > static_cast<uint64_t>(max)) return std::nullopt;
    return static_cast<int64_t>(integer->magnitude);
  }
  // The magnitude of `min`, which has no positive counterpart.
  const uint64_t limit = static_cast<uint64_t>(-(min + 1)) + 1;
  if (integer->magnitude > limit) return std::nullopt;
  return static_cast<int64_t>(0 - integer->magnitude);
}

std::optional<uint64_t> ReadUnsigned(const YamlNode& node, uint64_t max) {
  const std::optional<Integer> integer = ReadInteger(node);
  if (!integer || integer->magnitude > max) return std::nullopt;
  if (integer->negative && integer->magnitude != 0) return std::nullopt;
  return integer->magnitude;
}

std::optional<double> ReadDouble(const YamlNode& node, double max) {
  if (!node.IsScalar()) return std::nullopt;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string_view text = node.text;
  if (text == "NaN" || text == ".nan" || text == ".NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (text == "Infinity" || text == ".inf") return kInfinity;
  if (text == "-Infinity" || text == "-.inf") return -kInfinity;
  const PlainKind kind = ResolvePlain(text);
  if (kind != PlainKind::kFloat && kind != PlainKind::kInteger) return std::nullopt;
  double value = 0;
  if (const std::optional<Integer> integer = ReadInteger(node)) {
    value = static_cast<double>(integer->magnitude) * (integer->negative ? -1 : 1);
  } else if (HasLeadingZeros(text) || !absl::SimpleAtod(node.text, &value)) {
    return std::nullopt;
  }
  return std::fabs(value) <= max ? std::optional(value) : std::nullopt;
}

std::optional<bool> ReadBool(const YamlNode& node) {
  if (!node.IsScalar() || node.quoted || ResolvePlain(node.text) != PlainKind::kBool) {
    return std::nullopt;
  }
  return PlainBool(node.text);
}

std::optional<std::string> ReadString(const YamlNode& node) {
  if (!node.IsScalar()) return std::nullopt;
  if (!node.quoted) {
    const PlainKind kind = ResolvePlain(node.text);
    if (kind != PlainKind::kString && kind != PlainKind::kFloat) return std::nullopt;
  }
  return node.text;
}

std::optional<std::string> ReadBytes(const YamlNode& node) {
  const std::optional<std::string> text = ReadString(node);
  if (!text) return std::nullopt;
  std::string bytes;
  if (absl::Base64Unescape(*text, &bytes) || absl::WebSafeBase64Unescape(*text, &bytes)) {
    return bytes;
  }
  return std::nullopt;
}

std::optional<ReadTime> ReadDuration(const YamlNode& node) {
  constexpr int64_t kMaxSeconds = 315'576'000'000;  // google/protobuf/duration.proto
  const std::optional<std::string> read = ReadString(node);
  if (!read || !read->ends_with('s')) return std::nullopt;
  std::string_view text(*read);
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);

  const size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string fraction(dot == text.npos ? "0" : text.substr(dot + 1));
  const auto is_digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == part.npos;
  };
  if (!is_digits(whole) || !is_digits(fraction) || fraction.size() > 9) return std::nullopt;
  fraction.resize(9, '0');

  ReadTime time;
  if (!absl::SimpleAtoi(std::string(whole), &time.seconds) || time.seconds > kMaxSeconds ||
      !absl::SimpleAtoi(fraction, &time.nanos)) {
    return std::nullopt;
  }
  return negative ? ReadTime{-time.seconds, -time.nanos} : time;
}

std::string DescribeYaml(const YamlNode& node) {
  constexpr size_t kLongest = 120;  // the longest type URLs fit
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.text.find("-----BEGIN") != std::string::npos) return "PEM";  // a key, perhaps
  std::string text = node.text;
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  const bool bare = !node.quoted && ResolvePlain(node.text) != PlainKind::kString;
  return bare ? text : "\"" + absl::Utf8SafeCEscape(text) + "\"";
}

std::string ClosestName(std::string_view word, const std::vector<std::string>& names) {
  constexpr size_t kLongest = 64;
  if (word.empty() || word.size() > kLongest) return "";
  // A third of the word may differ, but not all of a short one.
  int best = static_cast<int>(std::max<size_t>(1, word.size() / 3)) + 1;
  std::string closest;
  for (const std::string& name : names) {
    const int distance = EditDistance(word, name);
    if (distance < best && distance < static_cast<int>(word.size())) {
      best = distance;
      closest = name;
    }
  }
  return closest;
}

}  // namespace outrigger::control
