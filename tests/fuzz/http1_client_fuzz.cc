// However an upstream's bytes are cut, an HTTP/1 client makes the same of them, keeps to its limits
// and never takes two answers for one. The first byte says how long the pieces are, the second what
// is asked.
#include <string>
#include <string_view>

#include "proxy/codec/http1/client_codec.h"
#include "scheduler/base/check.h"

using namespace outrigger::proxy;  // NOLINT: a fuzz target

namespace {

constexpr http1::ResponseRules kRules{.limits = {.max_bytes = 4096, .max_count = 20},
                                      .trailers = true};

class Events final : public ClientEvents {
 public:
  void OnWritable() override {}
  void OnCapacity() override {}
};

struct Outcome {
  std::string headers, body, trailers;
  bool complete = false, ended = false, kept = false, failed = false;
  uint16_t informational = 0;
  ErrorCode code = ErrorCode::kNone;
  bool operator==(const Outcome&) const = default;
};

std::string Text(const Headers& headers) {
  std::string text;
  for (const Header& header : headers) {
    OUTRIGGER_CHECK(header.value.find_first_of(std::string_view("\r\n\0", 3)) == header.value.npos);
    text.append(header.name).append("=").append(header.value).append(";");
  }
  return text;
}

Outcome Play(std::string_view bytes, size_t piece, uint8_t choice) {
  Events events;
  http1::Http1ClientCodec codec(events, kRules);
  Stream& stream = codec.OpenStream();
  Headers head(stream.arena);
  head.Add(":method", choice % 2 == 0 ? "GET" : "HEAD");
  head.Add(":path", "/");
  head.Add(":authority", "a");
  stream.SendHeaders(head, choice % 8 != 7);
  SliceQueue out;
  codec.Produce(out, 1 << 20);
  for (size_t at = 0; at < bytes.size(); at += piece) {
    OUTRIGGER_CHECK(codec.Feed(Slice::Copy(bytes.substr(at, piece))));
    if (codec.finished()) break;
  }
  Outcome outcome;
  outcome.kept = codec.capacity() > 0;
  if (choice % 4 < 2) codec.OnEof();
  outcome.headers = Text(stream.headers);
  for (const Slice& slice : stream.body) outcome.body += slice.view();
  OUTRIGGER_CHECK(stream.received == outcome.body.size());
  outcome.trailers = Text(stream.trailers);
  outcome.complete = stream.headers_complete;
  outcome.ended = stream.end_received;
  outcome.failed = codec.failed();
  outcome.informational = stream.informational;
  outcome.code = stream.error.code;
  OUTRIGGER_CHECK(!outcome.kept || (outcome.ended && !outcome.failed));
  OUTRIGGER_CHECK(!outcome.ended || outcome.code == ErrorCode::kNone);
  OUTRIGGER_CHECK(outcome.complete || outcome.body.empty());
  stream.Release();
  OUTRIGGER_CHECK(codec.open_streams() == 0);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const std::string_view said(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const Outcome whole = Play(said, said.size() + 1, bytes[1]);
  const Outcome cut = Play(said, size_t{bytes[0]} + 1, bytes[1]);
  // What is behind an answer is seen at once or not yet: nothing of it is in the answer.
  OUTRIGGER_CHECK(whole.body == cut.body && whole.complete == cut.complete);
  OUTRIGGER_CHECK(whole.ended == cut.ended);
  // Of two faults in one head either may be found first.
  OUTRIGGER_CHECK((whole.code == ErrorCode::kNone) == (cut.code == ErrorCode::kNone));
  if (whole.complete) OUTRIGGER_CHECK(whole.headers == cut.headers);
  if (whole.ended) OUTRIGGER_CHECK(whole.trailers == cut.trailers);
  return 0;
}
