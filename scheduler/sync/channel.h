// channel.h: Channel<T>, values from Gs to Gs, unbuffered or with a bound, as Go's. Blocks the G,
// never the thread. A sender hands its value directly to a waiting receiver.
#pragma once

#include <coroutine>
#include <deque>
#include <optional>
#include <utility>

#include "scheduler/base/mutex.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/processor.h"

namespace outrigger::scheduler {

// Send: true if the value was taken; false if the channel is closed or the G was cancelled.
// Receive: the value; nullopt if the channel is closed and empty, or the G was cancelled.
//
// Owner: whoever outlives all its users. Thread-safety: any G of stealing pools; in a pinned pool,
// Gs of one P only (a G of another P cannot be woken from here: use Pool::Post).
template <typename T>
class Channel {
  struct Waiter {
    G* g = nullptr;
    Waiter* prev = nullptr;
    Waiter* next = nullptr;
    bool linked = false;
    bool done = false;        // the peer completed it
    std::optional<T> value;   // to send, or received
  };

 public:
  explicit Channel(size_t capacity) : capacity_(capacity) {}

  class [[nodiscard]] SendWait : Waiter {
   public:
    SendWait(Channel& channel, T value) : channel_(channel) { this->value = std::move(value); }
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> self) {
      MutexLock lock(channel_.mutex_);
      if (channel_.closed_) return false;
      if (Waiter* receiver = channel_.TakeWaiter(channel_.receivers_)) {
        receiver->value = std::move(this->value);
        this->done = true;
        return false;
      }
      if (channel_.items_.size() < channel_.capacity_) {
        channel_.items_.push_back(*std::move(this->value));
        this->done = true;
        return false;
      }
      return channel_.Park(*this, channel_.senders_, self, "channel send");
    }
    bool await_resume() {
      channel_.Unpark(*this, channel_.senders_);
      return this->done;
    }

   private:
    Channel& channel_;
  };

  class [[nodiscard]] ReceiveWait : Waiter {
   public:
    explicit ReceiveWait(Channel& channel) : channel_(channel) {}
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> self) {
      MutexLock lock(channel_.mutex_);
      if (!channel_.items_.empty()) {
        this->value = std::move(channel_.items_.front());
        channel_.items_.pop_front();
        // The longest waiting sender moves up into the place that came free.
        if (Waiter* sender = channel_.TakeWaiter(channel_.senders_)) {
          channel_.items_.push_back(*std::move(sender->value));
        }
        return false;
      }
      if (Waiter* sender = channel_.TakeWaiter(channel_.senders_)) {
        this->value = std::move(sender->value);
        return false;
      }
      if (channel_.closed_) return false;
      return channel_.Park(*this, channel_.receivers_, self, "channel receive");
    }
    std::optional<T> await_resume() {
      channel_.Unpark(*this, channel_.receivers_);
      return std::move(this->value);
    }

   private:
    Channel& channel_;
  };

  SendWait Send(T value) { return SendWait(*this, std::move(value)); }
  ReceiveWait Receive() { return ReceiveWait(*this); }

  // Wakes all: receivers still get what is buffered, senders get false.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    for (List* list : {&senders_, &receivers_}) {
      while (Waiter* waiter = list->head) {
        list->Remove(*waiter);
        waiter->g->TryWake(Wake::kReady);
      }
    }
  }

 private:
  struct List {
    Waiter* head = nullptr;
    Waiter* tail = nullptr;
    void Push(Waiter& w) {
      w.prev = tail;
      w.next = nullptr;
      (tail ? tail->next : head) = &w;
      tail = &w;
      w.linked = true;
    }
    void Remove(Waiter& w) {
      (w.prev ? w.prev->next : head) = w.next;
      (w.next ? w.next->prev : tail) = w.prev;
      w.linked = false;
    }
  };

  // The first waiter that this call wins (a cancelled one is passed over); its wait ends.
  Waiter* TakeWaiter(List& list) {
    while (Waiter* waiter = list.head) {
      list.Remove(*waiter);
      if (waiter->g->TryWake(Wake::kReady)) {
        waiter->done = true;
        return waiter;
      }
    }
    return nullptr;
  }

  bool Park(Waiter& waiter, List& list, std::coroutine_handle<> self, const char* reason) {
    G* g = machine.g;
    if (!g->BeginWait(reason)) return false;
    g->resume = self;
    waiter.g = g;
    list.Push(waiter);
    return g->CommitWait();
  }

  void Unpark(Waiter& waiter, List& list) {
    if (!waiter.g) return;
    // Also waits for the peer that woke us to let go of the value.
    MutexLock lock(mutex_);
    if (waiter.linked) list.Remove(waiter);
    waiter.g->FinishWait();
  }

  const size_t capacity_;
  Mutex mutex_;
  std::deque<T> items_;
  List senders_, receivers_;
  bool closed_ = false;
};

}  // namespace outrigger::scheduler
