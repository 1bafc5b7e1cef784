// response_flag.h: why a response was not the upstream's plain answer, by Envoy's names.
// One bit each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace outrigger::proxy {

// X(enumerator and %RESPONSE_FLAGS_LONG%, %RESPONSE_FLAGS%)
#define OUTRIGGER_RESPONSE_FLAGS(X)            \
  X(FailedLocalHealthCheck, "LH")              \
  X(NoHealthyUpstream, "UH")                   \
  X(UpstreamRequestTimeout, "UT")              \
  X(LocalReset, "LR")                          \
  X(UpstreamRemoteReset, "UR")                 \
  X(UpstreamConnectionFailure, "UF")           \
  X(UpstreamConnectionTermination, "UC")       \
  X(UpstreamOverflow, "UO")                    \
  X(NoRouteFound, "NR")                        \
  X(DelayInjected, "DI")                       \
  X(FaultInjected, "FI")                       \
  X(RateLimited, "RL")                         \
  X(UnauthorizedExternalService, "UAEX")       \
  X(RateLimitServiceError, "RLSE")             \
  X(DownstreamConnectionTermination, "DC")     \
  X(UpstreamRetryLimitExceeded, "URX")         \
  X(StreamIdleTimeout, "SI")                   \
  X(InvalidEnvoyRequestHeaders, "IH")          \
  X(DownstreamProtocolError, "DPE")            \
  X(UpstreamMaxStreamDurationReached, "UMSDR") \
  X(ResponseFromCacheFilter, "RFCF")           \
  X(NoFilterConfigFound, "NFCF")               \
  X(DurationTimeout, "DT")                     \
  X(UpstreamProtocolError, "UPE")              \
  X(NoClusterFound, "NC")                      \
  X(OverloadManager, "OM")                     \
  X(DnsResolutionFailed, "DF")                 \
  X(DropOverLoad, "DO")                        \
  X(DownstreamRemoteReset, "DR")               \
  X(UnconditionalDropOverload, "UDO")

enum class ResponseFlag : uint8_t {
#define X(name, text) k##name,
  OUTRIGGER_RESPONSE_FLAGS(X)
#undef X
};

std::string_view ShortName(ResponseFlag flag);
std::string_view LongName(ResponseFlag flag);

// A set of flags that knows in which order they came: Envoy prints them in it. Value.
class ResponseFlags {
 public:
  ResponseFlags() = default;
  ResponseFlags(ResponseFlag flag) { Set(flag); }  // NOLINT: a flag is a set of one

  void Set(ResponseFlag flag);
  void Set(ResponseFlags flags);
  bool Has(ResponseFlag flag) const { return bits_ & Bit(flag); }
  bool empty() const { return bits_ == 0; }
  bool operator==(const ResponseFlags& other) const { return bits_ == other.bits_; }

  // Appends "URX,UF", or "-" for none.
  void AppendShort(std::string& out) const { Append(out, ShortName); }
  void AppendLong(std::string& out) const { Append(out, LongName); }
  std::string ToShort() const;

 private:
  static constexpr int kOrdered = 12;
  static uint32_t Bit(ResponseFlag flag) { return 1u << static_cast<unsigned>(flag); }
  void Append(std::string& out, std::string_view (*name)(ResponseFlag)) const;

  // Five bits a flag, the first lowest. Those beyond the twelfth would be in the set, unprinted.
  uint64_t order_ = 0;
  uint32_t bits_ = 0;
};

}  // namespace outrigger::proxy
