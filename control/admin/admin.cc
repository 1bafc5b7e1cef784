#include "control/admin/admin.h"

#include "control/admin/pages.h"
#include "control/resources/core.h"
#include "proxy/codec/http2/session.h"
#include "proxy/stats/stats_text.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"

namespace outrigger::control {
namespace {

constexpr std::string_view kText = "text/plain; charset=UTF-8";

std::string HelpText() {
  std::string text = "admin commands are:\n  /: Admin home page\n";
  for (const AdminPage& page : AdminPages()) {
    scheduler::Append(text, "  ", page.path, page.post ? " (POST): " : ": ", page.help, "\n");
    for (const auto& [name, help] : page.params) {
      scheduler::Append(text, "      ", name, ": ", help, "\n");
    }
  }
  return text;
}

// Outside of the coroutines: g++ 12 miscompiles braced lists of text in them.
HeaderList SafeHeaders() {
  return {{"cache-control", "no-cache, max-age=0"}, {"x-content-type-options", "nosniff"}};
}

scheduler::Task<> ServeStats(const AdminSources& sources, const ControlRequest& request,
                             ResponseWriter& writer) {
  const std::string_view format =
      request.path == "/stats/prometheus" ? "prometheus" : request.Param("format").value_or("text");
  proxy::StatsQuery query;
  if (format == "json") {
    query.format = proxy::StatsFormat::kJson;
  } else if (format == "prometheus") {
    query.format = proxy::StatsFormat::kPrometheus;
  } else if (format != "text") {
    co_await writer.Send(400, std::string(kText),
                         "usage: /stats?format=(json|prometheus|text)\n\n");
    co_return;
  }
  query.used_only = request.HasParam("usedonly");
  query.filter = std::string(request.Param("filter").value_or(""));
  absl::StatusOr<proxy::StatsText> text = proxy::StatsText::Make(sources.stats, std::move(query));
  if (!text.ok()) {
    co_await writer.Send(400, std::string(kText), std::string(text.status().message()));
    co_return;
  }
  HeaderList headers = SafeHeaders();
  headers.emplace_back("content-type", format == "json" ? "application/json" : std::string(kText));
  writer.Begin(200, headers);
  bool more = true;
  while (more) {
    std::string chunk;
    more = text->Next(chunk);
    if (!co_await writer.Write(std::move(chunk))) co_return;
  }
  writer.End();
}

AdminReply Answer(const AdminSources& sources, const ControlRequest& request) {
  if (request.path == "/") return IndexPage(sources);
  if (request.path == "/help") return {200, std::string(kText), HelpText()};
  for (const AdminPage& page : AdminPages()) {
    if (page.path != request.path) continue;
    // Asking for the log level changes nothing; Envoy wants a POST even so.
    const bool asks = page.path == "/logging" && request.params.empty();
    if (page.post && !asks && request.method != "POST") {
      return {405, std::string(kText),
              scheduler::Concat("Method ", request.method, " not allowed, POST required.")};
    }
    return page.handle(sources, request);
  }
  return {404, std::string(kText), "invalid path. " + HelpText()};
}

scheduler::Task<> SendReply(ResponseWriter& writer, AdminReply reply) {
  co_await writer.Send(reply.status, std::move(reply.type), std::move(reply.body), SafeHeaders());
}

}  // namespace

scheduler::Task<> ServeAdmin(const AdminSources& sources, const ControlRequest& request,
                             ResponseWriter& writer) {
  if (request.path == "/stats" || request.path == "/stats/prometheus") {
    return ServeStats(sources, request, writer);
  }
  return SendReply(writer, Answer(sources, request));
}

const std::vector<AdminPage>& AdminPages() {
  static const std::pair<std::string_view, std::string_view> used_only = {
      "usedonly", "Only include stats that have been written by system since restart"};
  static const std::pair<std::string_view, std::string_view> filter = {
      "filter", "Regular expression (Google re2) for filtering stats"};
  static const std::pair<std::string_view, std::string_view> text_or_json = {
      "format", "File format to use; One of (text, json)"};
  static const std::pair<std::string_view, std::string_view> html_or_json = {
      "format", "Format to use; One of (html, json); by default what the Accept header asks for"};
  static const std::vector<AdminPage> pages = {
      {"/clusters", "upstream cluster status", &ClustersPage, false, {text_or_json}},
      {"/config_dump", "dump current configs", &ConfigDumpPage},
      {"/cpu", "the CPU plan: who runs where, and why", &CpuPage, false, {html_or_json}},
      {"/drain_listeners",
       "drain listeners",
       &DrainListenersPage,
       true,
       {{"graceful", "Go on accepting connections until the drain time is over"},
        {"skip_exit", "Drain the connections but never stop the listeners"},
        {"inboundonly", "Drain inbound listeners only, by their traffic_direction"}}},
      {"/healthcheck/fail", "cause the server to fail health checks", &HealthFailPage, true},
      {"/healthcheck/ok", "cause the server to pass health checks", &HealthOkPage, true},
      {"/help", "print out list of admin commands", nullptr},
      {"/listeners", "print listener info", &ListenersPage, false, {text_or_json}},
      {"/logging",
       "query/change logging levels",
       &LoggingPage,
       true,
       {{"level",
         "desired logging level; One of (, trace, debug, info, warning, error, critical, off)"}}},
      {"/quitquitquit", "exit the server", &QuitPage, true},
      {"/ready", "print server state, return 200 if LIVE, otherwise return 503", &ReadyPage},
      {"/scheduler",
       "pools, processors, queues, coroutines",
       &SchedulerPage,
       false,
       {html_or_json}},
      {"/scheduler/coroutines", "all control coroutines: what each waits for, who awaits whom",
       &CoroutinesPage},
      {"/scheduler/trace", "what the control pool did last, for ui.perfetto.dev", &TracePage},
      {"/server_info", "print server version/status information", &ServerInfoPage},
      {"/stats",
       "print server stats",
       nullptr,
       false,
       {used_only, filter, {"format", "Format to use; One of (text, json, prometheus)"}}},
      {"/stats/prometheus",
       "print server stats in prometheus format",
       nullptr,
       false,
       {used_only, filter}},
  };
  return pages;
}

absl::StatusOr<std::unique_ptr<HttpServer>> ListenAdmin(
    const envoy::config::bootstrap::v3::Admin& config, AdminSources sources) {
  HttpServerOptions options;
  options.name = "admin";
  const FieldPath root("admin");
  OUTRIGGER_ASSIGN_OR_RETURN(options.address, ParseAddress(config.address(), root["address"]));
  auto shared = std::make_shared<const AdminSources>(std::move(sources));
  options.connection.handler = [shared](const ControlRequest& request, ResponseWriter& writer) {
    return ServeAdmin(*shared, request, writer);
  };
  options.connection.http2 = [](proxy::ServerEvents& events) -> std::unique_ptr<proxy::Codec> {
    return std::make_unique<proxy::http2::ServerSession>(events, proxy::Http2Options(),
                                                         proxy::HeaderLimits());
  };
  return HttpServer::Listen(std::move(options));
}

}  // namespace outrigger::control
