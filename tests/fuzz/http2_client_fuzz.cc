// Whatever an upstream sends to a session with requests under way: see http2_server_fuzz.cc.
#include "tests/fuzz/http2_session.h"

using namespace outrigger::proxy;  // NOLINT: a fuzz target

namespace {

class Client final : public ClientEvents {
 public:
  explicit Client(Choices& choices) : choices_(choices) {}
  void OnWritable() override {}
  void OnCapacity() override {}
  void Run(std::string_view bytes) {
    http2::ClientSession session(*this, FuzzOptions(choices_), FuzzLimits());
    for (int i = 0; i < 4 && session.capacity() > 0; ++i) {
      Stream& stream = session.OpenStream();
      Headers head(stream.arena);
      head.Add(":method", "POST");
      head.Add(":scheme", "http");
      head.Add(":path", "/");
      head.Add(":authority", "a");
      stream.SendHeaders(head, choices_.Next() % 2 == 0);
      streams_.Add(stream);
    }
    Play(session, choices_, streams_, bytes);
  }

 private:
  Choices& choices_;
  HeldStreams streams_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  Choices choices(bytes, size);
  Client(choices).Run(choices.Rest());
  return 0;
}
