#include "proxy/access_log/operators.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <random>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "proxy/codec/http/path.h"
#include "proxy/transport/tls/tls_peer.h"
#include "scheduler/base/status_macros.h"

namespace outrigger::proxy {
namespace {

using Value = AccessValue;

constexpr size_t kMaxLengthLimit = 1 << 20;
constexpr std::string_view kGrpcNames[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

std::string_view ProtocolName(int protocol) {
  switch (protocol) {
    case 10:
      return "HTTP/1.0";
    case 11:
      return "HTTP/1.1";
    case 20:
      return "HTTP/2";
    default:
      return {};
  }
}

Value Milliseconds(int64_t nanos) { return nanos < 0 ? Value() : Value::Number(nanos / 1'000'000); }

// "10.0.0.1:80" and "[::1]:80" without the port and brackets; a path is left whole.
std::string_view WithoutPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || address.starts_with('/')) return address;
  address = address.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  return address;
}

Value Port(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || address.starts_with('/')) return {};
  int64_t port = 0;
  const char* end = address.data() + address.size();
  const auto [stop, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && stop == end ? Value::Number(port) : Value();
}

Value List(const std::vector<std::string>& names, std::string& scratch) {
  for (const std::string& name : names) {
    if (!scratch.empty()) scratch += ',';
    scratch += name;
  }
  return Value::Text(scratch);
}

Value Bytes(const Headers* headers) {
  return Value::Number(headers ? static_cast<int64_t>(headers->bytes()) : 0);
}

// The status of a gRPC exchange: in the trailers, or in the headers of a response without a body.
// -1: none.
int GrpcStatus(const AccessRecord& record) {
  for (const Headers* headers : {record.response_trailers, record.response}) {
    if (!headers) continue;
    const std::string_view text = headers->Get(HeaderName::kGrpcStatus);
    int status = -1;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), status);
    if (!text.empty() && error == std::errc() && stop == text.data() + text.size()) return status;
  }
  return -1;
}

uint64_t Mix(uint64_t x) {  // splitmix64's finalizer
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void AppendHex(std::string& out, uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out.push_back("0123456789abcdef"[(value >> shift) & 15]);
  }
}

// A UUID (version 4 by its form): equal for no two exchanges of this process, nor by chance of two.
void AppendUniqueId(std::string& out, uint64_t seed, const AccessRecord& record) {
  const uint64_t high = Mix(Mix(seed + record.connection_id) + record.stream_id);
  const uint64_t low = Mix(high + static_cast<uint64_t>(record.start_ns));
  AppendHex(out, high >> 32, 8);
  out.push_back('-');
  AppendHex(out, high >> 16, 4);
  out.append("-4");
  AppendHex(out, high, 3);
  out.push_back('-');
  AppendHex(out, (low >> 48 & 0x3fff) | 0x8000, 4);
  out.push_back('-');
  AppendHex(out, low, 12);
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

// Envoy has values for these from features that are not there, or that this request did not use.
constexpr std::string_view kAlwaysMissing[] = {
    "CLUSTER_METADATA",  "CUSTOM_FLAGS",        "DYNAMIC_METADATA", "FILTER_STATE",
    "METADATA",          "PER_REQUEST_STATE",   "TRACE_ID",         "UPSTREAM_FILTER_STATE",
    "UPSTREAM_METADATA", "VIRTUAL_CLUSTER_NAME"};

bool IsAlwaysMissing(std::string_view name) {
  return std::find(std::begin(kAlwaysMissing), std::end(kAlwaysMissing), name) !=
         std::end(kAlwaysMissing);
}

absl::Status Missing(std::string_view name, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrFormat("%%%s%% needs %s", name, what));
}

}  // namespace

// The operators by name. A plain function each: looked up once, called per record.
struct AccessOperatorTable {
  using Op = AccessOperator;
  using Record = AccessRecord;
  struct Entry {
    std::string_view name;
    Op::Get get;
  };

