#include "control/resources/access_log.h"

#include <memory>
#include <string>
#include <utility>

#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/access_loggers/stream/v3/stream.pb.h"
#include "proxy/access_log/format.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace file = envoy::extensions::access_loggers::file::v3;
namespace stream = envoy::extensions::access_loggers::stream::v3;
using proxy::AccessLogFormat;
using proxy::JsonTemplate;

// Of a format_source.
constexpr size_t kMaxFormatBytes = 1 << 20;

JsonTemplate ToTemplate(const google::protobuf::Struct& object);

JsonTemplate ToTemplate(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return {value.bool_value()};
    case google::protobuf::Value::kNumberValue:
      return {value.number_value()};
    case google::protobuf::Value::kStringValue:
      return {value.string_value()};
    case google::protobuf::Value::kStructValue:
      return ToTemplate(value.struct_value());
    case google::protobuf::Value::kListValue: {
      JsonTemplate::List list;
      for (const auto& item : value.list_value().values()) list.push_back(ToTemplate(item));
      return {std::move(list)};
    }
    default:
      return {nullptr};
  }
}

JsonTemplate ToTemplate(const google::protobuf::Struct& object) {
  JsonTemplate::Object fields;
  for (const auto& [name, value] : object.fields()) fields.emplace(name, ToTemplate(value));
  return {std::move(fields)};
}

absl::StatusOr<AccessLogFormat> Placed(absl::StatusOr<AccessLogFormat> format,
                                       const FieldPath& path) {
  return format.ok() ? std::move(format) : path.Error(std::string(format.status().message()));
}

absl::StatusOr<AccessLogFormat> ParseFormat(const core::SubstitutionFormatString& proto,
                                            const FieldPath& path) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path, {"text_format", "json_format", "text_format_source", "omit_empty_values"}));
  const bool omit = proto.omit_empty_values();
  switch (proto.format_case()) {
    case core::SubstitutionFormatString::kTextFormat:
      return Placed(AccessLogFormat::Text(proto.text_format(), omit), path["text_format"]);
    case core::SubstitutionFormatString::kJsonFormat:
      return Placed(AccessLogFormat::Json(ToTemplate(proto.json_format()), omit),
                    path["json_format"]);
    case core::SubstitutionFormatString::kTextFormatSource: {
      const FieldPath source = path["text_format_source"];
      OUTRIGGER_ASSIGN_OR_RETURN(const std::string text, ReadDataSource(proto.text_format_source(),
                                                                        source, kMaxFormatBytes));
      return Placed(AccessLogFormat::Text(text, omit), source);
    }
    case core::SubstitutionFormatString::FORMAT_NOT_SET:
      break;
  }
  return path.Error("text_format, json_format or text_format_source is required");
}

absl::StatusOr<AccessLogFormat> ParseFileFormat(const file::FileAccessLog& proto,
                                                const FieldPath& path) {
  switch (proto.access_log_format_case()) {
    case file::FileAccessLog::kFormat:
      if (proto.format().empty()) break;
      return Placed(AccessLogFormat::Text(proto.format()), path["format"]);
    case file::FileAccessLog::kJsonFormat:
      return Placed(AccessLogFormat::Json(ToTemplate(proto.json_format())), path["json_format"]);
    case file::FileAccessLog::kTypedJsonFormat:
      return Placed(AccessLogFormat::Json(ToTemplate(proto.typed_json_format())),
                    path["typed_json_format"]);
    case file::FileAccessLog::kLogFormat:
      return ParseFormat(proto.log_format(), path["log_format"]);
    case file::FileAccessLog::ACCESS_LOG_FORMAT_NOT_SET:
      break;
  }
  return AccessLogFormat::Default();
}

absl::StatusOr<proxy::AccessLogConfig> Open(absl::StatusOr<AccessLogFormat> format,
                                            const std::string& file_name, const FieldPath& path,
                                            ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(format.status());
  absl::StatusOr<std::shared_ptr<proxy::AccessLogSink>> sink = inputs.files.Open(file_name);
  if (!sink.ok()) {
    return absl::Status(
        sink.status().code(),
        absl::StrFormat("%s: %s", path.text(), std::string(sink.status().message())));
  }
  return proxy::AccessLogConfig{std::make_shared<AccessLogFormat>(*std::move(format)),
                                *std::move(sink)};
}

// StdoutAccessLog and StderrAccessLog.
template <typename Logger>
absl::StatusOr<proxy::AccessLogConfig> ParseStream(const Logger& proto,
                                                   const std::string& file_name,
                                                   const FieldPath& path, ResourceInputs& inputs) {
  return Open(proto.has_log_format() ? ParseFormat(proto.log_format(), path["log_format"])
                                     : AccessLogFormat::Default(),
              file_name, path, inputs);
}

}  // namespace

absl::StatusOr<proxy::AccessLogConfig> ParseAccessLog(
    const envoy::config::accesslog::v3::AccessLog& proto, const FieldPath& path,
    ResourceInputs& inputs) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"name", "typed_config"}));
  const google::protobuf::Any& any = proto.typed_config();
  const FieldPath config = path["typed_config"];
  if (any.Is<stream::StdoutAccessLog>()) {
    OUTRIGGER_ASSIGN_OR_RETURN(const auto log, Unpack<stream::StdoutAccessLog>(any, config));
    return ParseStream(log, "/dev/stdout", config, inputs);
  }
  if (any.Is<stream::StderrAccessLog>()) {
    OUTRIGGER_ASSIGN_OR_RETURN(const auto log, Unpack<stream::StderrAccessLog>(any, config));
    return ParseStream(log, "/dev/stderr", config, inputs);
  }
  if (any.Is<file::FileAccessLog>()) {
    OUTRIGGER_ASSIGN_OR_RETURN(const auto log, Unpack<file::FileAccessLog>(any, config));
    OUTRIGGER_RETURN_IF_ERROR(CheckNotEmpty(log.path(), config["path"]));
    return Open(ParseFileFormat(log, config), log.path(), config["path"], inputs);
  }
  return path.NotSupported(
      absl::StrFormat("access logger \"%s\" with type URL \"%s\"", proto.name(), any.type_url()),
      "use envoy.access_loggers.file, .stdout or .stderr");
}

}  // namespace outrigger::control
