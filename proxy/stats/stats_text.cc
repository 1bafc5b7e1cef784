#include "proxy/stats/stats_text.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "scheduler/base/json_text.h"

namespace outrigger::proxy {
namespace {

constexpr double kQuantiles[] = {0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1};
constexpr std::string_view kPercents[] = {"0",  "25", "50",   "75",   "90",
                                          "95", "99", "99.5", "99.9", "100"};
constexpr std::pair<double, std::string_view> kBounds[] = {
    {0.5, "0.5"},        {1, "1"},           {5, "5"},
    {10, "10"},          {25, "25"},         {50, "50"},
    {100, "100"},        {250, "250"},       {500, "500"},
    {1000, "1000"},      {2500, "2500"},     {5000, "5000"},
    {10000, "10000"},    {30000, "30000"},   {60000, "60000"},
    {300000, "300000"},  {600000, "600000"}, {1800000, "1800000"},
    {3600000, "3600000"}};

void AppendNumber(std::string& out, uint64_t value) { out.append(std::to_string(value)); }

void AppendQuantile(std::string& out, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  out.append(text);
}

// A name is one field of one line, whatever a control plane called its cluster.
void AppendName(std::string& out, std::string_view name) {
  for (char c : name) out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '_' : c);
}

std::string FlatName(const StatScope& scope, const StatDesc& desc) {
  std::string name = scope.prefix;
  name.append(desc.name);
  return name;
}

// Whether a + b < c + d, without making the strings.
bool FlatLess(std::string_view a, std::string_view b, std::string_view c, std::string_view d) {
  const size_t common = std::min(a.size(), c.size());
  if (const int order = a.substr(0, common).compare(c.substr(0, common)); order != 0) {
    return order < 0;
  }
  std::string left(a.substr(common)), right(c.substr(common));
  return left.append(b) < right.append(d);
}

// "upstream_rq_2xx": Envoy makes the class a tag and the name "upstream_rq_xx". 0: no such name.
char ClassOf(std::string_view name) {
  if (name.size() < 4 || !name.ends_with("xx") || name[name.size() - 4] != '_') return 0;
  const char digit = name[name.size() - 3];
  return digit >= '1' && digit <= '5' ? digit : 0;
}

std::string FamilyName(const StatScope& scope, const StatDesc& desc) {
  std::string name = scope.family;
  const size_t from = name.size();
  name.append(desc.name);
  if (ClassOf(desc.name)) name.erase(name.size() - 3, 1);
  std::replace(name.begin() + static_cast<std::ptrdiff_t>(from), name.end(), '.', '_');
  return name;
}

// Label values and help texts: backslash, line feed and (labels) quotes are escaped.
void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\') {
      out.append("\\\\");
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '"' && quotes) {
      out.append("\\\"");
    } else {
      out.push_back(c);
    }
  }
}

// `a="x",b="y"`, without braces.
std::string Labels(const StatScope& scope, const StatDesc& desc) {
  std::string out;
  auto add = [&out](std::string_view key, std::string_view value) {
    if (!out.empty()) out.push_back(',');
    out.append(key).append("=\"");
    AppendEscaped(out, value, /*quotes=*/true);
    out.push_back('"');
  };
  if (const char digit = ClassOf(desc.name)) {
    add("envoy_response_code_class", std::string_view(&digit, 1));
  }
  for (const StatTag& tag : scope.tags) add(tag.key, tag.value);
  return out;
}

