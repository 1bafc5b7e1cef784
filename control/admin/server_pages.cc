#include <google/protobuf/util/json_util.h>

#include "control/admin/html.h"
#include "control/admin/json_writer.h"
#include "control/admin/pages.h"
#include "scheduler/base/log.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

std::string_view StateName(const ServerState& state) {
  switch (state.phase()) {
    case Phase::kLive:
      return state.health_failed() ? "DRAINING" : "LIVE";
    case Phase::kDraining:
      return "DRAINING";
    case Phase::kPreInitializing:
      return "PRE_INITIALIZING";
    case Phase::kInitializing:
      return "INITIALIZING";
  }
  return "";
}

AdminReply Ok() { return {.body = "OK\n"}; }

std::string ActiveLoggers() {
  return scheduler::Concat(
      "active loggers:\n  all: ", scheduler::LogLevelName(scheduler::GetLogLevel()), "\n");
}

}  // namespace

AdminReply IndexPage(const AdminSources& sources) {
  std::string body =
      scheduler::Concat("<p>version ", Escape(sources.version), ", <b class=\"state\">",
                        StateName(sources.state), "</b></p><table>");
  for (const AdminPage& page : AdminPages()) {
    // A form and not a link: a crawler or a prefetch changes nothing.
    const std::string link =
        page.post ? scheduler::Concat("<form method=\"post\" action=\"", page.path, "\"><button>",
                                      page.path, "</button></form>")
                  : scheduler::Concat("<a href=\"", page.path, "\">", page.path, "</a>");
    scheduler::Append(body, "<tr><td>", link, "</td><td>", Escape(page.help));
    for (const auto& [name, help] : page.params) {
      scheduler::Append(body, "<p><code>", name, "</code> ", Escape(help), "</p>");
    }
    body += "</td></tr>";
  }
  return {200, "text/html; charset=UTF-8", Page("admin", body + "</table>")};
}

AdminReply ReadyPage(const AdminSources& sources, const ControlRequest&) {
  return {.status = sources.state.ready() ? 200 : 503,
          .body = scheduler::Concat(StateName(sources.state), "\n")};
}

AdminReply ServerInfoPage(const AdminSources& sources, const ControlRequest&) {
  const std::string uptime = absl::StrCat(sources.state.uptime() / scheduler::kSecond, "s");
  std::string node;
  google::protobuf::util::JsonPrintOptions print;
  print.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(sources.bootstrap.node(), &node, print).ok()) {
    node = "{}";
  }
  JsonWriter json;
  json.Begin('{').Key("version").String(scheduler::Concat("outrigger/", sources.version));
  json.Key("state").String(StateName(sources.state));
  json.Key("hot_restart_version").String("disabled");
  json.Key("command_line_options").Begin('{');
  json.Key("concurrency").Number(int64_t{sources.plan.Workers()});
  json.Key("config_path").String(sources.config_path);
  json.Key("log_level").String(scheduler::LogLevelName(scheduler::GetLogLevel())).End('}');
  json.Key("node").Raw(node);
  json.Key("uptime_current_epoch").String(uptime).Key("uptime_all_epochs").String(uptime).End('}');
  return {200, "application/json", json.Take()};
}

AdminReply LoggingPage(const AdminSources&, const ControlRequest& request) {
  if (const auto level = request.Param("level")) {
    scheduler::LogLevel parsed;
    if (!scheduler::ParseLogLevel(*level, parsed)) {
      return {.status = 400,
              .body =
                  "error: unknown logger level\n\n"
                  "usage: /logging?level=<level> (change all levels)\n"
                  "levels: trace debug info warning error critical off \n" +
                  ActiveLoggers()};
    }
    scheduler::SetLogLevel(parsed);
  }
  return {.body = ActiveLoggers()};
}

AdminReply DrainListenersPage(const AdminSources& sources, const ControlRequest& request) {
  sources.drain_listeners({.graceful = request.HasParam("graceful"),
                           .inbound_only = request.HasParam("inboundonly"),
                           .skip_exit = request.HasParam("skip_exit")});
  return Ok();
}

AdminReply HealthFailPage(const AdminSources& sources, const ControlRequest&) {
  sources.state.FailHealth(true);
  return Ok();
}

AdminReply HealthOkPage(const AdminSources& sources, const ControlRequest&) {
  sources.state.FailHealth(false);
  return Ok();
}

AdminReply QuitPage(const AdminSources& sources, const ControlRequest&) {
  sources.quit();
  return Ok();
}

bool WantsJson(const ControlRequest& request) {
  return request.Param("format") == std::optional<std::string_view>("json");
}

bool WantsHtml(const ControlRequest& request) {
  if (request.HasParam("format"))
    return request.Param("format") == std::optional<std::string_view>("html");
  const proxy::Header* accept = request.headers ? request.headers->Find("accept") : nullptr;
  return accept && accept->value.find("text/html") != std::string_view::npos;
}

}  // namespace outrigger::control
