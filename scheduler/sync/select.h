// select.h: Select, one of several channel operations: the first that can be done, as Go's. Cases
// are objects in the caller's frame:
//   ReceiveCase<int> got(results);
//   SendCase<int> put(requests, 7);
//   const Selected which = co_await Select(got, put);    // or SelectUntil(deadline, got, put)
//   if (which.index == 0 && got.value()) ...
// Of several that can be done, each is as likely; exactly one is done.
#pragma once

#include <array>
#include <coroutine>
#include <optional>
#include <span>
#include <utility>

#include "scheduler/sync/channel.h"

namespace outrigger::scheduler {

// kReady: the operation of case `index` was done. kClosed: its channel is closed (and empty).
// kTimeout, kCancelled: none was done, and index is -1.
struct Selected {
  int index = -1;
  Wake wake = Wake::kReady;
};

// One operation. Owner: the frame of the G that selects; may be used again. Thread-safety: guarded
// by its channel's lock while the G waits.
class SelectCase {
 public:
  SelectCase(const SelectCase&) = delete;
  SelectCase& operator=(const SelectCase&) = delete;

 protected:
  SelectCase(SyncLock& lock, WaitList& list, Waiter& node)
      : lock_(lock), list_(list), node_(node) {}
  ~SelectCase() = default;

 private:
  friend class SelectWait;
  // Under the lock. Null: would have to wait.
  virtual std::optional<Wake> TryLocked(G*& woken) = 0;
  virtual void Prepare() = 0;
  virtual bool EndedHere() const = 0;

  SyncLock& lock_;
  WaitList& list_;
  Waiter& node_;
};

template <typename T>
class SendCase final : public SelectCase {
 public:
  SendCase(Channel<T>& channel, T value)
      : SelectCase(channel.lock_, channel.senders_, node_), channel_(channel) {
    node_.value.emplace(std::move(value));
  }
  // The value, moved from if it was sent. Give it a new one before the case is used again.
  std::optional<T>& value() { return node_.value; }

 private:
  std::optional<Wake> TryLocked(G*& woken) override {
    return channel_.SendLocked(*node_.value, woken);
  }
  void Prepare() override { node_.done = false; }
  bool EndedHere() const override { return node_.done; }

  Channel<T>& channel_;
  typename Channel<T>::Node node_;
};

template <typename T>
class ReceiveCase final : public SelectCase {
 public:
  explicit ReceiveCase(Channel<T>& channel)
      : SelectCase(channel.lock_, channel.receivers_, node_), channel_(channel) {}
  // What was received, if this case was the one.
  std::optional<T>& value() { return node_.value; }

 private:
  std::optional<Wake> TryLocked(G*& woken) override {
    return channel_.ReceiveLocked(node_.value, woken);
  }
  void Prepare() override {
    node_.value.reset();
    node_.done = false;
  }
  bool EndedHere() const override { return node_.done; }

  Channel<T>& channel_;
  typename Channel<T>::Node node_;
};

// The wait itself; its cases and scratch space belong to the awaitable below.
//
// Runs on: the selecting G. Owner: its frame. Thread-safety: takes the locks of all channels, in
// the order of their addresses, so that it sees all of them at one moment.
class SelectWait {
 public:
  SelectWait(std::span<SelectCase*> cases, std::span<SelectCase*> by_lock, Nanos deadline);
  // Leaves the locks held if we have to wait.
  bool Ready();
  bool Suspend(std::coroutine_handle<> self);
  Selected Result();
  // Without a wait: what can be done now, or index -1 and kTimeout.
  Selected Try();

 private:
  void LockAll();
  void UnlockAll();
  void UnlinkAll();

  const std::span<SelectCase*> cases_;
  const std::span<SelectCase*> by_lock_;  // the same, by their locks' addresses
  const Nanos deadline_;
  bool waits_ = false;
  Selected result_;
  WakeTimer timer_;
};

template <size_t kCases>
class [[nodiscard]] SelectOf {
 public:
  SelectOf(std::array<SelectCase*, kCases> cases, Nanos deadline)
      : cases_(cases), by_lock_(cases), wait_(cases_, by_lock_, deadline) {}
  SelectOf(const SelectOf&) = delete;
  SelectOf& operator=(const SelectOf&) = delete;

  bool await_ready() { return wait_.Ready(); }
  bool await_suspend(std::coroutine_handle<> self) { return wait_.Suspend(self); }
  Selected await_resume() { return wait_.Result(); }
  Selected Try() { return wait_.Try(); }

 private:
  std::array<SelectCase*, kCases> cases_, by_lock_;
  SelectWait wait_;
};

template <typename... Cases>
SelectOf<sizeof...(Cases)> SelectUntil(Nanos deadline, Cases&... cases) {
  return {{&cases...}, deadline};
}
template <typename... Cases>
SelectOf<sizeof...(Cases)> Select(Cases&... cases) {
  return {{&cases...}, kNever};
}
// Go's select with a default: no wait. index -1: nothing could be done.
template <typename... Cases>
Selected TrySelect(Cases&... cases) {
  return SelectOf<sizeof...(Cases)>({&cases...}, kNever).Try();
}

}  // namespace outrigger::scheduler