  static Value Header(const Op& self, const Headers* headers) {
    if (!headers) return {};
    for (size_t i = 0; i < self.names_.size() && !self.names_[i].empty(); ++i) {
      const class Header* found = self.ids_[i] == HeaderName::kOther ? headers->Find(self.names_[i])
                                                                     : headers->Find(self.ids_[i]);
      if (found && !found->value.empty()) return Value::Text(found->value);
    }
    return {};
  }
  static Value Request(const Op& self, const Record& r, std::string&) {
    return Header(self, r.request);
  }
  static Value Response(const Op& self, const Record& r, std::string&) {
    return Header(self, r.response);
  }
  static Value Trailer(const Op& self, const Record& r, std::string&) {
    return Header(self, r.response_trailers);
  }
  static Value QueryParam(const Op& self, const Record& r, std::string&) {
    if (!r.request) return {};
    return Value::Text(
        QueryParameter(r.request->Get(HeaderName::kPath), self.text_).value_or(std::string_view()));
  }
  static Value Known(const Op& self, const Record&, std::string&) {
    return Value::Text(self.text_);
  }
  static Value StartTime(const Op& self, const Record& r, std::string& scratch) {
    self.time_->Append(scratch, r.start_ns);
    return Value::Text(scratch);
  }
  static Value UniqueId(const Op& self, const Record& r, std::string& scratch) {
    AppendUniqueId(scratch, self.seed_, r);
    return Value::Text(scratch);
  }
  static Value Flags(const Op&, const Record& r, std::string& scratch) {
    r.flags.AppendShort(scratch);
    return Value::Text(scratch);
  }
  static Value FlagsLong(const Op&, const Record& r, std::string& scratch) {
    r.flags.AppendLong(scratch);
    return Value::Text(scratch);
  }
  static Value GrpcName(const Op&, const Record& r, std::string& scratch) {
    const int status = GrpcStatus(r);
    if (status < 0) return {};
    if (status < static_cast<int>(std::size(kGrpcNames))) return Value::Text(kGrpcNames[status]);
    scratch.append(std::to_string(status));
    return Value::Text(scratch);
  }
  static Value GrpcNumber(const Op&, const Record& r, std::string&) {
    const int status = GrpcStatus(r);
    return status < 0 ? Value() : Value::Number(status);
  }
  static Value ResponseTx(const Op&, const Record& r, std::string&) {
    const AccessTimes& times = r.times;
    if (times.response_first < 0 || times.end < 0) return {};
    return Milliseconds(std::max<int64_t>(0, times.end - times.response_first));
  }

  static const Entry* Find(std::string_view name);
  static absl::Status ParseHeaders(Op& op, std::string_view name, std::string_view argument);
  static absl::Status ParseArgument(Op& op, std::string_view name, std::string_view argument);
};

#define OUTRIGGER_VALUE(name, expression)                                                 \
  {                                                                                       \
    name, [](const AccessOperator&, const AccessRecord& r, std::string&) -> AccessValue { \
      return expression;                                                                  \
    }                                                                                     \
  }
#define OUTRIGGER_TLS(name, expression)                                            \
  {                                                                                \
    name, [](const AccessOperator&, const AccessRecord& r, std::string& scratch) { \
      (void)scratch;                                                               \
      return r.tls ? expression : AccessValue();                                   \
    }                                                                              \
  }
#define OUTRIGGER_ADDRESS(name, field)                                                  \
  OUTRIGGER_VALUE(name "_ADDRESS", Value::Text(r.field)),                               \
      OUTRIGGER_VALUE(name "_ADDRESS_WITHOUT_PORT", Value::Text(WithoutPort(r.field))), \
      OUTRIGGER_VALUE(name "_PORT", Port(r.field))

