#include "control/admin/html.h"

#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

constexpr std::string_view kStyle = R"(
:root{--ink:#1d2733;--soft:#5d6b7a;--line:#d9e0e7;--paper:#fbfcfd;--control:#c9642c;--data:#1f6f8b;--both:#7a5195;--free:#e8edf2}
@media(prefers-color-scheme:dark){:root{--ink:#e6ecf2;--soft:#9aa8b6;--line:#2c3947;--paper:#12181f;--free:#222d38}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 .2rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}p{color:var(--soft);margin:.2rem 0}
a{color:var(--data)}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
th{color:var(--soft);font-weight:500}code{font-family:ui-monospace,monospace}svg{max-width:100%;height:auto;margin:.8rem 0}svg text{fill:var(--ink);font:13px system-ui,sans-serif}
svg .on{fill:#fff}.warn{color:var(--control)}
td{vertical-align:top}td p{margin:0;font-size:.85rem}form{margin:0}.state{color:var(--data)}
button{font:inherit;color:var(--control);background:none;border:1px solid var(--line);border-radius:6px;padding:.05rem .5rem;cursor:pointer})";

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Page(std::string_view title, std::string_view body) {
  return scheduler::Concat(
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Outrigger: ",
      title, "</title><style>", kStyle, "</style><p><a href=\"/\">Outrigger</a></p><h1>", title,
      "</h1>", body, "</html>\n");
}

}  // namespace outrigger::control
