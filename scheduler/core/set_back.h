// set_back.h: gives a thread less of the CPU than others in the kernel's eyes, and takes that back.
// For an M whose coroutine goes on without a P: what waits goes first. Such a thread may hold a
// lock of anybody's; so who waits for one brings all of them forward (base/contention.h).
#pragma once

#include <sys/types.h>

#include <string_view>

namespace outrigger::scheduler {

// kNice: nice 19, where we may go back (CAP_SYS_NICE or RLIMIT_NICE). kBatch: SCHED_BATCH with the
// longest slice, which lets who wakes up pass (Linux 6.12). kNone: neither is allowed.
enum class SetBackMeans { kNice, kBatch, kNone };
std::string_view SetBackMeansName(SetBackMeans means);

// The best that is allowed, found out on a thread made for it, once. Any thread.
SetBackMeans BestSetBackMeans();

// By sysmon. False: refused, somebody waits for a lock, or too many are back; nothing has changed.
bool SetBackThread(pid_t tid, SetBackMeans means);
// Until it is brought forward, by whomever. Any thread.
bool IsSetBack(pid_t tid);
// Nothing if it is not set back. Any thread.
void BringForward(pid_t tid);
void BringAllForward();

}  // namespace outrigger::scheduler
