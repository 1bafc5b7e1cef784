#include "control/bootstrap/yaml.h"

#include <algorithm>
#include <array>
#include <exception>
#include <istream>
#include <streambuf>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/status_macros.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace outrigger::control {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kYamlTag = "tag:yaml.org,2002:";

YamlMark ToMark(const YAML::Mark& mark) {
  return {static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
}

absl::Status ErrorAt(std::string_view source, YamlMark mark, std::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s:%d:%d: %s", source, mark.line, mark.column, message));
}

// Length of the well-formed UTF-8 character (RFC 3629) at the start of `text`, or 0.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return length;
}

// yaml-cpp replaces invalid UTF-8 silently and takes U+0004 for the end of the text.
absl::Status CheckCharacters(std::string_view text, std::string_view source) {
  YamlMark mark{1, 1};
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0) return ErrorAt(source, mark, "invalid UTF-8");
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return ErrorAt(source, mark, absl::StrFormat("control character 0x%02x", c));
    }
    if (c == '\n') {
      ++mark.line;
      mark.column = 1;
    } else {
      ++mark.column;
    }
    i += length;
  }
  return absl::OkStatus();
}

// Reads a string_view in place; std::istringstream would copy it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

// Builds the tree from yaml-cpp's events. After the first error it ignores what still comes: it
// cannot stop the parser without throwing, and the parser's own work is bounded by the text.
//
// Runs on: any. Owner: ParseYamlDocuments. Thread-safety: confined.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view source, const YamlLimits& limits, size_t max_documents)
      : source_(source), limits_(limits), max_documents_(max_documents) {}

  const absl::Status& status() const { return status_; }
  std::vector<YamlNode> TakeDocuments() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    anchors_.clear();
    if (documents_.size() < max_documents_) return;
    Fail(ToMark(mark), max_documents_ == 1 ? "text after the end of the one document expected here"
                                           : "too many documents");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kSequence, mark, tag, "seq", anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlNode::Kind::kMapping, mark, tag, "map", anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  // How much of the limits a subtree takes.
  struct Cost {
    size_t nodes = 0;
    size_t text_bytes = 0;
    int height = 1;
  };
  struct Anchored {
    YamlNode node;
    Cost cost;
  };
  // A collection whose end has not come yet.
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    Cost before;  // the totals when it began
    int height = 1;
    bool has_key = false;
    YamlEntry entry;
  };

  void Fail(YamlMark mark, std::string_view message) {
    if (status_.ok()) status_ = ErrorAt(source_, mark, message);
  }
  bool Charge(YamlMark mark, const Cost& cost);
  void Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            std::string_view own_tag, YAML::anchor_t anchor);
  void Close();
  void Add(YamlNode node, YAML::anchor_t anchor, const Cost& cost);
  void CheckDuplicates(const YamlNode& mapping);

  const std::string_view source_;
  const YamlLimits& limits_;
  // Also ends yaml-cpp's loop on text like "!!str ,", which it answers with documents for ever.
  const size_t max_documents_;
  absl::Status status_;
  std::vector<YamlNode> documents_;
  std::vector<Frame> frames_;
  absl::flat_hash_map<YAML::anchor_t, Anchored> anchors_;
  Cost total_;
};

bool TreeBuilder::Charge(YamlMark mark, const Cost& cost) {
  if (static_cast<int>(frames_.size()) + cost.height > limits_.max_depth) {
    Fail(mark, absl::StrCat("nested deeper than ", limits_.max_depth, " levels"));
    return false;
  }
  total_.nodes += cost.nodes;
  total_.text_bytes += cost.text_bytes;
  if (total_.nodes > limits_.max_nodes || total_.text_bytes > limits_.max_text_bytes) {
    Fail(mark, absl::StrCat("too large: over ", limits_.max_nodes, " values or ",
                            limits_.max_text_bytes, " bytes of text, aliases expanded"));
    return false;
  }
  return true;
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const Cost cost{.nodes = 1};
  if (!status_.ok() || !Charge(ToMark(mark), cost)) return;
  YamlNode node;
  node.mark = ToMark(mark);
  Add(std::move(node), anchor, cost);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  const Cost cost{.nodes = 1, .text_bytes = value.size()};
  if (!status_.ok() || !Charge(ToMark(mark), cost)) return;
  YamlNode node = YamlNode::Plain(value);
  node.mark = ToMark(mark);
  std::string_view short_tag = tag;
  if (short_tag.starts_with(kYamlTag)) {
    short_tag.remove_prefix(kYamlTag.size());
    node.quoted = short_tag == "str";
    if (short_tag == "null") node = YamlNode{.mark = node.mark};
    constexpr std::array<std::string_view, 5> kKnown = {"str", "int", "float", "bool", "null"};
    if (std::find(kKnown.begin(), kKnown.end(), short_tag) == kKnown.end()) {
      return Fail(node.mark, absl::StrCat("tag ", tag, " is not supported"));
    }
  } else if (tag == "!") {
    node.quoted = true;
  } else if (tag != "?" && !tag.empty()) {
    return Fail(node.mark, absl::StrCat("tag ", tag, " is not supported"));
  }
  Add(std::move(node), anchor, cost);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (!status_.ok()) return;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) {
    return Fail(ToMark(mark), "an alias inside the value that it names");
  }
  if (!Charge(ToMark(mark), found->second.cost)) return;
  Add(found->second.node, 0, found->second.cost);
}

