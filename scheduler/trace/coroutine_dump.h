// coroutine_dump.h: all coroutines of a pool as text, in the form in which Go prints its own on
// SIGQUIT: what each is called, what it waits for, and who awaits whom. For people who look for
// what is stuck.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace outrigger::scheduler {

class Pool;

// Stealing pools:
//   pool control: 2 coroutines
//   P0 runs hog
//   P1 runs nothing
//   M3 without a P runs parser
//
//   coroutine fetcher 0x7f5e0c000b20 [receive]:
//           outrigger::control::Fetch()
//           outrigger::control::Serve()
//
//   coroutine hog 0x7f5e0c000c20 [runnable or running]:
//
// The innermost function is first. Where Go says for how long one waits nothing is said: a G has no
// such time, and to take it would cost each wait a look at the clock.
//
// A pinned P is asked by its mailbox, between two Gs, and tells of kMostOfAPinnedP of its own, the
// youngest. Of one that has not answered after kAnswerTime a line says what it is busy with.
//
// Runs on: any thread but a pinned P's; blocks for as long as it takes. Holds a live list's lock
// for some 100 ns a coroutine, so whoever starts or ends one there spins for that long; a pinned P
// works as long.
inline constexpr size_t kMostOfAPinnedP = 500;
inline constexpr std::chrono::milliseconds kAnswerTime{200};
std::string DumpCoroutines(Pool& pool);

}  // namespace outrigger::scheduler
