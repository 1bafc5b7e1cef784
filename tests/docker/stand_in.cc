// Stands in for the binary where it does not exist yet: the subcommands that the tests here call.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "control/inject/inject.h"

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const std::string path = argc > 3 ? argv[3] : "";
  if (command == "version") {
    std::cout << "outrigger stand-in\n";
    return 0;
  }
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path);
    if (!file) return 3;
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (command == "validate") return outrigger::control::ParseYaml(text, path).ok() ? 0 : 1;
  if (command != "inject") return 2;
  const auto result = outrigger::control::Inject(text, path, {});
  if (!result.ok()) {
    std::cerr << result.status().message() << "\n";
    return 1;
  }
  std::cout << result->yaml;
  for (const std::string& line : result->report) std::cerr << line << "\n";
  return 0;
}
