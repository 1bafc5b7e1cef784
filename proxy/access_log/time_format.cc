#include "proxy/access_log/time_format.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "scheduler/base/check.h"

namespace outrigger::proxy {
namespace {

constexpr int64_t kNanos = 1'000'000'000;
constexpr size_t kMaxFormat = 256;
constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void AppendDigits(std::string& out, int64_t value, int width, char pad = '0') {
  char text[24];
  int at = sizeof(text);
  const bool negative = value < 0;
  uint64_t rest = negative ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  do {
    text[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  while (static_cast<int>(sizeof(text)) - at < width && at > 1) text[--at] = pad;
  if (negative) text[--at] = '-';
  out.append(text + at, sizeof(text) - static_cast<size_t>(at));
}

// What a composite directive stands for.
std::string_view Expansion(char directive) {
  switch (directive) {
    case 'F':
      return "%Y-%m-%d";
    case 'T':
      return "%H:%M:%S";
    case 'D':
      return "%m/%d/%y";
    case 'R':
      return "%H:%M";
    default:
      return {};
  }
}

}  // namespace

struct TimeFormat::Moment {
  int64_t seconds, nanos;
  int64_t year;
  int month, day, weekday, yearday;  // 1..12, 1..31, 0 = Sunday, 0..365
  int hour, minute, second;
};

TimeFormat::TimeFormat() {
  absl::StatusOr<TimeFormat> format = Make("%Y-%m-%dT%H:%M:%S.%3fZ");
  OUTRIGGER_CHECK(format.ok());
  pieces_ = std::move(format->pieces_);
}

absl::StatusOr<TimeFormat> TimeFormat::Make(std::string_view format) {
  if (format.size() > kMaxFormat) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the time format is longer than %d bytes", kMaxFormat));
  }
  std::vector<Piece> pieces;
  // Composites are put in place of themselves; none expands to another, so this ends.
  std::string text(format);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      if (pieces.empty() || pieces.back().directive != 0) pieces.push_back({0, 0, ""});
      pieces.back().literal.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) return absl::InvalidArgumentError("the time format ends with '%'");
    const char directive = text[i];
    if (std::string_view expansion = Expansion(directive); !expansion.empty()) {
      text.replace(i - 1, 2, expansion);
      i -= 2;  // to before its '%'
    } else if (directive >= '1' && directive <= '9' && i + 1 < text.size() && text[i + 1] == 'f') {
      pieces.push_back({'f', static_cast<uint8_t>(directive - '0'), ""});
      ++i;
    } else if (directive == 'f') {
      pieces.push_back({'f', 9, ""});
    } else if (std::string_view("YmdeyjHIMSpabhzZnts%").find(directive) != std::string_view::npos) {
      pieces.push_back({directive, 0, ""});
    } else {
      return absl::InvalidArgumentError(
          absl::StrFormat("the time format has no directive %%%c", directive));
    }
  }
  TimeFormat result{std::move(pieces)};
  return result;
}

TimeFormat::Moment TimeFormat::Split(int64_t unix_ns) {
  Moment at;
  at.seconds = unix_ns / kNanos;
  at.nanos = unix_ns % kNanos;
  if (at.nanos < 0) {
    at.nanos += kNanos;
    --at.seconds;
  }
  int64_t days = at.seconds / 86400;
  int64_t rest = at.seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  at.hour = static_cast<int>(rest / 3600);
  at.minute = static_cast<int>(rest / 60 % 60);
  at.second = static_cast<int>(rest % 60);
  at.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  // Days to a civil date in the proleptic Gregorian calendar: years counted from March, in eras of
  // 400 years (146,097 days), so that the leap day is the last of its year.
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const int64_t day_of_era = shifted - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t march_day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t march_month = (5 * march_day + 2) / 153;
  at.day = static_cast<int>(march_day - (153 * march_month + 2) / 5 + 1);
  at.month = static_cast<int>(march_month < 10 ? march_month + 3 : march_month - 9);
  at.year = year_of_era + era * 400 + (at.month <= 2 ? 1 : 0);
  const bool leap = (at.year % 4 == 0 && at.year % 100 != 0) || at.year % 400 == 0;
  at.yearday = static_cast<int>(march_day >= 306 ? march_day - 306 : march_day + 59 + leap);
  return at;
}

void TimeFormat::Append(std::string& out, int64_t unix_ns) const {
  const Moment at = Split(unix_ns);
  for (const Piece& piece : pieces_) AppendPiece(out, piece, at);
}

void TimeFormat::AppendPiece(std::string& out, const Piece& piece, const Moment& at) {
  switch (piece.directive) {
    case 0:
      out.append(piece.literal);
      break;
    case 'Y':
      AppendDigits(out, at.year, 4);
      break;
    case 'm':
      AppendDigits(out, at.month, 2);
      break;
    case 'd':
      AppendDigits(out, at.day, 2);
      break;
    case 'e':
      AppendDigits(out, at.day, 2, ' ');
      break;
    case 'y':
      AppendDigits(out, at.year % 100, 2);
      break;
    case 'j':
      AppendDigits(out, at.yearday + 1, 3);
      break;
    case 'H':
      AppendDigits(out, at.hour, 2);
      break;
    case 'I':
      AppendDigits(out, (at.hour + 11) % 12 + 1, 2);
      break;
    case 'M':
      AppendDigits(out, at.minute, 2);
      break;
    case 'S':
      AppendDigits(out, at.second, 2);
      break;
    case 'p':
      out.append(at.hour < 12 ? "AM" : "PM");
      break;
    case 'a':
      out.append(kDays[at.weekday]);
      break;
    case 'b':
    case 'h':
      out.append(kMonths[at.month - 1]);
      break;
    case 'z':
      out.append("+0000");
      break;
    case 'Z':
      out.append("UTC");
      break;
    case 'n':
      out.push_back('\n');
      break;
    case 't':
      out.push_back('\t');
      break;
    case 's':
      AppendDigits(out, at.seconds, 1);
      break;
    case 'f': {
      int64_t fraction = at.nanos;
      for (int digits = 9; digits > piece.digits; --digits) fraction /= 10;
      AppendDigits(out, fraction, piece.digits);
      break;
    }
    default:
      out.push_back('%');
      break;
  }
}

}  // namespace outrigger::proxy
