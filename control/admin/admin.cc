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
  }
  return text;
}

// Outside of the coroutines: g++ 12 miscompiles braced lists of text in them.
HeaderList SafeHeaders() {
  return {{"cache-control", "no-cache, max-age=0"}, {"x-content-type-options", "nosniff"}};
}

scheduler::Task<> ServeStats(const AdminSources& sources, const ControlRequest& request,
                             ResponseWriter& writer) {
  const std::string_view format = request.path == "/stats/prometheus"
                                      ? "prometheus"
                                      : request.Param("format").value_or("text");
  proxy::StatsQuery query;
  if (format == "json") {
    query.format = proxy::StatsFormat::kJson;
  } else if (format == "prometheus") {
    query.format = proxy::StatsFormat::kPrometheus;
  } else if (format != "text") {
    co_await writer.Send(400, std::string(kText),
                         "usage: /stats?format=text|json|prometheus\n");
    co_return;
  }
  query.used_only = request.HasParam("usedonly");
  query.filter = std::string(request.Param("filter").value_or(""));
  absl::StatusOr<proxy::StatsText> text = proxy::StatsText::Make(sources.stats, std::move(query));
  if (!text.ok()) {
    co_await writer.Send(400, std::string(kText), scheduler::Concat(text.status().message(), "\n"));
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
    if (page.post && request.method != "POST") {
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
  static const std::vector<AdminPage> pages = {
      {"/clusters", "upstream cluster status (?format=json)", false, &ClustersPage},
      {"/config_dump", "dump current configs", false, &ConfigDumpPage},
      {"/cpu", "the CPU plan, who runs where and why (?format=json)", false, &CpuPage},
      {"/drain_listeners", "drain listeners (?graceful)", true, &DrainListenersPage},
      {"/healthcheck/fail", "cause the server to fail health checks", true, &HealthFailPage},
      {"/healthcheck/ok", "cause the server to pass health checks", true, &HealthOkPage},
      {"/help", "print out list of admin commands", false, nullptr},
      {"/listeners", "print listener info (?format=json)", false, &ListenersPage},
      {"/logging", "query/change the log level (?level=debug)", true, &LoggingPage},
      {"/quitquitquit", "exit the server", true, &QuitPage},
      {"/ready", "print server state, return 200 if LIVE, otherwise return 503", false, &ReadyPage},
      {"/scheduler", "pools, processors, queues (?format=json)", false, &SchedulerPage},
      {"/server_info", "print server version/status information", false, &ServerInfoPage},
      {"/stats", "print server stats (?usedonly&filter=REGEX&format=text|json|prometheus)", false,
       nullptr},
      {"/stats/prometheus", "print server stats in prometheus format", false, nullptr},
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
