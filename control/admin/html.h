// html.h: the frame that the admin's pages for people share. No script, no foreign resource.
#pragma once

#include <string>
#include <string_view>

namespace outrigger::control {

// `text` with <, >, & and quotes as entities.
std::string Escape(std::string_view text);
// A whole document around `body` (HTML).
std::string Page(std::string_view title, std::string_view body);

}  // namespace outrigger::control
