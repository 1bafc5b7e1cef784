#include "scheduler/core/processor.h"

#include "scheduler/pool.h"

namespace outrigger::scheduler {

bool Mailbox::Push(std::function<void()> item) {
  MutexLock lock(mutex_);
  if (closed_ || items_.size() >= kCapacity) return false;
  items_.push_back(std::move(item));
  pending_.store(true);
  return true;
}

std::vector<std::function<void()>> Mailbox::TakeAll() {
  MutexLock lock(mutex_);
  pending_.store(false);
  return std::exchange(items_, {});
}

bool Mailbox::CloseIfEmpty() {
  MutexLock lock(mutex_);
  if (items_.empty()) closed_ = true;
  return closed_;
}

Processor::Processor(Pool& pool, int id, bool pinned)
    : pool_(pool), id_(id), pinned_(pinned), random_(static_cast<uint32_t>(id) * 2654435761u + 1) {
  if (pinned) {
    own_netpoll_ = std::make_unique<Netpoll>(/*shared=*/false);
    netpoll_ = own_netpoll_.get();
  } else {
    netpoll_ = &pool.netpoll();
    // The relief's (id 1 then) is stolen from.
    if (pool.max_procs() == 1 && id == 0) ring_.SetUnshared();
  }
}

void Processor::CancelHook(TurnHook& hook) {
  if (!hook.queued) return;
  TurnHook** at = &hooks_;
  while (*at != &hook) at = &(*at)->next;
  *at = hook.next;
  hook.queued = false;
}

bool Processor::RunHooks() {
  if (!hooks_) return false;
  // A hook may ask for another turn, for itself or others; those run too, bounded by what they
  // flush: a flush that finds nothing to write asks for nothing.
  while (hooks_) {
    TurnHook* hook = hooks_;
    hooks_ = hook->next;
    hook->queued = false;
    hook->run(*hook);
  }
  return true;
}

Processor& CurrentProcessor() { return *machine.p; }

Netpoll& CurrentNetpoll() { return machine.g ? *machine.g->netpoll : machine.p->netpoll(); }

}  // namespace outrigger::scheduler
