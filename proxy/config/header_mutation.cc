#include "proxy/config/header_mutation.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "proxy/access_log/format.h"

namespace outrigger::proxy {
namespace {

namespace core = envoy::config::core::v3;

// What a request is routed by is the route's to rewrite, by fields of its own.
absl::StatusOr<HeaderKey> ParseMutable(const std::string& name, const FieldPath& path,
                                       std::string_view done, MessageKind kind) {
  if (name.starts_with(':') || absl::AsciiStrToLower(name) == "host") {
    return path.Error(absl::StrFormat(":-prefixed or host headers may not be %s", done));
  }
  return ParseHeaderName(name, path, kind);
}

absl::StatusOr<HeaderToAdd::Action> ParseAction(const core::HeaderValueOption& proto,
                                                const FieldPath& path) {
  using Proto = core::HeaderValueOption;
  using Action = HeaderToAdd::Action;
  if (proto.has_append()) {
    if (proto.append_action() != Proto::APPEND_IF_EXISTS_OR_ADD) {
      return path["append"].Error(
          "is the older form of append_action: only one of them is allowed");
    }
    return proto.append().value() ? Action::kAppend : Action::kOverwriteOrAdd;
  }
  switch (proto.append_action()) {
    case Proto::APPEND_IF_EXISTS_OR_ADD:
      return Action::kAppend;
    case Proto::ADD_IF_ABSENT:
      return Action::kAddIfAbsent;
    case Proto::OVERWRITE_IF_EXISTS_OR_ADD:
      return Action::kOverwriteOrAdd;
    case Proto::OVERWRITE_IF_EXISTS:
      return Action::kOverwrite;
    default:
      return path["append_action"].Error("value must be one of the defined enum values");
  }
}

absl::StatusOr<HeaderToAdd> ParseHeaderToAdd(const core::HeaderValueOption& proto,
                                             const FieldPath& path, MessageKind kind) {
  if (!proto.has_header()) return path["header"].Error("value is required");
  const FieldPath header = path["header"];
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto.header(), header, {"key", "value"}));
  const std::string& value = proto.header().value();
  OUTRIGGER_RETURN_IF_ERROR(CheckHeaderText(value, header["value"]));
  HeaderToAdd to;
  OUTRIGGER_ASSIGN_OR_RETURN(to.key,
                             ParseMutable(proto.header().key(), header["key"], "modified", kind));
  OUTRIGGER_ASSIGN_OR_RETURN(to.action, ParseAction(proto, path));
  to.keep_empty = proto.keep_empty_value();
  if (value.find('%') == std::string::npos) {
    to.value = value;
    return to;
  }
  absl::StatusOr<AccessLogFormat> format = AccessLogFormat::Text(value, /*omit_empty=*/true);
  if (!format.ok()) return header["value"].Error(std::string(format.status().message()));
  to.format = std::make_shared<const AccessLogFormat>(*std::move(format));
  return to;
}

absl::Status AddTo(HeaderMutations& to,
                   const google::protobuf::RepeatedPtrField<core::HeaderValueOption>& add,
                   const FieldPath& path, std::string_view field, MessageKind kind) {
  for (int i = 0; i < add.size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(HeaderToAdd header,
                               ParseHeaderToAdd(add[i], path.At(field, i), kind));
    to.add.push_back(std::move(header));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Mutations> ParseHeadersToAdd(
    const google::protobuf::RepeatedPtrField<core::HeaderValueOption>& add, const FieldPath& path,
    std::string_view field, MessageKind kind) {
  if (add.empty()) return nullptr;
  auto to = std::make_shared<HeaderMutations>();
  OUTRIGGER_RETURN_IF_ERROR(AddTo(*to, add, path, field, kind));
  return to;
}

absl::StatusOr<Mutations> ParseMutations(
    const google::protobuf::RepeatedPtrField<core::HeaderValueOption>& add,
    const google::protobuf::RepeatedPtrField<std::string>& remove, const FieldPath& path,
    MessageKind kind) {
  if (add.empty() && remove.empty()) return nullptr;
  auto to = std::make_shared<HeaderMutations>();
  const bool request = kind == MessageKind::kRequest;
  const std::string_view to_add = request ? "request_headers_to_add" : "response_headers_to_add";
  const std::string_view to_remove =
      request ? "request_headers_to_remove" : "response_headers_to_remove";
  OUTRIGGER_RETURN_IF_ERROR(AddTo(*to, add, path, to_add, kind));
  for (int i = 0; i < remove.size(); ++i) {
    OUTRIGGER_ASSIGN_OR_RETURN(HeaderKey key,
                               ParseMutable(remove[i], path.At(to_remove, i), "removed", kind));
    to->remove.push_back(std::move(key));
  }
  return to;
}

}  // namespace outrigger::proxy
