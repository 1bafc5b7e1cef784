// broadcast.h: Broadcast<T>, one stream of values to any number of subscribers. Senders never wait:
// it keeps the last `capacity` values, and a subscriber that falls behind further learns how many
// it missed.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/base/check.h"
#include "scheduler/sync/wait_list.h"

namespace outrigger::scheduler {

// Owner: whoever outlives its subscribers. Thread-safety: any G of stealing pools; in a pinned
// pool, Gs of one P. Send and Close: also threads that are no Gs.
template <typename T>
class Broadcast {
 public:
  explicit Broadcast(size_t capacity) : values_(capacity) { OUTRIGGER_CHECK(capacity > 0); }

  // The next value, and how many were missed before it; or why there is none: kClosed, kTimeout,
  // kCancelled.
  struct News : std::optional<T> {
    Wake wake = Wake::kReady;
    uint64_t missed = 0;
  };

  // False: closed.
  bool Send(T value) {
    GQueue woken;
    {
      SyncGuard guard(lock_);
      if (closed_) return false;
      values_[sent_++ % values_.size()].emplace(std::move(value));
      waiters_.TakeAll(Wake::kReady, woken);
    }
    ReadyAll(woken);
    return true;
  }
  // Subscribers still get what was sent before.
  void Close() {
    GQueue woken;
    {
      SyncGuard guard(lock_);
      closed_ = true;
      waiters_.TakeAll(Wake::kReady, woken);
    }
    ReadyAll(woken);
  }

  // Sees what is sent after its making. Owner: one G. Thread-safety: confined to it.
  class Subscriber {
   public:
    explicit Subscriber(Broadcast& broadcast) : broadcast_(broadcast) {
      SyncGuard guard(broadcast_.lock_);
      next_ = broadcast_.sent_;
    }

    template <typename Limit>
    class [[nodiscard]] NextWait : ListWait<Limit> {
     public:
      NextWait(Subscriber& subscriber, Limit limit)
          : ListWait<Limit>(limit), subscriber_(subscriber) {}
      // Leaves the lock held if we have to wait.
      bool await_ready() {
        Broadcast& from = subscriber_.broadcast_;
        from.lock_.Lock();
        if (!subscriber_.TakeLocked(news_)) return false;
        from.lock_.Unlock();
        waits_ = false;
        return true;
      }
      bool await_suspend(std::coroutine_handle<> self) {
        Broadcast& from = subscriber_.broadcast_;
        return this->Suspend(from.lock_, from.waiters_, self, "broadcast");
      }
      News await_resume() {
        if (!waits_) return std::move(news_);
        Broadcast& from = subscriber_.broadcast_;
        news_.wake = this->Settle(from.lock_, from.waiters_);
        if (news_.wake == Wake::kReady) {
          SyncGuard guard(from.lock_);
          subscriber_.TakeLocked(news_);  // there is some: what was sent stays sent
        }
        return std::move(news_);
      }

     private:
      Subscriber& subscriber_;
      News news_;
      bool waits_ = true;
    };

    NextWait<NoDeadline> Next() { return {*this, NoDeadline()}; }
    NextWait<Deadline> Next(Nanos deadline) { return {*this, Deadline{deadline}}; }

   private:
    bool TakeLocked(News& news) {
      if (next_ == broadcast_.sent_) {
        news.wake = Wake::kClosed;
        return broadcast_.closed_;
      }
      const uint64_t kept = broadcast_.values_.size();
      const uint64_t oldest = broadcast_.sent_ > kept ? broadcast_.sent_ - kept : 0;
      if (next_ < oldest) news.missed = oldest - std::exchange(next_, oldest);
      news.emplace(*broadcast_.values_[next_++ % kept]);
      news.wake = Wake::kReady;
      return true;
    }

    Broadcast& broadcast_;
    uint64_t next_ = 0;
  };
  Subscriber Subscribe() { return Subscriber(*this); }

 private:
  SyncLock lock_;
  bool closed_ = false;
  uint64_t sent_ = 0;
  std::vector<std::optional<T>> values_;  // value n at n % size
  WaitList waiters_;
};

}  // namespace outrigger::scheduler
