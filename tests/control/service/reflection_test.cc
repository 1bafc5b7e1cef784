#include "control/service/reflection.h"

#include <google/protobuf/descriptor.pb.h>

#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "gtest/gtest.h"
#include "outrigger/control/v1/control.pb.h"
#include "tests/control/service/fake_control.h"
#include "tests/control/service/grpc_peer.h"

namespace outrigger::control {
namespace {

using ::grpc::reflection::v1::ServerReflectionRequest;
using ::grpc::reflection::v1::ServerReflectionResponse;

constexpr char kPath[] = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

class ReflectionTest : public testing::Test {
 protected:
  ReflectionTest()
      : server_({.socket_path = folder_.socket()}, ReflectionMethods({"a.A", "b.B"})),
        call_(peer_.Start(kPath)) {}

  template <typename Reply = ServerReflectionResponse, typename Request>
  Reply Ask(GrpcPeer::Call& call, const Request& request) {
    call.Send(request.SerializeAsString());
    const std::optional<std::string> bytes = call.Next();
    Reply reply;
    EXPECT_TRUE(bytes && reply.ParseFromString(*bytes));
    return reply;
  }
  ServerReflectionResponse AskSymbol(const std::string& symbol) {
    ServerReflectionRequest request;
    request.set_file_containing_symbol(symbol);
    return Ask(*call_, request);
  }
  static std::vector<std::string> FileNames(const ServerReflectionResponse& reply) {
    std::vector<std::string> names;
    for (const std::string& bytes : reply.file_descriptor_response().file_descriptor_proto()) {
      google::protobuf::FileDescriptorProto file;
      EXPECT_TRUE(file.ParseFromString(bytes));
      names.push_back(file.name());
    }
    return names;
  }

  const v1::StatusRequest linked_;  // so that its file is there
  SocketFolder folder_;
  TestGrpcServer server_;
  GrpcPeer peer_{folder_.socket()};
  std::unique_ptr<GrpcPeer::Call> call_;
};

TEST_F(ReflectionTest, ListsTheServices) {
  ServerReflectionRequest request;
  request.set_host("somewhere");
  request.set_list_services("*");
  const auto reply = Ask(*call_, request);
  EXPECT_EQ(reply.valid_host(), "somewhere");
  EXPECT_EQ(reply.original_request().list_services(), "*");
  ASSERT_EQ(reply.list_services_response().service_size(), 2);
  EXPECT_EQ(reply.list_services_response().service(0).name(), "a.A");
  EXPECT_EQ(reply.list_services_response().service(1).name(), "b.B");
}

TEST_F(ReflectionTest, AFileComesAfterWhatItImports) {
  const std::vector<std::string> files = {"google/protobuf/duration.proto",
                                          "outrigger/control/v1/control.proto"};
  for (const char* symbol :
       {"outrigger.control.v1.Control", "outrigger.control.v1.Control.Status",
        "outrigger.control.v1.DrainRequest.Mode", "outrigger.control.v1.Worker.cpu"}) {
    EXPECT_EQ(FileNames(AskSymbol(symbol)), files) << symbol;
  }
  ServerReflectionRequest request;
  request.set_file_by_filename(files[1]);
  EXPECT_EQ(FileNames(Ask(*call_, request)), files);
}

TEST_F(ReflectionTest, WhatIsNotThereIsAnErrorAndTheCallGoesOn) {
  for (const std::string& symbol : {std::string("no.Such"), std::string(), std::string("..")}) {
    EXPECT_EQ(AskSymbol(symbol).error_response().error_code(), 5) << symbol;
  }
  EXPECT_EQ(AskSymbol("no.Such").error_response().error_message(), "not found: no.Such");
  ServerReflectionRequest request;
  request.set_file_by_filename("../etc/passwd");
  EXPECT_EQ(Ask(*call_, request).error_response().error_code(), 5);
  EXPECT_EQ(Ask(*call_, ServerReflectionRequest()).error_response().error_code(), 3);
  EXPECT_FALSE(FileNames(AskSymbol("outrigger.control.v1.Control")).empty());
}

TEST_F(ReflectionTest, ExtensionsAreFoundByTypeAndNumber) {
  ServerReflectionRequest request;
  request.set_all_extension_numbers_of_type("outrigger.control.v1.Worker");
  EXPECT_EQ(Ask(*call_, request).all_extension_numbers_response().base_type_name(),
            "outrigger.control.v1.Worker");
  request.set_all_extension_numbers_of_type("no.Such");
  EXPECT_EQ(Ask(*call_, request).error_response().error_code(), 5);
  request.mutable_file_containing_extension()->set_containing_type("outrigger.control.v1.Worker");
  request.mutable_file_containing_extension()->set_extension_number(1);
  EXPECT_EQ(Ask(*call_, request).error_response().error_code(), 5);
}

TEST_F(ReflectionTest, BothVersionsDescribeThemselves) {
  ::grpc::reflection::v1alpha::ServerReflectionRequest request;
  request.set_file_containing_symbol("grpc.reflection.v1alpha.ServerReflection");
  auto call = peer_.Start("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  const auto reply = Ask<::grpc::reflection::v1alpha::ServerReflectionResponse>(*call, request);
  EXPECT_EQ(reply.file_descriptor_response().file_descriptor_proto_size(), 1);
  EXPECT_EQ(FileNames(AskSymbol("grpc.reflection.v1.ServerReflection")),
            std::vector<std::string>{"grpc/reflection/v1/reflection.proto"});
}

}  // namespace
}  // namespace outrigger::control
