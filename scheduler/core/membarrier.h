// membarrier.h: a full barrier that one thread has all the others of the process execute, so that
// what they do often needs none of its own (membarrier(2), PRIVATE_EXPEDITED).
#pragma once

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace outrigger::scheduler {

// Before the first BarrierOnAll(). False: the kernel refuses it.
inline bool RegisterBarrierOnAll() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}
// Every running thread of the process has executed one when this returns.
inline void BarrierOnAll() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace outrigger::scheduler
