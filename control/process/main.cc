// main.cc: flags -> subcommand.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "control/inject/inject.h"
#include "control/process/echo.h"
#include "control/process/exit_code.h"
#include "control/process/flags.h"
#include "control/process/server.h"
#include "control/process/signals.h"
#include "control/process/version.h"
#include "control/sweep/sweep.h"

namespace outrigger::control {
namespace {

int RunInject(const InjectFlags& flags) {
  std::string text;
  if (flags.file == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(flags.file, std::ios::binary);
    if (!file) return Fail(kCannotHave, flags.file, absl::NotFoundError("cannot be read"));
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  InjectOptions options;
  if (!flags.image.empty()) options.image = flags.image;
  if (!flags.config_map.empty()) options.config_map = flags.config_map;
  if (flags.metrics_port != 0) options.metrics_port = static_cast<uint16_t>(flags.metrics_port);
  const absl::StatusOr<InjectResult> result = Inject(text, flags.file, options);
  if (!result.ok()) return Fail(kBadConfig, "", result.status());
  for (const std::string& line : result->report) std::fprintf(stderr, "%s\n", line.c_str());
  std::fwrite(result->yaml.data(), 1, result->yaml.size(), stdout);
  return kDone;
}

int Main(int argc, const char* const* argv) {
  BlockSignals();  // before any thread starts
  int exit_code = 0;
  const std::optional<Flags> flags = ParseFlags(argc, argv, exit_code);
  if (!flags) return exit_code;
  switch (flags->command) {
    case Flags::Command::kRun:
      return RunServer(flags->run);
    case Flags::Command::kValidate:
      return RunValidate(flags->run);
    case Flags::Command::kEcho:
      return RunEcho(flags->echo);
    case Flags::Command::kCtl:
      return RunCtl(flags->ctl);
    case Flags::Command::kInject:
      return RunInject(flags->inject);
    case Flags::Command::kSweep:
      return RunSweep(flags->sweep);
    case Flags::Command::kVersion:
      std::printf("outrigger %s\n", kVersion.data());
      return kDone;
  }
  return kBadUsage;
}

}  // namespace
}  // namespace outrigger::control

int main(int argc, char** argv) { return outrigger::control::Main(argc, argv); }
