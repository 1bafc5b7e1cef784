#include "control/service/http_message.h"

namespace outrigger::control {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<std::string_view> ControlRequest::Param(std::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      decoded.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      // '+' is kept: the parameters here are regular expressions more often than form fields.
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

void SplitTarget(std::string_view target, ControlRequest& request) {
  const size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  request.params.clear();
  if (question == std::string_view::npos) return;
  std::string_view query = target.substr(question + 1);
  while (!query.empty() && request.params.size() < kMaxParams) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    request.params.emplace_back(PercentDecode(pair.substr(0, equals)), PercentDecode(value));
  }
}

scheduler::Task<> ResponseWriter::Send(int status, std::string content_type, std::string body,
                                       HeaderList headers) {
  headers.emplace_back("content-type", std::move(content_type));
  headers.emplace_back("content-length", std::to_string(body.size()));
  Begin(status, headers);
  if (!body.empty()) co_await Write(std::move(body));
  End();
}

}  // namespace outrigger::control
