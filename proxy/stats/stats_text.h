// stats_text.h: all stats as Envoy's /stats shows them: text, JSON or Prometheus text.
// Read piece by piece, so that the answer is never in memory as a whole.
// Flow: the admin page makes a StatsText per request and calls Next() until it is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/stats/stats.h"

namespace re2 {
class RE2;
}

namespace outrigger::proxy {

enum class StatsFormat : uint8_t { kText, kJson, kPrometheus };

struct StatsQuery {
  StatsFormat format = StatsFormat::kText;
  bool used_only = false;
  std::string filter;  // a regular expression found anywhere in the flat name; empty: all
};

// Owner: the request. Thread-safety: confined. The registry outlives it.
class StatsText {
 public:
  // Fails on a filter that is no regular expression.
  static absl::StatusOr<StatsText> Make(const StatRegistry& registry, StatsQuery query);
  ~StatsText();
  StatsText(StatsText&&) noexcept;
  StatsText& operator=(StatsText&&) noexcept;

  // Appends the next piece of about `limit` bytes. False: that was the last, do not call again.
  bool Next(std::string& out, size_t limit = 16 * 1024);

 private:
  struct Row {
    const StatScope* scope;
    uint32_t index;
    const StatDesc& desc() const { return scope->stats[index]; }
    uint32_t slot() const { return scope->first_slot + index; }
  };
  struct Reading {
    std::string value;  // of a counter or gauge
    HistogramSnapshot histogram;
    bool used = false;
  };

  StatsText(const StatRegistry& registry, StatsQuery query, std::unique_ptr<re2::RE2> filter);
  void OrderByName();
  void OrderByFamily();
  Reading Read(const Row& row) const;
  void Append(const Row& row, std::string& out);
  void AppendText(const Row& row, const Reading& reading, std::string& out);
  void AppendJson(const Row& row, const Reading& reading, std::string& out);
  void AppendPrometheus(const Row& row, const Reading& reading, std::string& out);
  void AppendEnd(std::string& out);

  const StatRegistry* registry_;
  StatsQuery query_;
  std::unique_ptr<re2::RE2> filter_;
  std::vector<Row> rows_;  // in the order of the output
  size_t next_ = 0;
  bool begun_ = false;       // JSON: a value was written
  bool histograms_ = false;  // JSON: the histograms' object is open
  std::string family_;       // Prometheus: the family whose head was written last
  StatKind family_kind_ = StatKind::kCounter;
};

}  // namespace outrigger::proxy
