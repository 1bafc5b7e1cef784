#include "proxy/config/fields.h"

#include <algorithm>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace outrigger::proxy {

using google::protobuf::FieldDescriptor;
using scheduler::kSecond;
using scheduler::Nanos;

std::string FieldPath::text() const {
  if (!parent_) return std::string(name_);
  std::string text = parent_->text();
  text += parent_->parent_ ? "." : ": ";
  text += name_;
  if (index_ >= 0) text += absl::StrFormat("[%d]", index_);
  if (!key_.empty()) text += absl::StrFormat("[\"%s\"]", key_);
  return text;
}

absl::Status FieldPath::Error(std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrFormat("%s: %s", text(), what));
}

absl::Status FieldPath::NotSupported() const {
  return absl::UnimplementedError(absl::StrFormat("%s: not supported yet", text()));
}

absl::Status FieldPath::NotSupported(std::string_view what, std::string_view instead) const {
  return absl::UnimplementedError(absl::StrFormat("%s: %s is not supported yet%s%s", text(), what,
                                                  instead.empty() ? "" : "; ", instead));
}

absl::Status AllowOnly(const google::protobuf::Message& message, const FieldPath& path,
                       std::initializer_list<std::string_view> fields) {
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  for (const FieldDescriptor* field : set) {
    if (std::find(fields.begin(), fields.end(), field->name()) == fields.end()) {
      return path[field->name()].NotSupported();
    }
  }
  return absl::OkStatus();
}

absl::Status Read(const google::protobuf::Duration& from, const FieldPath& path, Nanos& to,
                  Nanos least) {
  constexpr int64_t kMostSeconds = scheduler::kNever / kSecond - 1;
  if (from.nanos() <= -kSecond || from.nanos() >= kSecond || from.seconds() > kMostSeconds ||
      from.seconds() < -kMostSeconds || (from.seconds() > 0 && from.nanos() < 0) ||
      (from.seconds() < 0 && from.nanos() > 0)) {
    return path.Error(
        absl::StrFormat("invalid duration: %d s and %d ns", from.seconds(), from.nanos()));
  }
  const Nanos value = from.seconds() * kSecond + from.nanos();
  if (value < least) {
    return path.Error(absl::StrFormat("value must be greater than or equal to %gs",
                                      static_cast<double>(least) / kSecond));
  }
  to = value;
  return absl::OkStatus();
}

absl::Status Read(const google::protobuf::UInt32Value& from, const FieldPath& path, uint32_t& to,
                  uint32_t least, uint32_t most) {
  if (from.value() < least || from.value() > most) {
    return path.Error(most == std::numeric_limits<uint32_t>::max()
                          ? absl::StrFormat("value must be greater than or equal to %d", least)
                          : absl::StrFormat("value must be inside range [%d, %d]", least, most));
  }
  to = from.value();
  return absl::OkStatus();
}

absl::Status Read(const google::protobuf::UInt64Value& from, const FieldPath& path, uint64_t& to,
                  uint64_t least, uint64_t most) {
  if (from.value() < least || from.value() > most) {
    return path.Error(absl::StrFormat("value must be inside range [%d, %d]", least, most));
  }
  to = from.value();
  return absl::OkStatus();
}

absl::Status Read(const google::protobuf::BoolValue& from, const FieldPath&, bool& to) {
  to = from.value();
  return absl::OkStatus();
}

absl::Status CheckNotEmpty(const std::string& text, const FieldPath& path) {
  if (!text.empty()) return absl::OkStatus();
  return path.Error("value length must be at least 1 characters");
}

absl::Status CheckHeaderText(const std::string& text, const FieldPath& path) {
  if (text.find_first_of(std::string_view("\0\r\n", 3)) == std::string::npos) {
    return absl::OkStatus();
  }
  return path.Error("value does not go into a header: it has a NUL, CR or LF");
}

}  // namespace outrigger::proxy
