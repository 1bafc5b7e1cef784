#include "proxy/codec/http1/request_parser.h"

#include <algorithm>
#include <array>

namespace outrigger::proxy::http1 {
namespace {

// The methods that Envoy takes by default, sorted.
constexpr std::array<std::string_view, 35> kMethods = {
    "ACL",       "BIND",  "CHECKOUT", "CONNECT",  "COPY",   "DELETE",      "GET",
    "HEAD",      "LINK",  "LOCK",     "M-SEARCH", "MERGE",  "MKACTIVITY",  "MKCALENDAR",
    "MKCOL",     "MOVE",  "NOTIFY",   "OPTIONS",  "PATCH",  "POST",        "PROPFIND",
    "PROPPATCH", "PURGE", "PUT",      "REBIND",   "REPORT", "SEARCH",      "SOURCE",
    "SUBSCRIBE", "TRACE", "UNBIND",   "UNLINK",   "UNLOCK", "UNSUBSCRIBE", "VERSION-CONTROL"};
static_assert(std::is_sorted(kMethods.begin(), kMethods.end()));

// Static text for a known method, so that it is not copied.
std::string_view KnownMethod(std::string_view method) {
  const auto found = std::lower_bound(kMethods.begin(), kMethods.end(), method);
  return found != kMethods.end() && *found == method ? *found : std::string_view();
}

}  // namespace

ParseResult RequestParser::Feed(std::string_view& input) {
  for (;;) {
    std::string_view line;
    const ParseResult result = lines_.Next(input, line);
    if (result == ParseResult::kError) {
      error_ = lines_.error();
      return result;
    }
    if (result == ParseResult::kMore) {
      // Something that is no HTTP (a TLS hello, say) is refused at once and not after 60 KiB.
      const std::string_view partial = lines_.partial();
      const std::string_view method = partial.substr(0, partial.find_first_of(" \r"));
      if (!in_fields_ && !method.empty() && !IsToken(method)) {
        error_ = {400, "bad method"};
        return ParseResult::kError;
      }
      return result;
    }
    if (!in_fields_) {
      error_ = RequestLine(line);
      in_fields_ = true;
    } else if (!line.empty()) {
      error_ = Field(line);
    } else {
      error_ = Finish();
      return error_ ? ParseResult::kError : ParseResult::kDone;
    }
    if (error_) return ParseResult::kError;
  }
}

ParseError RequestParser::RequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const std::string_view text = line.substr(0, first);
  if (!IsToken(text)) return {400, "bad method"};
  std::string_view method = KnownMethod(text);
  if (method.empty()) {
    if (!rules_.allow_custom_methods) return {400, "unknown method"};
    method = headers_.arena().Copy(text);
  }
  if (first == std::string_view::npos) return {400, "no request target"};
  std::string_view target = line.substr(first + 1);
  const size_t second = target.find(' ');
  const std::string_view version =
      second == std::string_view::npos ? std::string_view("HTTP/0.9") : target.substr(second + 1);
  target = target.substr(0, second);
  if (version != "HTTP/1.1") {
    const bool is_version = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                            IsDigit(static_cast<unsigned char>(version[5])) && version[6] == '.' &&
                            IsDigit(static_cast<unsigned char>(version[7]));
    if (!is_version) return {400, "bad version"};
    if (version != "HTTP/1.0" || !rules_.accept_http_10) return {426, "only HTTP/1.1"};
    head_.version = 10;
    head_.keep_alive = false;
  }
  head_.is_head = method == "HEAD";
  return Target(method, target);
}

// RFC 9112 3.2.
ParseError RequestParser::Target(std::string_view method, std::string_view target) {
  if (target.empty() || !AllOf(target, kPathQuery)) return {400, "bad request target"};
  // Envoy has no route for it by default and says 404; a tunnel is not offered here.
  if (method == "CONNECT") return {404, "CONNECT is not offered"};
  std::string_view authority;
  std::string_view path = target;
  std::string_view scheme = rules_.scheme;
  if (target.front() != '/' && target != "*") {
    const size_t colon = target.find("://");
    const std::string_view text = target.substr(0, colon);
    if (colon == std::string_view::npos) return {400, "bad request target"};
    if (EqualsIgnoreCase(text, "http")) {
      scheme = "http";
    } else if (EqualsIgnoreCase(text, "https")) {
      scheme = "https";
    } else {
      return {400, "unknown scheme in the request target"};
    }
    authority = target.substr(colon + 3);
    const size_t end = std::min(authority.find_first_of("/?"), authority.size());
    path = authority.substr(end);
    authority = authority.substr(0, end);
    if (authority.empty() || !AllOf(authority, kAuthority)) return {400, "bad request target"};
    absolute_ = true;
  }
  if (path == "*" && method != "OPTIONS") return {400, "bad request target"};
  headers_.AddStatic(HeaderName::kMethod, method);
  authority_ = headers_.size();
  headers_.Add(HeaderName::kAuthority, authority);
  headers_.AddStatic(HeaderName::kScheme, scheme);
  if (path.empty()) {
    // RFC 9112 3.2.4: OPTIONS without a path asks about the server as a whole.
    headers_.AddStatic(HeaderName::kPath, method == "OPTIONS" ? "*" : "/");
  } else if (path.front() == '?') {
    char* whole = static_cast<char*>(headers_.arena().Alloc(path.size() + 1, 1));
    whole[0] = '/';
    path.copy(whole + 1, path.size());
    headers_.AddStatic(HeaderName::kPath, {whole, path.size() + 1});
  } else {
    headers_.Add(HeaderName::kPath, path);
  }
  return {};
}

ParseError RequestParser::Field(std::string_view line) {
  if (++fields_ > rules_.limits.max_count) return {431, "too many headers"};
  FieldLine field;
  if (ParseError error = ParseFieldLine(line, headers_.arena(), field)) return error;
  const HeaderName id = LookupHeader(field.name);
  ParseError error;
  if (framing_.Take(id, field.value, head_.version, error) || error) return error;
  if (id == HeaderName::kHost) return Host(field.value);
  if (id == HeaderName::kTe) {
    // The only value that HTTP/2 knows (RFC 9113 8.2.2).
    std::string_view list = field.value, element;
    while (NextElement(list, element)) {
      if (!EqualsIgnoreCase(element, "trailers")) continue;
      if (!headers_.Find(HeaderName::kTe)) headers_.AddStatic(HeaderName::kTe, "trailers");
    }
    return {};
  }
  headers_.AddRaw({id == HeaderName::kOther ? field.name : HeaderText(id), field.value, id});
  return {};
}

// RFC 9112 3.2: exactly one; 3.2.2: an absolute target wins over it.
ParseError RequestParser::Host(std::string_view value) {
  if (has_host_) return {400, "two Host headers"};
  if (value.empty() || !AllOf(value, kAuthority)) return {400, "bad Host"};
  has_host_ = true;
  if (!absolute_) headers_[authority_].value = value;
  return {};
}

ParseError RequestParser::Finish() {
  if (ParseError error = framing_.Finish(head_.version, headers_)) return error;
  if (framing_.chunked()) {
    head_.body = RequestHead::Body::kChunked;
  } else if (framing_.length() > 0) {
    head_.body = RequestHead::Body::kLength;
  }
  head_.content_length = framing_.length();
  head_.keep_alive = framing_.keep_alive();
  if (has_host_) return {};
  if (head_.version == 11) return {400, "no Host"};
  if (!absolute_) headers_[authority_].value = rules_.default_host_for_http_10;
  return headers_[authority_].value.empty() ? ParseError{400, "no Host"} : ParseError{};
}

}  // namespace outrigger::proxy::http1