void TreeBuilder::Open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
                       std::string_view own_tag, YAML::anchor_t anchor) {
  if (!status_.ok()) return;
  const bool plain = tag.empty() || tag == "?" || tag == "!";
  if (!plain && tag != absl::StrFormat("%s%s", kYamlTag, own_tag)) {
    return Fail(ToMark(mark), absl::StrCat("tag ", tag, " is not supported"));
  }
  Frame frame{.anchor = anchor, .before = total_};
  frame.node.kind = kind;
  frame.node.mark = ToMark(mark);
  if (!Charge(frame.node.mark, Cost{.nodes = 1})) return;
  frames_.push_back(std::move(frame));
}

void TreeBuilder::Close() {
  if (!status_.ok()) return;
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.node.IsMapping()) CheckDuplicates(frame.node);
  Add(std::move(frame.node), frame.anchor,
      Cost{.nodes = total_.nodes - frame.before.nodes,
           .text_bytes = total_.text_bytes - frame.before.text_bytes,
           .height = frame.height});
}

void TreeBuilder::Add(YamlNode node, YAML::anchor_t anchor, const Cost& cost) {
  if (anchor != 0) {
    if (!Charge(node.mark, cost)) return;
    anchors_[anchor] = Anchored{node, cost};
  }
  if (frames_.empty()) {
    documents_.push_back(std::move(node));
    return;
  }
  Frame& parent = frames_.back();
  parent.height = std::max(parent.height, cost.height + 1);
  if (parent.node.IsSequence()) {
    parent.node.items.push_back(std::move(node));
  } else if (parent.has_key) {
    parent.entry.value = std::move(node);
    parent.node.entries.push_back(std::move(parent.entry));
    parent.entry = YamlEntry();
    parent.has_key = false;
  } else if (!node.IsScalar()) {
    Fail(node.mark, "a key must be text, not a list, a mapping or null");
  } else {
    parent.entry.key = std::move(node.text);
    parent.entry.key_quoted = node.quoted;
    parent.entry.mark = node.mark;
    parent.has_key = true;
  }
}

void TreeBuilder::CheckDuplicates(const YamlNode& mapping) {
  if (mapping.entries.size() < 2) return;
  std::vector<const YamlEntry*> sorted;
  sorted.reserve(mapping.entries.size());
  for (const YamlEntry& entry : mapping.entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const YamlEntry* a, const YamlEntry* b) {
    return a->key != b->key ? a->key < b->key : a < b;
  });
  const auto same =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const YamlEntry* a, const YamlEntry* b) { return a->key == b->key; });
  if (same == sorted.end()) return;
  const YamlEntry& second = **(same + 1);
  Fail(second.mark,
       absl::StrCat("duplicate key \"", second.key, "\", first on line ", (*same)->mark.line));
}

// Runs yaml-cpp; its exceptions end here.
absl::Status Drive(std::string_view text, std::string_view source, TreeBuilder& builder) {
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (builder.status().ok() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    // What the builder found came first.
    if (builder.status().ok()) return ErrorAt(source, ToMark(error.mark), error.msg);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: %s", source, error.what()));
  }
  return builder.status();
}

absl::StatusOr<std::vector<YamlNode>> Build(std::string_view text, std::string_view source,
                                            const YamlLimits& limits, size_t max_documents) {
  if (text.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: %d bytes, more than the limit of %d",
                                                      source, text.size(), limits.max_bytes));
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  OUTRIGGER_RETURN_IF_ERROR(CheckCharacters(text, source));
  TreeBuilder builder(source, limits, max_documents);
  OUTRIGGER_RETURN_IF_ERROR(Drive(text, source, builder));
  return builder.TakeDocuments();
}

}  // namespace

YamlNode YamlNode::String(std::string text) {
  YamlNode node = Plain(std::move(text));
  node.quoted = true;
  return node;
}

YamlNode YamlNode::Plain(std::string text) {
  YamlNode node;
  node.kind = Kind::kScalar;
  node.text = std::move(text);
  return node;
}

YamlNode YamlNode::Sequence(std::vector<YamlNode> items) {
  YamlNode node;
  node.kind = Kind::kSequence;
  node.items = std::move(items);
  return node;
}

YamlNode YamlNode::Mapping(std::vector<YamlEntry> entries) {
  YamlNode node;
  node.kind = Kind::kMapping;
  node.entries = std::move(entries);
  return node;
}

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

YamlNode* YamlNode::Find(std::string_view key) {
  return const_cast<YamlNode*>(std::as_const(*this).Find(key));
}

YamlNode& YamlNode::Set(std::string_view key, YamlNode value) {
  if (IsNull()) kind = Kind::kMapping;
  if (YamlNode* old = Find(key)) {
    *old = std::move(value);
    return *old;
  }
  entries.push_back({.key = std::string(key), .value = std::move(value), .key_quoted = true});
  return entries.back().value;
}

bool YamlNode::Erase(std::string_view key) {
  return std::erase_if(entries, [key](const YamlEntry& entry) { return entry.key == key; }) > 0;
}

absl::StatusOr<std::vector<YamlNode>> ParseYamlDocuments(std::string_view text,
                                                         std::string_view source,
                                                         const YamlLimits& limits) {
  return Build(text, source, limits, limits.max_documents);
}

absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view source,
                                   const YamlLimits& limits) {
  absl::StatusOr<std::vector<YamlNode>> documents = Build(text, source, limits, 1);
  if (!documents.ok()) return documents.status();
  return documents->empty() ? YamlNode() : std::move(documents->front());
}

}  // namespace outrigger::control
