#include "control/admin/json_writer.h"

namespace outrigger::control {

std::string IndentJson(std::string_view json) {
  std::string out;
  out.reserve(json.size() * 2);
  size_t depth = 0;
  const auto line = [&] {
    out += '\n';
    out.append(depth, ' ');
  };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    switch (c) {
      case '"': {
        const size_t start = i++;
        while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
        out += json.substr(start, i + 1 - start);
        break;
      }
      case '{':
      case '[': {
        out += c;
        const size_t next = json.find_first_not_of(" \n\r\t", i + 1);
        if (next != std::string_view::npos && (json[next] == '}' || json[next] == ']')) {
          out += json[next];
          i = next;
        } else {
          ++depth;
          line();
        }
        break;
      }
      case '}':
      case ']':
        if (depth > 0) --depth;
        line();
        out += c;
        break;
      case ',':
        out += c;
        line();
        break;
      case ':':
        out += ": ";
        break;
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        break;
      default:
        out += c;
    }
  }
  return out + "\n";
}

}  // namespace outrigger::control
