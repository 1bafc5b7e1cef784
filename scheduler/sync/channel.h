// channel.h: Channel<T>, values from Gs to Gs, unbuffered or with a bound, as Go's. Blocks the G,
// never the thread. A value goes straight into the frame of a receiver that waits, and that G runs
// next. To wait for one of several channels: select.h.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "scheduler/sync/ring.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// The value, or why there is none: kClosed (and empty), kTimeout, kCancelled.
template <typename T>
struct Received : std::optional<T> {
  Wake wake = Wake::kReady;
};

// A cancelled G still sends and receives what needs no wait.
//
// Owner: whoever outlives all its users; a user that has its result has let go of it.
// Thread-safety: any G of stealing pools; in a pinned pool, Gs of one P only (a G of another P
// cannot be woken from here: use Pool::Post). TrySend, TryReceive and Close: also threads that are
// no Gs.
template <typename T>
class Channel {
 public:
  template <typename Limit>
  class SendWait;
  template <typename Limit>
  class ReceiveWait;

  // `capacity`: values that wait for a receiver; 0: a sender waits until its value is received.
  explicit Channel(size_t capacity) : items_(capacity) {}

  // kReady: the value was taken. kClosed, kTimeout, kCancelled: it was not.
  SendWait<NoDeadline> Send(T value) { return {*this, std::move(value), NoDeadline()}; }
  SendWait<Deadline> Send(T value, Nanos deadline) {
    return {*this, std::move(value), Deadline{deadline}};
  }
  ReceiveWait<NoDeadline> Receive() { return {*this, NoDeadline()}; }
  ReceiveWait<Deadline> Receive(Nanos deadline) { return {*this, Deadline{deadline}}; }

  // What needs no wait. `value` is moved from only if it was taken.
  bool TrySend(T&& value) {
    G* woken = nullptr;
    lock_.Lock();
    const std::optional<Wake> end = SendLocked(value, woken);
    lock_.Unlock();
    if (woken) Ready(woken);
    return end == Wake::kReady;
  }
  std::optional<T> TryReceive() {
    G* woken = nullptr;
    std::optional<T> value;
    lock_.Lock();
    ReceiveLocked(value, woken);
    lock_.Unlock();
    if (woken) Ready(woken);
    return value;
  }

  // Wakes all: receivers still get what is buffered, senders get kClosed. A second one does
  // nothing.
  void Close() {
    GQueue woken;
    {
      SyncGuard guard(lock_);
      closed_ = true;
      for (WaitList* list : {&senders_, &receivers_}) {
        G* g = nullptr;
        while (Waiter* waiter = list->Take(Wake::kClosed, g)) {
          static_cast<Node*>(waiter)->done = true;
          if (g) woken.Push(std::exchange(g, nullptr));
        }
      }
    }
    ReadyAll(woken);
  }

  size_t capacity() const { return items_.capacity(); }

 private:
  template <typename Value>
  friend class SendCase;
  template <typename Value>
  friend class ReceiveCase;

  // What a peer sees of a waiter.
  struct Node : Waiter {
    std::optional<T> value;  // to send, or received
    bool done = false;       // the wait was ended here (a select waits in several places)
  };

  // Under the lock. Null: would have to wait.
  std::optional<Wake> SendLocked(T& value, G*& woken) {
    if (closed_) return Wake::kClosed;
    if (Waiter* receiver = receivers_.Take(Wake::kReady, woken)) {
      Node& node = static_cast<Node&>(*receiver);
      node.value.emplace(std::move(value));
      node.done = true;
      return Wake::kReady;
    }
    if (items_.full()) return std::nullopt;
    items_.Push(std::move(value));
    return Wake::kReady;
  }
  std::optional<Wake> ReceiveLocked(std::optional<T>& value, G*& woken) {
    if (!items_.empty()) {
      value.emplace(std::move(items_.front()));
      items_.Drop();
      // The longest waiting sender moves up into the place that came free.
      if (T* sent = TakeSender(woken)) items_.Push(std::move(*sent));
      return Wake::kReady;
    }
    if (T* sent = TakeSender(woken)) {
      value.emplace(std::move(*sent));
      return Wake::kReady;
    }
    if (closed_) return Wake::kClosed;
    return std::nullopt;
  }
  T* TakeSender(G*& woken) {
    Waiter* sender = senders_.Take(Wake::kReady, woken);
    if (!sender) return nullptr;
    Node& node = static_cast<Node&>(*sender);
    node.done = true;
    return &*node.value;
  }

  SyncLock lock_;
  bool closed_ = false;
  Ring<T> items_;
  WaitList senders_, receivers_;
};

template <typename T>
template <typename Limit>
class [[nodiscard]] Channel<T>::SendWait : ListWait<Limit, Node> {
 public:
  SendWait(Channel& channel, T value, Limit limit)
      : ListWait<Limit, Node>(limit), channel_(channel) {
    this->value.emplace(std::move(value));
  }
  // Leaves the lock held if we have to wait.
  bool await_ready() {
    G* woken = nullptr;
    channel_.lock_.Lock();
    end_ = channel_.SendLocked(*this->value, woken);
    if (!end_) return false;
    channel_.lock_.Unlock();
    if (woken) Ready(woken);
    return true;
  }
  bool await_suspend(std::coroutine_handle<> self) {
    return this->Suspend(channel_.lock_, channel_.senders_, self, "channel send");
  }
  Wake await_resume() { return end_ ? *end_ : this->Settle(channel_.lock_, channel_.senders_); }

 private:
  Channel& channel_;
  std::optional<Wake> end_;  // what ended it without a wait
};

template <typename T>
template <typename Limit>
class [[nodiscard]] Channel<T>::ReceiveWait : ListWait<Limit, Node> {
 public:
  ReceiveWait(Channel& channel, Limit limit) : ListWait<Limit, Node>(limit), channel_(channel) {}
  // Leaves the lock held if we have to wait.
  bool await_ready() {
    G* woken = nullptr;
    channel_.lock_.Lock();
    end_ = channel_.ReceiveLocked(this->value, woken);
    if (!end_) return false;
    channel_.lock_.Unlock();
    if (woken) Ready(woken);
    return true;
  }
  bool await_suspend(std::coroutine_handle<> self) {
    return this->Suspend(channel_.lock_, channel_.receivers_, self, "channel receive");
  }
  Received<T> await_resume() {
    const Wake wake = end_ ? *end_ : this->Settle(channel_.lock_, channel_.receivers_);
    return {std::move(this->value), wake};
  }

 private:
  Channel& channel_;
  std::optional<Wake> end_;  // what ended it without a wait
};

}  // namespace outrigger::scheduler
