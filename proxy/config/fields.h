// fields.h: what parsers of resources share: where a field stands, and reading one with its limits.
// An error names the place: `listener "ingress": address.socket_address.port_value: ...`.
// On the control side alone; it knows no resource.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/message.h"
#include "google/protobuf/wrappers.pb.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/timer/timer_heap.h"

namespace outrigger::proxy {

// A place in a resource: a link to its parent, so that naming it costs nothing until it is wrong.
// Field names are static text. The parent must live longer, hence no path[a][b]: that is path[a.b],
// or a variable for path[a].
//
// Runs on: any. Owner: the parser's stack. Thread-safety: immutable.
class FieldPath {
 public:
  // "listener \"ingress\"", "cluster \"app\"": text that outlives this.
  explicit FieldPath(std::string_view resource) : name_(resource) {}

  FieldPath operator[](std::string_view field) const& { return {this, field, -1, {}}; }
  FieldPath At(std::string_view field, int index) const& { return {this, field, index, {}}; }
  // A value of a map field.
  FieldPath Key(std::string_view field, std::string_view key) const& {
    return {this, field, -1, key};
  }
  FieldPath operator[](std::string_view) && = delete;
  FieldPath At(std::string_view, int) && = delete;
  FieldPath Key(std::string_view, std::string_view) && = delete;

  // `listener "ingress": filter_chains[0].filters[1]`
  std::string text() const;
  // kInvalidArgument: "<text()>: <what is wrong>".
  absl::Status Error(std::string_view what) const;
  // kUnimplemented: "<text()>: not supported yet".
  absl::Status NotSupported() const;
  // "<text()>: <what> is not supported yet; <what to do>" (the latter may be empty).
  absl::Status NotSupported(std::string_view what, std::string_view instead) const;

 private:
  FieldPath(const FieldPath* parent, std::string_view name, int index, std::string_view key)
      : parent_(parent), name_(name), index_(index), key_(key) {}

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  int index_ = -1;
  std::string_view key_;
};

// Refuses every field of `message` that is set and not listed, as not supported yet. So whatever
// our protos can say is either read by a parser or refused, also when they grow.
absl::Status AllowOnly(const google::protobuf::Message& message, const FieldPath& path,
                       std::initializer_list<std::string_view> fields);

// Each Read() stores into `to`, or says what is wrong with the value.
absl::Status Read(const google::protobuf::Duration& from, const FieldPath& path,
                  scheduler::Nanos& to, scheduler::Nanos least = 0);
absl::Status Read(const google::protobuf::UInt32Value& from, const FieldPath& path, uint32_t& to,
                  uint32_t least = 0, uint32_t most = std::numeric_limits<uint32_t>::max());
absl::Status Read(const google::protobuf::UInt64Value& from, const FieldPath& path, uint64_t& to,
                  uint64_t least = 0, uint64_t most = std::numeric_limits<uint64_t>::max());
absl::Status Read(const google::protobuf::BoolValue& from, const FieldPath& path, bool& to);

// Reads proto.field() into `to` if it is set; `path` is the place of `proto`. Further arguments are
// the limits.
#define OUTRIGGER_READ(proto, path, field, ...)                                      \
  do {                                                                               \
    if ((proto).has_##field()) {                                                     \
      OUTRIGGER_RETURN_IF_ERROR(Read((proto).field(), (path)[#field], __VA_ARGS__)); \
    }                                                                                \
  } while (false)

absl::Status CheckNotEmpty(const std::string& text, const FieldPath& path);
// Goes into a header: no NUL, CR or LF.
absl::Status CheckHeaderText(const std::string& text, const FieldPath& path);

// The message in `any`; another type, or bytes that do not parse, are errors.
template <typename T>
absl::StatusOr<T> Unpack(const google::protobuf::Any& any, const FieldPath& path) {
  T message;
  if (any.Is<T>() && any.UnpackTo(&message)) return message;
  return path.Error(
      absl::StrFormat("expected a %s, got \"%s\"", T::descriptor()->full_name(), any.type_url()));
}

}  // namespace outrigger::proxy
