// coroutine_dump.h: all coroutines of a pool as text, in the form in which Go prints its own on
// SIGQUIT: what each is called, what it waits for, and who awaits whom. For people who look for
// what is stuck.
#pragma once

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
// such time, and to take it would cost each wait a look at the clock. A pinned P's coroutines are
// its own, and only counted here.
//
// Runs on: any. Holds the pool's live lock for some 100 ns a coroutine, so whoever starts or ends
// one spins for that long.
std::string DumpCoroutines(Pool& pool);

}  // namespace outrigger::scheduler
