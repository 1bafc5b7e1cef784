// The scheduler's soak: scheduler_soak [DURATION] [--seed N] [--rounds N]. Rounds of everything
// that the scheduler offers, until the time is up (3 minutes unless told), each from the next seed.
// Ends with 1 at the first round that finds a fault, and says from which seed that round can be had
// again: the same Gs, if not the same moments.
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "scheduler/base/log.h"
#include "scheduler/base/text.h"
#include "tests/soak/round.h"

// Where there is a sanitizer.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace outrigger::scheduler {
namespace {

constexpr Nanos kProgressPeriod = 10 * kSecond;

struct SoakOptions {
  Nanos duration = 180 * kSecond;
  uint64_t seed = std::random_device()() % 1'000'000;
  uint64_t rounds = std::numeric_limits<uint64_t>::max();
};

bool ParseArguments(int argc, char** argv, SoakOptions& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--seed" || argument == "--rounds") {
      uint64_t& number = argument == "--seed" ? options.seed : options.rounds;
      if (++i == argc || !absl::SimpleAtoi(argv[i], &number)) return false;
      continue;
    }
    absl::Duration duration;
    if (!absl::ParseDuration(ToAbsl(argument), &duration) || duration <= absl::ZeroDuration()) {
      return false;
    }
    options.duration = absl::ToInt64Nanoseconds(duration);
  }
  return true;
}

double ResidentMib() {
  double size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * 4096 / 1048576;
}

struct Totals {
  uint64_t rounds = 0;
  RoundResult sum;
  void Add(const RoundResult& round) {
    ++rounds;
    sum.gs += round.gs;
    sum.panics += round.panics;
    sum.handoffs += round.handoffs;
    sum.undone += round.undone;
    sum.refused += round.refused;
    sum.reliefs += round.reliefs;
    sum.set_backs += round.set_backs;
  }
};

void PrintProgress(const Totals& totals, Nanos elapsed, uint64_t seed, const Watch& watch) {
  const RoundResult& sum = totals.sum;
  std::printf("soak: %" PRId64 " s: %" PRIu64 " rounds, %" PRIu64 " Gs, %" PRIu64
              " panics, %" PRIu64 " hand-offs (%" PRIu64 " undone, %" PRIu64 " refused), %" PRIu64
              " reliefs, %" PRIu64 " set-backs, longest idle beside work %" PRId64
              " us, %.0f MiB, seed %" PRIu64 "\n",
              elapsed / kSecond, totals.rounds, sum.gs, sum.panics, sum.handoffs, sum.undone,
              sum.refused, sum.reliefs, sum.set_backs, watch.longest() / 1000, ResidentMib(), seed);
  std::fflush(stdout);
}

// What a process that dies says last: in a CHECK, in a fault of the CPU's, by a sanitizer.
std::array<char, 256> last_words;

void NoteRound(const char* program, uint64_t seed) {
  absl::SNPrintF(last_words.data(), last_words.size(),
                 "soak: DIED; the round again: %s --seed %d --rounds 1\n", program, seed);
}
void SayLastWords() {
  (void)!write(STDERR_FILENO, last_words.data(), std::strlen(last_words.data()));
}
void OnDeath(int number) {  // the handler is gone by now
  SayLastWords();
  raise(number);
}

void PrepareForDeath() {
  struct sigaction action = {};
  action.sa_handler = &OnDeath;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGABRT, &action, nullptr);
  if (__sanitizer_set_death_callback) {
    __sanitizer_set_death_callback(&SayLastWords);  // it has the other signals, too
    return;
  }
  for (const int number : {SIGSEGV, SIGBUS, SIGILL}) sigaction(number, &action, nullptr);
}

int Main(int argc, char** argv) {
  SoakOptions options;
  if (!ParseArguments(argc, argv, options)) {
    std::fprintf(stderr,
                 "scheduler_soak [DURATION] [--seed N] [--rounds N]; DURATION: 30s, 10m, 2h\n");
    return 2;
  }
  PrepareForDeath();
  SetLogLevel(LogLevel::kOff);  // panics are part of it
  Watch watch;
  Totals totals;
  const Nanos start = MonotonicNow();
  Nanos printed = start;
  uint64_t seed = options.seed;
  std::printf("soak: from seed %" PRIu64 "\n", seed);
  for (; totals.rounds < options.rounds && MonotonicNow() - start < options.duration; ++seed) {
    NoteRound(argv[0], seed);
    const RoundResult round = RunRound(seed, watch);
    totals.Add(round);
    if (!round.faults.empty()) {
      PrintProgress(totals, MonotonicNow() - start, seed, watch);
      for (const std::string& fault : round.faults) std::printf("soak: FAULT: %s\n", fault.c_str());
      std::printf("soak: FAILED; the round again: %s --seed %" PRIu64 " --rounds 1\n", argv[0],
                  seed);
      return 1;
    }
    if (MonotonicNow() - printed < kProgressPeriod) continue;
    printed = MonotonicNow();
    PrintProgress(totals, printed - start, seed, watch);
  }
  PrintProgress(totals, MonotonicNow() - start, seed - 1, watch);
  std::printf("soak: passed\n");
  return 0;
}

}  // namespace
}  // namespace outrigger::scheduler

int main(int argc, char** argv) { return outrigger::scheduler::Main(argc, argv); }
