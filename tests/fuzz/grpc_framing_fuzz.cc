// However a body is cut, its messages are the same, and the reader holds no more than it was given.
// The first byte says how long the pieces are.
#include <string>
#include <string_view>
#include <vector>

#include "proxy/grpc/framing.h"
#include "scheduler/base/check.h"

using outrigger::proxy::Slice;
using outrigger::proxy::SliceQueue;
using outrigger::proxy::grpc::MessageReader;

namespace {

struct Outcome {
  std::vector<std::string> messages;
  absl::StatusCode code = absl::StatusCode::kOk;
  bool at_boundary = true;
  bool operator==(const Outcome&) const = default;
};

Outcome ReadInPieces(std::string_view bytes, size_t piece) {
  MessageReader reader(1 << 16);
  SliceQueue body;
  Outcome outcome;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    body.Push(Slice::Copy(bytes.substr(at, piece)));
    while (true) {
      auto message = reader.Read(body);
      outcome.code = message.status().code();
      if (!message.ok()) return outcome;
      if (!*message) break;
      outcome.messages.push_back(**message);
    }
    OUTRIGGER_CHECK(body.empty() && reader.buffered() <= bytes.size());
  }
  outcome.at_boundary = reader.at_boundary();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const size_t piece = size_t{bytes[0]} + 1;
  OUTRIGGER_CHECK(ReadInPieces(body, piece) == ReadInPieces(body, size));
  return 0;
}
