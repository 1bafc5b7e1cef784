// fake_dns_server.h: a DNS server on a loopback UDP port that answers as a test tells it to.
// Header only, for the tests of control/dns. Knows A and AAAA, one question a packet.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/snapshot/address.h"
#include "scheduler/base/check.h"
#include "scheduler/base/mutex.h"

namespace outrigger::control {

struct FakeAnswer {
  enum class Kind { kAnswer, kDrop, kGarbage };
  std::vector<std::string> ips = {};
  int rcode = 0;  // 2: SERVFAIL, 3: NXDOMAIN, 5: REFUSED
  uint32_t ttl_seconds = 30;
  Kind kind = Kind::kAnswer;
};

// Runs on: its own thread. Owner: the test. Thread-safety: guarded by mutex_.
class FakeDnsServer {
 public:
  FakeDnsServer() {
    fd_ = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_storage storage{};
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    OUTRIGGER_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&storage), sizeof(address)) == 0);
    socklen_t length = sizeof(storage);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    address_ = proxy::Address::From(storage, length);
    stop_ = eventfd(0, 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeDnsServer() {
    const uint64_t one = 1;
    OUTRIGGER_CHECK(write(stop_, &one, sizeof(one)) == sizeof(one));
    thread_.join();
    close(fd_);
    close(stop_);
  }

  const proxy::Address& address() const { return address_; }

  // Names without an answer are NXDOMAIN. `type`: 'A' or '6'.
  void Set(const std::string& name, char type, FakeAnswer answer) {
    scheduler::MutexLock lock(mutex_);
    answers_[{name, type}] = std::move(answer);
  }
  // A for `ips`, and no AAAA record.
  void SetV4(const std::string& name, std::vector<std::string> ips, uint32_t ttl_seconds = 30) {
    Set(name, 'A', {.ips = std::move(ips), .ttl_seconds = ttl_seconds});
    Set(name, '6', {});
  }
  int questions() const {
    scheduler::MutexLock lock(mutex_);
    return questions_;
  }
  // Until `count` more questions came than there were at the call.
  void AwaitQuestions(int count) {
    std::unique_lock lock(mutex_);
    asked_.wait(lock, [this, want = questions_ + count] { return questions_ >= want; });
  }

 private:
  void Serve() {
    while (true) {
      pollfd fds[2] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents) return;
      char packet[512];
      sockaddr_storage peer{};
      socklen_t length = sizeof(peer);
      const ssize_t n =
          recvfrom(fd_, packet, sizeof(packet), 0, reinterpret_cast<sockaddr*>(&peer), &length);
      if (n < 17) continue;
      const std::string reply = Reply(std::string(packet, static_cast<size_t>(n)));
      if (reply.empty()) continue;
      sendto(fd_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), length);
    }
  }

  std::string Reply(const std::string& query) {
    std::string name;
    size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const size_t label = static_cast<unsigned char>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, label);
      at += label + 1;
    }
    const size_t question_end = at + 5;
    if (question_end > query.size()) return "";
    const char type = query[at + 2] == 1 ? 'A' : '6';

    scheduler::MutexLock lock(mutex_);
    ++questions_;
    asked_.notify_all();
    const auto found = answers_.find({name, type});
    const FakeAnswer answer = found == answers_.end() ? FakeAnswer{.rcode = 3} : found->second;
    if (answer.kind == FakeAnswer::Kind::kDrop) return "";

    std::string reply = query.substr(0, question_end);
    reply[2] = static_cast<char>(0x81);  // a response, recursion desired
    reply[3] = static_cast<char>(0x80 | answer.rcode);
    reply[7] = static_cast<char>(answer.ips.size());
    reply[9] = reply[11] = 0;  // neither authority nor additional records
    if (answer.kind == FakeAnswer::Kind::kGarbage) {
      reply[7] = 9;  // nine answers are promised, none that can be read follows
      return reply + std::string(20, '\xff');
    }
    for (const std::string& ip : answer.ips) reply += Record(ip, type, answer.ttl_seconds);
    return reply;
  }

  static std::string Record(const std::string& ip, char type, uint32_t ttl) {
    char bytes[16];
    const int family = type == 'A' ? AF_INET : AF_INET6;
    OUTRIGGER_CHECK(inet_pton(family, ip.c_str(), bytes) == 1);
    const size_t size = type == 'A' ? 4 : 16;
    std::string record("\xc0\x0c", 2);  // the question's name
    const auto append = [&record](uint32_t value, int width) {
      while (width-- > 0) record += static_cast<char>(value >> (8 * width));
    };
    append(type == 'A' ? 1 : 28, 2);
    append(1, 2);
    append(ttl, 4);
    append(static_cast<uint32_t>(size), 2);
    return record + std::string(bytes, size);
  }

  int fd_ = -1;
  int stop_ = -1;
  proxy::Address address_;
  std::thread thread_;
  mutable scheduler::Mutex mutex_;
  std::condition_variable_any asked_;
  std::map<std::pair<std::string, char>, FakeAnswer> answers_ OUTRIGGER_GUARDED_BY(mutex_);
  int questions_ OUTRIGGER_GUARDED_BY(mutex_) = 0;
};

}  // namespace outrigger::control
