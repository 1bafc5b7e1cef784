#include "control/ctl/ctl.h"

#include <google/protobuf/util/json_util.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/ctl/grpc_client.h"
#include "control/ctl/render.h"
#include "control/service/socket_path.h"
#include "outrigger/control/v1/control.pb.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

constexpr int kFailed = 1, kBadUsage = 2, kNoSocket = 3;
constexpr scheduler::Nanos kTimeout = 10 * scheduler::kSecond;

CtlResult Failure(int exit_code, std::string_view message) {
  return {exit_code, "", scheduler::Concat("outrigger ctl: ", message, "\n")};
}

std::string Json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

template <typename Reply>
CtlResult Ask(const CtlOptions& options, std::string_view method,
              const google::protobuf::Message& request, std::string (*render)(const Reply&)) {
  auto connection = ConnectControl(ControlSocketPath(options.socket));
  if (!connection.ok()) return Failure(kNoSocket, scheduler::ToStd(connection.status().message()));
  const auto bytes =
      CallUnary(*std::move(connection), scheduler::Concat("/outrigger.control.v1.Control/", method),
                request.SerializeAsString(), kTimeout);
  Reply reply;
  if (!bytes.ok()) {
    return Failure(kFailed, scheduler::Concat(method, ": ", bytes.status().message()));
  }
  if (!reply.ParseFromString(*bytes)) {
    return Failure(kFailed, scheduler::Concat(method, ": the answer cannot be read"));
  }
  CtlResult result{0, options.json ? Json(reply) : render(reply), ""};
  if constexpr (std::is_same_v<Reply, v1::DrainResponse>) {
    if (!reply.accepted()) {
      result = Failure(kFailed, "the drain was refused: " + reply.reason());
      if (options.json) result.out = Json(reply);
    }
  }
  return result;
}

std::string RenderCoroutines(const v1::DumpCoroutinesResponse& reply) { return reply.text(); }
std::string RenderTrace(const v1::GetTraceResponse& reply) { return reply.chrome_json(); }
std::string RenderDrain(const v1::DrainResponse&) { return "draining\n"; }

void Print(std::string_view text, std::FILE* to) { std::fwrite(text.data(), 1, text.size(), to); }

}  // namespace

CtlResult AskControl(const CtlOptions& options) {
  if (options.command == "status") {
    return Ask<v1::StatusResponse>(options, "Status", v1::StatusRequest(), &RenderStatus);
  }
  if (options.command == "cpu") {
    return Ask<v1::GetCpuPlanResponse>(options, "GetCpuPlan", v1::GetCpuPlanRequest(),
                                       &RenderCpuPlan);
  }
  if (options.command == "drain") {
    return Ask<v1::DrainResponse>(options, "Drain", v1::DrainRequest(), &RenderDrain);
  }
  if (options.command == "coroutines") {
    return Ask<v1::DumpCoroutinesResponse>(options, "DumpCoroutines", v1::DumpCoroutinesRequest(),
                                           &RenderCoroutines);
  }
  if (options.command == "trace") {
    return Ask<v1::GetTraceResponse>(options, "GetTrace", v1::GetTraceRequest(), &RenderTrace);
  }
  return Failure(kBadUsage,
                 scheduler::Concat("no command \"", options.command,
                                   "\": there are status, cpu, drain, coroutines and trace"));
}

int RunCtl(const CtlOptions& options) {
  const CtlResult result = AskControl(options);
  Print(result.out, stdout);
  Print(result.err, stderr);
  return result.exit_code;
}

}  // namespace outrigger::control