const AccessOperatorTable::Entry* AccessOperatorTable::Find(std::string_view name) {
  static constexpr Entry kEntries[] = {
      {"REQ", &Request},
      {"RESP", &Response},
      {"TRAILER", &Trailer},
      {"START_TIME", &StartTime},
      {"RESPONSE_FLAGS", &Flags},
      {"RESPONSE_FLAGS_LONG", &FlagsLong},
      {"RESPONSE_TX_DURATION", &ResponseTx},
      {"GRPC_STATUS", &GrpcName},
      {"GRPC_STATUS_NUMBER", &GrpcNumber},
      {"UNIQUE_ID", &UniqueId},
      {"QUERY_PARAM", &QueryParam},
      {"HOSTNAME", &Known},
      {"ENVIRONMENT", &Known},
      OUTRIGGER_VALUE("PROTOCOL", Value::Text(ProtocolName(r.protocol))),
      OUTRIGGER_VALUE("UPSTREAM_PROTOCOL", Value::Text(ProtocolName(r.upstream_protocol))),
      OUTRIGGER_VALUE("RESPONSE_CODE", Value::Number(r.response_code)),
      OUTRIGGER_VALUE("RESPONSE_CODE_DETAILS", Value::Text(r.response_code_details)),
      OUTRIGGER_VALUE("CONNECTION_TERMINATION_DETAILS",
                      Value::Text(r.connection_termination_details)),
      OUTRIGGER_VALUE("UPSTREAM_TRANSPORT_FAILURE_REASON",
                      Value::Text(r.upstream_transport_failure_reason)),
      OUTRIGGER_VALUE("BYTES_RECEIVED", Value::Number(static_cast<int64_t>(r.bytes_received))),
      OUTRIGGER_VALUE("BYTES_SENT", Value::Number(static_cast<int64_t>(r.bytes_sent))),
      OUTRIGGER_VALUE("REQUEST_HEADERS_BYTES", Bytes(r.request)),
      OUTRIGGER_VALUE("RESPONSE_HEADERS_BYTES", Bytes(r.response)),
      OUTRIGGER_VALUE("RESPONSE_TRAILERS_BYTES", Bytes(r.response_trailers)),
      OUTRIGGER_VALUE("DURATION", Milliseconds(r.times.end)),
      OUTRIGGER_VALUE("REQUEST_DURATION", Milliseconds(r.times.request_received)),
      OUTRIGGER_VALUE("REQUEST_TX_DURATION", Milliseconds(r.times.request_sent)),
      OUTRIGGER_VALUE("RESPONSE_DURATION", Milliseconds(r.times.response_first)),
      OUTRIGGER_VALUE("CONNECTION_ID", Value::Number(static_cast<int64_t>(r.connection_id))),
      OUTRIGGER_VALUE("UPSTREAM_CONNECTION_ID",
                      r.upstream_connection_id == 0
                          ? Value()
                          : Value::Number(static_cast<int64_t>(r.upstream_connection_id))),
      OUTRIGGER_VALUE("STREAM_ID",
                      r.request ? Value::Text(r.request->Get(HeaderName::kXRequestId)) : Value()),
      OUTRIGGER_VALUE("UPSTREAM_REQUEST_ATTEMPT_COUNT", Value::Number(r.upstream_request_attempts)),
      OUTRIGGER_VALUE("UPSTREAM_CLUSTER", Value::Text(r.upstream_cluster)),
      OUTRIGGER_VALUE("UPSTREAM_CLUSTER_RAW", Value::Text(r.upstream_cluster)),
      OUTRIGGER_VALUE("ROUTE_NAME", Value::Text(r.route_name)),
      OUTRIGGER_VALUE("REQUESTED_SERVER_NAME", Value::Text(r.requested_server_name)),
      OUTRIGGER_VALUE("UPSTREAM_HOST", Value::Text(r.upstream_host)),
      OUTRIGGER_TLS("DOWNSTREAM_TLS_VERSION", Value::Text(r.tls->version)),
      OUTRIGGER_TLS("DOWNSTREAM_TLS_CIPHER", Value::Text(r.tls->cipher)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_SUBJECT", Value::Text(r.tls->peer.subject)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_ISSUER", Value::Text(r.tls->issuer)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_SERIAL", Value::Text(r.tls->serial)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_FINGERPRINT_1", Value::Text(r.tls->fingerprint_1)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_FINGERPRINT_256", Value::Text(r.tls->fingerprint_256)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_CERT", Value::Text(r.tls->pem)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_URI_SAN", List(r.tls->peer.uri_sans, scratch)),
      OUTRIGGER_TLS("DOWNSTREAM_PEER_DNS_SAN", List(r.tls->peer.dns_sans, scratch)),
      OUTRIGGER_TLS("DOWNSTREAM_LOCAL_SUBJECT", Value::Text(r.tls->local.subject)),
      OUTRIGGER_TLS("DOWNSTREAM_LOCAL_URI_SAN", List(r.tls->local.uri_sans, scratch)),
      OUTRIGGER_TLS("DOWNSTREAM_LOCAL_DNS_SAN", List(r.tls->local.dns_sans, scratch)),
      OUTRIGGER_ADDRESS("UPSTREAM_REMOTE", upstream_host),
      OUTRIGGER_ADDRESS("UPSTREAM_LOCAL", upstream_local),
      OUTRIGGER_ADDRESS("DOWNSTREAM_LOCAL", downstream_local),
      OUTRIGGER_ADDRESS("DOWNSTREAM_DIRECT_LOCAL", downstream_local),
      OUTRIGGER_ADDRESS("DOWNSTREAM_REMOTE", downstream_remote),
      OUTRIGGER_ADDRESS("DOWNSTREAM_DIRECT_REMOTE", downstream_direct_remote),
  };
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return &entry;
  }
  static constexpr Entry kMissing = {
      "", [](const Op&, const Record&, std::string&) -> Value { return {}; }};
  return IsAlwaysMissing(name) ? &kMissing : nullptr;
}

