// The control API over invented answers, for clients in other languages.
// Usage: control_api_server SOCKET   prints "ready", and ends with its standard input.
#include <cstdio>

#include "tests/control/service/fake_control.h"

int main(int argc, char** argv) {
  using namespace outrigger::control;
  if (argc != 2) return 2;
  FakeControl fake;
  TestGrpcServer server(
      {.socket_path = argv[1], .observe_interval = outrigger::scheduler::kMillisecond},
      ControlApiMethods(fake.Sources()));
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