std::string_view TypeName(StatKind kind) {
  switch (kind) {
    case StatKind::kCounter:
      return "counter";
    case StatKind::kGauge:
      return "gauge";
    case StatKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void AppendHistogram(std::string& out, std::string_view family, std::string_view labels,
                     const HistogramSnapshot& histogram) {
  const std::string_view comma = labels.empty() ? "" : ",";
  for (const auto& [bound, text] : kBounds) {
    out.append(family).append("_bucket{").append(labels).append(comma).append("le=\"");
    out.append(text).append("\"} ");
    AppendNumber(out, histogram.CountUpTo(bound));
    out.push_back('\n');
  }
  out.append(family).append("_bucket{").append(labels).append(comma).append("le=\"+Inf\"} ");
  AppendNumber(out, histogram.count);
  const std::string braces = labels.empty() ? "" : absl::StrFormat("{%s}", labels);
  out.append("\n").append(family).append("_sum").append(braces).append(" ");
  AppendNumber(out, histogram.sum);
  out.append("\n").append(family).append("_count").append(braces).append(" ");
  AppendNumber(out, histogram.count);
  out.push_back('\n');
}

}  // namespace

absl::StatusOr<StatsText> StatsText::Make(const StatRegistry& registry, StatsQuery query) {
  std::unique_ptr<RE2> filter;
  if (!query.filter.empty()) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    filter = std::make_unique<RE2>(query.filter, options);
    if (!filter->ok()) {
      return absl::InvalidArgumentError(absl::StrFormat("Invalid re2 regex: %s", filter->error()));
    }
  }
  return StatsText(registry, std::move(query), std::move(filter));
}

StatsText::StatsText(const StatRegistry& registry, StatsQuery query, std::unique_ptr<RE2> filter)
    : registry_(&registry), query_(std::move(query)), filter_(std::move(filter)) {
  registry.Refresh();
  if (query_.format == StatsFormat::kPrometheus) {
    OrderByFamily();
  } else {
    OrderByName();
  }
}

StatsText::~StatsText() = default;
StatsText::StatsText(StatsText&&) noexcept = default;
StatsText& StatsText::operator=(StatsText&&) noexcept = default;

// Counters and gauges by name, then histograms, as Envoy lists them. Scopes come in order of
// prefix, so names are in order but for scopes whose prefix starts with another's.
void StatsText::OrderByName() {
  const std::vector<const StatScope*> scopes = registry_->Scopes();
  std::vector<Row> histograms, group;
  for (size_t i = 0, end = 0; i < scopes.size(); i = end) {
    group.clear();
    const std::string& prefix = scopes[i]->prefix;
    for (end = i; end < scopes.size() && scopes[end]->prefix.starts_with(prefix); ++end) {
      for (uint32_t k = 0; k < scopes[end]->stats.size(); ++k) group.push_back({scopes[end], k});
    }
    std::sort(group.begin(), group.end(), [](const Row& a, const Row& b) {
      return FlatLess(a.scope->prefix, a.desc().name, b.scope->prefix, b.desc().name);
    });
    for (const Row& row : group) {
      (row.desc().kind == StatKind::kHistogram ? histograms : rows_).push_back(row);
    }
  }
  rows_.insert(rows_.end(), histograms.begin(), histograms.end());
}

// All series of a family stand together, as the format demands.
void StatsText::OrderByFamily() {
  std::map<std::pair<std::string_view, const StatDesc*>, std::vector<const StatScope*>> alike;
  for (const StatScope* scope : registry_->Scopes()) {
    alike[{scope->family, scope->stats.data()}].push_back(scope);
  }
  std::map<std::string, std::vector<std::pair<const std::vector<const StatScope*>*, uint32_t>>>
      families;
  for (const auto& [key, scopes] : alike) {
    for (uint32_t k = 0; k < scopes[0]->stats.size(); ++k) {
      families[FamilyName(*scopes[0], scopes[0]->stats[k])].emplace_back(&scopes, k);
    }
  }
  for (const auto& [name, columns] : families) {
    for (const auto& [scopes, k] : columns) {
      for (const StatScope* scope : *scopes) rows_.push_back({scope, k});
    }
  }
}

bool StatsText::Next(std::string& out, size_t limit) {
  const size_t start = out.size();
  if (next_ == 0 && query_.format == StatsFormat::kJson) out.append("{\"stats\":[");
  while (next_ < rows_.size() && out.size() - start < limit) {
    Append(rows_[next_++], out);
  }
  if (next_ < rows_.size()) return true;
  AppendEnd(out);
  return false;
}