#undef OUTRIGGER_TLS
#undef OUTRIGGER_ADDRESS
#undef OUTRIGGER_VALUE

// "X" or "X?Y": Y where X is missing.
absl::Status AccessOperatorTable::ParseHeaders(Op& op, std::string_view name,
                                               std::string_view argument) {
  const size_t mark = argument.find('?');
  const std::string_view parts[] = {argument.substr(0, mark), mark == std::string_view::npos
                                                                  ? std::string_view()
                                                                  : argument.substr(mark + 1)};
  if (parts[0].empty() || (mark != std::string_view::npos && parts[1].empty()) ||
      parts[1].find('?') != std::string_view::npos) {
    return Missing(name, "a header and at most one alternative: (X) or (X?Y)");
  }
  for (size_t i = 0; i < 2; ++i) {
    std::string lower(parts[i]);
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    // Codecs turn a Host header into :authority (RFC 9113 8.3.1).
    if (lower == "host") lower = ":authority";
    op.ids_[i] = LookupHeader(lower);
    op.names_[i] = std::move(lower);
  }
  return absl::OkStatus();
}

absl::Status AccessOperatorTable::ParseArgument(Op& op, std::string_view name,
                                                std::string_view argument) {
  if (name == "REQ" || name == "RESP" || name == "TRAILER") {
    return ParseHeaders(op, name, argument);
  }
  if (name == "START_TIME") {
    TimeFormat format;
    if (!argument.empty()) {
      OUTRIGGER_ASSIGN_OR_RETURN(format, TimeFormat::Make(argument));
    }
    op.time_ = std::make_shared<const TimeFormat>(std::move(format));
    return absl::OkStatus();
  }
  if (name == "ENVIRONMENT") {
    if (argument.empty()) return Missing(name, "the name of a variable: (X)");
    const char* value = std::getenv(std::string(argument).c_str());
    op.text_ = value ? value : "-";  // Envoy's, even where missing values are left out
    return absl::OkStatus();
  }
  if (name == "QUERY_PARAM") {
    if (argument.empty()) return Missing(name, "the name of a parameter: (X)");
    op.text_ = argument;
    return absl::OkStatus();
  }
  if (IsAlwaysMissing(name)) return absl::OkStatus();
  if (!argument.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("%%%s%% takes no argument", name));
  }
  if (name == "HOSTNAME") op.text_ = HostName();
  if (name == "UNIQUE_ID") {
    std::random_device random;
    op.seed_ = uint64_t{random()} << 32 | random();
  }
  return absl::OkStatus();
}

absl::StatusOr<AccessOperator> AccessOperator::Parse(std::string_view text) {
  const size_t name_end = std::min(text.find_first_of("(:"), text.size());
  const std::string_view name = text.substr(0, name_end);
  const AccessOperatorTable::Entry* entry = AccessOperatorTable::Find(name);
  if (!entry) {
    return absl::InvalidArgumentError(absl::StrFormat("there is no operator %%%s%%", name));
  }
  AccessOperator op;
  op.get_ = entry->get;
  std::string_view rest = text.substr(name_end);
  std::string_view argument;
  if (rest.starts_with('(')) {
    const size_t close = rest.rfind(')');
    if (close == std::string_view::npos) return Missing(name, "a closing parenthesis");
    argument = rest.substr(1, close - 1);
    rest = rest.substr(close + 1);
  }
  OUTRIGGER_RETURN_IF_ERROR(AccessOperatorTable::ParseArgument(op, name, argument));
  if (rest.empty()) return op;
  size_t length = 0;
  const char* end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data() + 1, end, length);
  if (rest[0] != ':' || error != std::errc() || stop != end || length > kMaxLengthLimit) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%%%s%%: '%s' is no length (\":\" and a number up to %d)", name, rest, kMaxLengthLimit));
  }
  op.max_length_ = length;
  return op;
}

AccessValue AccessOperator::Evaluate(const AccessRecord& record, std::string& scratch) const {
  scratch.clear();
  AccessValue value = get_(*this, record, scratch);
  if (value.kind == AccessValue::Kind::kText) value.text = value.text.substr(0, max_length_);
  return value;
}

}  // namespace outrigger::proxy
