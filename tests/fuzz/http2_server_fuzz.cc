// Whatever a client sends, in whatever pieces, with handlers that answer, reset and leave at any
// moment: no stream outlives its session, and a broken connection stays broken. The first bytes say
// what the handlers do.
#include "tests/fuzz/http2_session.h"

using namespace outrigger::proxy;  // NOLINT: a fuzz target

namespace {

class Server final : public ServerEvents {
 public:
  explicit Server(Choices& choices) : choices_(choices) {}
  void OnRequest(Stream& stream) override { streams_.Add(stream); }
  void OnWritable() override {}
  void Run(std::string_view bytes) {
    http2::ServerSession session(*this, FuzzOptions(choices_), FuzzLimits());
    Play(session, choices_, streams_, bytes);
  }

 private:
  Choices& choices_;
  HeldStreams streams_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Choices choices(bytes, size);
  Server server(choices);
  // Most inputs would die of a bad preface.
  const std::string preface = choices.Next() % 16 == 0 ? "" : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  server.Run(preface + std::string(choices.Rest()));
  return 0;
}