StatsText::Reading StatsText::Read(const Row& row) const {
  Reading reading;
  switch (row.desc().kind) {
    case StatKind::kCounter: {
      const uint64_t count = registry_->Sum(Counter{row.slot()});
      reading.value = std::to_string(count);
      reading.used = count != 0;
      break;
    }
    case StatKind::kGauge: {
      const GaugeReading gauge = registry_->Sum(Gauge{row.slot()});
      reading.value = std::to_string(gauge.value);
      reading.used = gauge.used;
      break;
    }
    case StatKind::kHistogram:
      reading.histogram = registry_->Sum(Histogram{row.slot()});
      reading.used = reading.histogram.count != 0;
      break;
  }
  return reading;
}

void StatsText::Append(const Row& row, std::string& out) {
  if (filter_ && !RE2::PartialMatch(FlatName(*row.scope, row.desc()), *filter_)) return;
  const Reading reading = Read(row);
  if (query_.used_only && !reading.used) return;
  switch (query_.format) {
    case StatsFormat::kText:
      return AppendText(row, reading, out);
    case StatsFormat::kJson:
      return AppendJson(row, reading, out);
    case StatsFormat::kPrometheus:
      return AppendPrometheus(row, reading, out);
  }
}

void StatsText::AppendText(const Row& row, const Reading& reading, std::string& out) {
  AppendName(out, FlatName(*row.scope, row.desc()));
  out.append(": ").append(reading.value);
  if (row.desc().kind == StatKind::kHistogram && !reading.used) out.append("No recorded values");
  if (row.desc().kind == StatKind::kHistogram && reading.used) {
    // First of each pair: the last interval, which is not kept apart here.
    for (size_t i = 0; i < std::size(kQuantiles); ++i) {
      out.append(i == 0 ? "P" : " P").append(kPercents[i]).append("(nan,");
      AppendQuantile(out, reading.histogram.Quantile(kQuantiles[i]));
      out.push_back(')');
    }
  }
  out.push_back('\n');
}

void StatsText::AppendJson(const Row& row, const Reading& reading, std::string& out) {
  const bool is_histogram = row.desc().kind == StatKind::kHistogram;
  if (begun_) out.push_back(',');
  begun_ = true;
  if (is_histogram && !histograms_) {
    histograms_ = true;
    out.append(
        "{\"histograms\":{\"supported_quantiles\":[0,25,50,75,90,95,99,99.5,99.9,100],"
        "\"computed_quantiles\":[");
  }
  out.append("{\"name\":");
  scheduler::AppendJsonString(out, FlatName(*row.scope, row.desc()));
  if (!is_histogram) {
    out.append(",\"value\":").append(reading.value).append("}");
    return;
  }
  out.append(",\"values\":[");
  for (size_t i = 0; i < std::size(kQuantiles); ++i) {
    out.append(i == 0 ? "{\"cumulative\":" : ",{\"cumulative\":");
    if (reading.used) {
      AppendQuantile(out, reading.histogram.Quantile(kQuantiles[i]));
    } else {
      out.append("null");
    }
    out.append(",\"interval\":null}");
  }
  out.append("]}");
}

void StatsText::AppendPrometheus(const Row& row, const Reading& reading, std::string& out) {
  const StatKind kind = row.desc().kind;
  const std::string family = FamilyName(*row.scope, row.desc());
  if (family != family_) {
    family_ = family;
    family_kind_ = kind;
    out.append("# HELP ").append(family).append(" ");
    AppendEscaped(out, row.desc().help, /*quotes=*/false);
    out.append("\n# TYPE ").append(family).append(" ").append(TypeName(kind)).append("\n");
  }
  // Two names that become one here: a family has one type, the first stands.
  if (kind != family_kind_) return;
  const std::string labels = Labels(*row.scope, row.desc());
  if (kind == StatKind::kHistogram) {
    AppendHistogram(out, family, labels, reading.histogram);
    return;
  }
  out.append(family);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(reading.value).append("\n");
}

void StatsText::AppendEnd(std::string& out) {
  if (query_.format != StatsFormat::kJson) return;
  out.append(histograms_ ? "]}}]}" : "]}");
}

}  // namespace outrigger::proxy
