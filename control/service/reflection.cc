#include "control/service/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <utility>

#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// What a reply repeats of a request's text.
constexpr size_t kShown = 256;

// `file` after all that it imports, each once. Depth is bounded by what was compiled in.
template <typename FileReply>
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& added, FileReply& reply) {
  if (!added.insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, reply);
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  reply.add_file_descriptor_proto(proto.SerializeAsString());
}

template <typename Reply>
void SetFile(const FileDescriptor* file, std::string_view asked, Reply& reply) {
  if (!file) {
    reply.mutable_error_response()->set_error_code(static_cast<int>(absl::StatusCode::kNotFound));
    reply.mutable_error_response()->set_error_message(
        scheduler::Concat("not found: ", asked.substr(0, kShown)));
    return;
  }
  std::set<const FileDescriptor*> added;
  AddFile(*file, added, *reply.mutable_file_descriptor_response());
}

template <typename Extension>
const FileDescriptor* FileOfExtension(const DescriptorPool& pool, const Extension& asked) {
  const Descriptor* type = pool.FindMessageTypeByName(asked.containing_type());
  if (!type) return nullptr;
  const FieldDescriptor* field = pool.FindExtensionByNumber(type, asked.extension_number());
  return field ? field->file() : nullptr;
}

template <typename Reply>
void SetExtensionNumbers(const DescriptorPool& pool, const std::string& type_name, Reply& reply) {
  const Descriptor* type = pool.FindMessageTypeByName(type_name);
  if (!type) return SetFile(nullptr, type_name, reply);
  std::vector<const FieldDescriptor*> fields;
  pool.FindAllExtensions(type, &fields);
  auto& numbers = *reply.mutable_all_extension_numbers_response();
  numbers.set_base_type_name(type_name);
  for (const FieldDescriptor* field : fields) numbers.add_extension_number(field->number());
}

// v1 and v1alpha differ in their package's name alone.
template <typename Request, typename Reply>
absl::StatusOr<Reply> Reflect(const std::vector<std::string>& services, const Request& request) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  Reply reply;
  reply.set_valid_host(request.host());
  *reply.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      SetFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), reply);
      break;
    case Request::kFileContainingSymbol:
      SetFile(pool.FindFileContainingSymbol(request.file_containing_symbol()),
              request.file_containing_symbol(), reply);
      break;
    case Request::kFileContainingExtension:
      SetFile(FileOfExtension(pool, request.file_containing_extension()),
              request.file_containing_extension().containing_type(), reply);
      break;
    case Request::kAllExtensionNumbersOfType:
      SetExtensionNumbers(pool, request.all_extension_numbers_of_type(), reply);
      break;
    case Request::kListServices:
      for (const std::string& service : services) {
        reply.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      reply.mutable_error_response()->set_error_code(
          static_cast<int>(absl::StatusCode::kInvalidArgument));
      reply.mutable_error_response()->set_error_message("the request asks nothing");
      break;
  }
  return reply;
}

template <typename Request, typename Reply>
GrpcMethod ReflectionMethod(std::string path, const std::vector<std::string>& services) {
  return TypedMethod<Request, Reply>(std::move(path), GrpcMethod::Kind::kChat,
                                     std::bind_front(&Reflect<Request, Reply>, services));
}

}  // namespace

std::vector<GrpcMethod> ReflectionMethods(std::vector<std::string> services) {
  namespace v1 = ::grpc::reflection::v1;
  namespace v1alpha = ::grpc::reflection::v1alpha;
  return {ReflectionMethod<v1::ServerReflectionRequest, v1::ServerReflectionResponse>(
              "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", services),
          ReflectionMethod<v1alpha::ServerReflectionRequest, v1alpha::ServerReflectionResponse>(
              "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", services)};
}

}  // namespace outrigger::control
