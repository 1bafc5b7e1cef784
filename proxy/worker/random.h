// random.h: a worker's random numbers (request ids, load balancing): xoshiro256**, seeded by the
// kernel. Not for secrets.
#pragma once

#include <sys/random.h>

#include <bit>
#include <cstdint>
#include <string_view>

namespace outrigger::proxy {

// Thread-safety: confined.
class Random {
 public:
  // A known sequence, for tests.
  struct Seed {
    uint64_t value;
  };
  explicit Random(Seed seed) {
    // Vigna's splitmix64.
    for (uint64_t& word : state_) {
      uint64_t z = seed.value += 0x9e3779b97f4a7c15ull;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
      word = z ^ (z >> 31);
    }
  }
  // `salt` keeps workers apart even where the kernel gives no randomness.
  explicit Random(uint64_t salt) {
    if (getrandom(state_, sizeof(state_), 0) != sizeof(state_)) state_[0] ^= 0x9e3779b97f4a7c15ull;
    state_[1] ^= salt | 1ull << 63;
  }

  // 0 .. n - 1, each as likely (to one in 2^64 / n). `n` is at least 1.
  uint64_t Below(uint64_t n) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * n) >> 64);
  }

  // Blackman & Vigna, "Scrambled linear pseudorandom number generators" (2018).
  uint64_t Next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // A version 4 UUID as text (RFC 9562 5.4): 36 characters, not terminated.
  void Uuid(char* text) {
    static constexpr char kHex[] = "0123456789abcdef";
    uint64_t high = (Next() & ~0xf000ull) | 0x4000ull;
    uint64_t low = (Next() & ~(3ull << 62)) | 2ull << 62;
    for (int i = 0; i < 36; ++i) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        text[i] = '-';
        continue;
      }
      uint64_t& word = i < 18 ? high : low;
      text[i] = kHex[word >> 60];
      word <<= 4;
    }
  }

 private:
  uint64_t state_[4];
};

}  // namespace outrigger::proxy
