// schedtrace.h: the state of a pool at one moment as a line of text, in the format that Go's
// GODEBUG=schedtrace prints, so that its readers and their habits hold. Sysmon prints them.
#pragma once

#include <string>

#include "scheduler/timer/timer_heap.h"

namespace outrigger::scheduler {

class Pool;

// "SCHED 105ms: gomaxprocs=2 idleprocs=0 threads=2 spinningthreads=0 needspinning=0 idlethreads=0
// runqueue=0 [ 1 1 ] schedticks=[ 6 10 ] pool=control", with a line end. A P is its own thread's. A
// pinned P's queue is its own and shown as 0; needspinning is Go's, and always 0. `age`: of the
// process.
// `detail`: then a line for each P, and for each G of a stealing pool, as scheddetail=1 does.
//
// Runs on: any. Figures, each by itself true at some moment.
std::string SchedTrace(Pool& pool, Nanos age, bool detail);

}  // namespace outrigger::scheduler
