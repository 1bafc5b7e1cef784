#include "control/bootstrap/proto_from_yaml.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/bootstrap/scalars.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::control {
namespace {

using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::Duration;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr char kTypeKey[] = "@type";

bool IsWrapper(const Descriptor& type) {
  return type.file() == google::protobuf::BoolValue::descriptor()->file();
}

bool IsValue(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == Value::descriptor();
}

bool IsNullValue(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         field.enum_type() == google::protobuf::NullValue_descriptor();
}

// Equal messages have equal bytes, so that a re-read file shows what changed.
std::string SerializeDeterministic(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// Walks tree and message together and keeps the path for errors. Recursion is bounded by the depth
// of the tree (YamlLimits::max_depth).
//
// Runs on: any. Owner: ProtoFromYaml. Thread-safety: confined.
class ProtoReader {
 public:
  ProtoReader(std::string_view source, std::vector<UnknownField>* unknown_fields)
      : source_(source), unknown_fields_(unknown_fields) {}

  absl::Status ReadMessage(const YamlNode& node, Message& message);

 private:
  // Lengthens path_ for the time of a scope.
  class PathStep {
   public:
    PathStep(std::string& path, std::string step) : path_(path), size_(path.size()) {
      path_ += step;
    }
    ~PathStep() { path_.resize(size_); }
    PathStep(const PathStep&) = delete;
    PathStep& operator=(const PathStep&) = delete;

   private:
    std::string& path_;
    const size_t size_;
  };

  std::string FieldStep(const std::string& name) const { return path_.empty() ? name : "." + name; }
  absl::Status ErrorAt(YamlMark mark, std::string_view message) const;
  absl::Status Expected(std::string_view what, const YamlNode& node) const;

  // The entry `skipped`, if there, is no field.
  absl::Status ReadFields(const YamlNode& node, Message& message, std::string_view skipped = "");
  absl::Status ReadUnknown(const YamlEntry& entry, const Descriptor& type);
  absl::Status ReadField(const YamlEntry& entry, const FieldDescriptor& field, Message& message);
  absl::Status ReadList(const YamlNode& node, const FieldDescriptor& field, Message& message);
  absl::Status ReadMap(const YamlNode& node, const FieldDescriptor& field, Message& message);
  absl::Status ReadMapKey(const YamlEntry& entry, const FieldDescriptor& field, Message& message);
  // One value: sets a singular field, appends to a repeated one.
  absl::Status ReadOne(const YamlNode& node, const FieldDescriptor& field, Message& message);
  absl::Status ReadEnum(const YamlNode& node, const FieldDescriptor& field, Message& message);

  // Where a scalar comes from and goes to.
  struct Slot {
    const YamlNode& node;
    const FieldDescriptor& field;
    Message& message;
  };
  template <typename T>
  using Setter = void (Reflection::*)(Message*, const FieldDescriptor*, T) const;
  template <typename Read, typename T>
  absl::Status Store(const Slot& slot, std::optional<Read> value, std::string_view what,
                     Setter<T> set, Setter<T> add) const {
    if (!value) return Expected(what, slot.node);
    const Setter<T> store = slot.field.is_repeated() ? add : set;
    (slot.message.GetReflection()->*store)(&slot.message, &slot.field,
                                           static_cast<T>(*std::move(value)));
    return absl::OkStatus();
  }

  absl::Status ReadAny(const YamlNode& node, Any& any);
  absl::Status ReadValue(const YamlNode& node, Value& value);
  absl::Status ReadStruct(const YamlNode& node, Struct& fields);
  absl::Status ReadListValue(const YamlNode& node, ListValue& list);

  const std::string_view source_;
  std::vector<UnknownField>* const unknown_fields_;
  std::string path_;
};

absl::Status ProtoReader::ErrorAt(YamlMark mark, std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrFormat("%s:%d:%d: %s%s%s", source_, mark.line,
                                                    mark.column, path_, path_.empty() ? "" : ": ",
                                                    message));
}

absl::Status ProtoReader::Expected(std::string_view what, const YamlNode& node) const {
  return ErrorAt(node.mark, absl::StrFormat("expected %s, got %s", what, DescribeYaml(node)));
}

absl::Status ProtoReader::ReadMessage(const YamlNode& node, Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  // Of the well-known types, Timestamp and FieldMask are in none of our protos.
  if (type.file()->package() != "google.protobuf") return ReadFields(node, message);
  if (IsWrapper(type)) return ReadOne(node, *type.FindFieldByNumber(1), message);
  if (auto* any = google::protobuf::DynamicCastToGenerated<Any>(&message)) {
    return ReadAny(node, *any);
  }
  if (auto* duration = google::protobuf::DynamicCastToGenerated<Duration>(&message)) {
    const std::optional<ReadTime> time = ReadDuration(node);
    if (!time) return Expected("a duration like \"1.5s\"", node);
    duration->set_seconds(time->seconds);
    duration->set_nanos(time->nanos);
    return absl::OkStatus();
  }
  if (auto* value = google::protobuf::DynamicCastToGenerated<Value>(&message)) {
    return ReadValue(node, *value);
  }
  if (auto* fields = google::protobuf::DynamicCastToGenerated<Struct>(&message)) {
    return ReadStruct(node, *fields);
  }
  if (auto* list = google::protobuf::DynamicCastToGenerated<ListValue>(&message)) {
    return ReadListValue(node, *list);
  }
  return ReadFields(node, message);
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  if (const FieldDescriptor* field = type.FindFieldByName(name)) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

absl::Status ProtoReader::ReadFields(const YamlNode& node, Message& message,
                                     std::string_view skipped) {
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsMapping()) return Expected("a mapping", node);
  const Descriptor& type = *message.GetDescriptor();
  absl::flat_hash_map<const FieldDescriptor*, std::string_view> given;
  absl::flat_hash_map<const OneofDescriptor*, std::string_view> chosen;
  for (const YamlEntry& entry : node.entries) {
    if (!skipped.empty() && entry.key == skipped) continue;
    const FieldDescriptor* field = FindField(type, entry.key);
    if (field == nullptr) {
      OUTRIGGER_RETURN_IF_ERROR(ReadUnknown(entry, type));
      continue;
    }
    const PathStep step(path_, FieldStep(entry.key));
    if (const auto [twin, is_new] = given.emplace(field, entry.key); !is_new) {
      return ErrorAt(entry.mark, absl::StrFormat("given twice, also as %s", twin->second));
    }
    const OneofDescriptor* oneof = field->real_containing_oneof();
    if (oneof != nullptr && !entry.value.IsNull()) {
      if (const auto [rival, is_new] = chosen.emplace(oneof, entry.key); !is_new) {
        return ErrorAt(entry.mark, absl::StrFormat("excludes %s, which is given too: only one of "
                                                   "them may be",
                                                   rival->second));
      }
    }
    OUTRIGGER_RETURN_IF_ERROR(ReadField(entry, *field, message));
  }
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadUnknown(const YamlEntry& entry, const Descriptor& type) {
  const PathStep step(path_, FieldStep(entry.key));
  if (unknown_fields_ != nullptr) {
    unknown_fields_->push_back({entry.mark, path_});
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  const std::string closest = ClosestName(entry.key, names);
  return ErrorAt(entry.mark,
                 closest.empty()
                     ? "unknown field"
                     : absl::StrFormat("unknown field (did you mean \"%s\"?)", closest));
}

absl::Status ProtoReader::ReadField(const YamlEntry& entry, const FieldDescriptor& field,
                                    Message& message) {
  const YamlNode& node = entry.value;
  // Null is "not given", except where null is a value.
  if (node.IsNull() && !(IsValue(field) && !field.is_repeated()) && !IsNullValue(field)) {
    return absl::OkStatus();
  }
  if (field.is_map()) return ReadMap(node, field, message);
  if (field.is_repeated()) return ReadList(node, field, message);
  return ReadOne(node, field, message);
}

absl::Status ProtoReader::ReadList(const YamlNode& node, const FieldDescriptor& field,
                                   Message& message) {
  if (!node.IsSequence()) return Expected("a list", node);
  for (size_t i = 0; i < node.items.size(); ++i) {
    const PathStep step(path_, absl::StrCat("[", i, "]"));
    const YamlNode& item = node.items[i];
    if (item.IsNull() && !IsValue(field) && !IsNullValue(field)) {
      return Expected("a value", item);
    }
    OUTRIGGER_RETURN_IF_ERROR(ReadOne(item, field, message));
  }
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadMap(const YamlNode& node, const FieldDescriptor& field,
                                  Message& message) {
  if (!node.IsMapping()) return Expected("a mapping", node);
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  const FieldDescriptor& value_field = *field.message_type()->map_value();
  for (const YamlEntry& entry : node.entries) {
    const PathStep step(path_, absl::StrCat("[\"", entry.key, "\"]"));
    if (entry.value.IsNull() && !IsValue(value_field)) return Expected("a value", entry.value);
    Message& pair = *message.GetReflection()->AddMessage(&message, &field);
    OUTRIGGER_RETURN_IF_ERROR(ReadMapKey(entry, key_field, pair));
    OUTRIGGER_RETURN_IF_ERROR(ReadOne(entry.value, value_field, pair));
  }
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadMapKey(const YamlEntry& entry, const FieldDescriptor& field,
                                     Message& message) {
  YamlNode key = YamlNode::Plain(entry.key);
  key.mark = entry.mark;
  // In JSON every key is quoted: a key is a string if a string is wanted, else what it says.
  key.quoted = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
  return ReadOne(key, field, message);
}

absl::Status ProtoReader::ReadOne(const YamlNode& node, const FieldDescriptor& field,
                                  Message& message) {
  const Slot slot{node, field, message};
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return Store(slot, ReadSigned(node, INT32_MIN, INT32_MAX), "a 32-bit integer",
                   &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return Store(slot, ReadSigned(node, INT64_MIN, INT64_MAX), "a 64-bit integer",
                   &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return Store(slot, ReadUnsigned(node, UINT32_MAX), "an unsigned 32-bit integer",
                   &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return Store(slot, ReadUnsigned(node, UINT64_MAX), "an unsigned 64-bit integer",
                   &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Store(slot, ReadDouble(node), "a number", &Reflection::SetDouble,
                   &Reflection::AddDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Store(slot, ReadDouble(node, std::numeric_limits<float>::max()),
                   "a number in single precision", &Reflection::SetFloat, &Reflection::AddFloat);
    case FieldDescriptor::CPPTYPE_BOOL:
      return Store(slot, ReadBool(node), "true or false", &Reflection::SetBool,
                   &Reflection::AddBool);
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        return Store(slot, ReadBytes(node), "base64 text", &Reflection::SetString,
                     &Reflection::AddString);
      }
      return Store(slot, ReadString(node),
                   node.IsScalar() ? "a string (put it in quotes)" : "a string",
                   &Reflection::SetString, &Reflection::AddString);
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(node, field, message);
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Reflection& reflection = *message.GetReflection();
      return ReadMessage(node, field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                                   : *reflection.MutableMessage(&message, &field));
    }
  }
  return Expected("a known type of field", node);
}

absl::Status ProtoReader::ReadEnum(const YamlNode& node, const FieldDescriptor& field,
                                   Message& message) {
  const EnumDescriptor& type = *field.enum_type();
  const EnumValueDescriptor* value = nullptr;
  if (IsNullValue(field) && node.IsNull()) {
    value = type.FindValueByNumber(0);
  } else if (node.IsScalar()) {
    value = type.FindValueByName(node.text);
    using Limits = std::numeric_limits<int32_t>;
    if (const auto number = ReadSigned(node, Limits::min(), Limits::max()); number) {
      value = type.FindValueByNumber(static_cast<int>(*number));
    }
  }
  if (value == nullptr) {
    std::vector<std::string> names;
    for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
    const std::string closest = node.IsScalar() ? ClosestName(node.text, names) : "";
    std::string what = absl::StrCat("a value of ", type.name());
    if (!closest.empty()) absl::StrAppend(&what, " (did you mean ", closest, "?)");
    return Expected(what, node);
  }
  const Reflection& reflection = *message.GetReflection();
  field.is_repeated() ? reflection.AddEnum(&message, &field, value)
                      : reflection.SetEnum(&message, &field, value);
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadAny(const YamlNode& node, Any& any) {
  if (!node.IsMapping()) return Expected("a mapping with \"@type\"", node);
  if (node.entries.empty()) return absl::OkStatus();
  const YamlNode* type_url = node.Find(kTypeKey);
  if (type_url == nullptr) return ErrorAt(node.mark, "\"@type\" is missing");
  if (!type_url->IsScalar()) return Expected("a type URL under \"@type\"", *type_url);
  const std::string name = type_url->text.substr(type_url->text.rfind('/') + 1);
  const Descriptor* type = DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (type == nullptr || name.size() == type_url->text.size()) {
    return ErrorAt(type_url->mark,
                   absl::StrFormat("type %s is not supported", DescribeYaml(*type_url)));
  }
  const std::unique_ptr<Message> inner(
      MessageFactory::generated_factory()->GetPrototype(type)->New());
  const bool has_own_mapping = IsWrapper(*type) || type->file() == Struct::descriptor()->file() ||
                               type == Duration::descriptor() || type == Any::descriptor();
  if (has_own_mapping) {
    // The value of a type that JSON does not write as a mapping sits under "value".
    const YamlNode* value = node.Find("value");
    if (value == nullptr || node.entries.size() != 2) {
      return ErrorAt(node.mark, absl::StrFormat("%s takes \"value\" beside \"@type\"", name));
    }
    const PathStep step(path_, FieldStep("value"));
    OUTRIGGER_RETURN_IF_ERROR(ReadMessage(*value, *inner));
  } else {
    OUTRIGGER_RETURN_IF_ERROR(ReadFields(node, *inner, kTypeKey));
  }
  any.set_type_url(type_url->text);
  any.set_value(SerializeDeterministic(*inner));
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadValue(const YamlNode& node, Value& value) {
  if (node.IsMapping()) return ReadStruct(node, *value.mutable_struct_value());
  if (node.IsSequence()) return ReadListValue(node, *value.mutable_list_value());
  const PlainKind kind = node.IsNull() ? PlainKind::kNull
                         : node.quoted ? PlainKind::kString
                                       : ResolvePlain(node.text);
  switch (kind) {
    case PlainKind::kNull:
      value.set_null_value(google::protobuf::NULL_VALUE);
      return absl::OkStatus();
    case PlainKind::kBool:
      value.set_bool_value(PlainBool(node.text));
      return absl::OkStatus();
    case PlainKind::kString:
      value.set_string_value(node.text);
      return absl::OkStatus();
    case PlainKind::kInteger:
    case PlainKind::kFloat:
      break;
  }
  const std::optional<double> number = ReadDouble(node);
  if (!number) return Expected("a number, or text in quotes", node);
  value.set_number_value(*number);
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadStruct(const YamlNode& node, Struct& fields) {
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsMapping()) return Expected("a mapping", node);
  for (const YamlEntry& entry : node.entries) {
    const PathStep step(path_, FieldStep(entry.key));
    OUTRIGGER_RETURN_IF_ERROR(ReadValue(entry.value, (*fields.mutable_fields())[entry.key]));
  }
  return absl::OkStatus();
}

absl::Status ProtoReader::ReadListValue(const YamlNode& node, ListValue& list) {
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsSequence()) return Expected("a list", node);
  for (size_t i = 0; i < node.items.size(); ++i) {
    const PathStep step(path_, absl::StrCat("[", i, "]"));
    OUTRIGGER_RETURN_IF_ERROR(ReadValue(node.items[i], *list.add_values()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ProtoFromYaml(const YamlNode& node, std::string_view source, Message& message,
                           std::vector<UnknownField>* unknown_fields) {
  return ProtoReader(source, unknown_fields).ReadMessage(node, message);
}

}  // namespace outrigger::control
