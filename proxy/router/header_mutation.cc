#include "proxy/router/header_mutation.h"

#include <algorithm>

#include "proxy/access_log/format.h"
#include "proxy/router/matcher.h"

namespace outrigger::proxy {
namespace {

using Action = HeaderToAdd::Action;

struct Pending {
  const HeaderToAdd* what;
  std::string_view value;  // in the arena
};

void Remove(Headers& headers, const HeaderKey& key) {
  if (key.id != HeaderName::kOther) {
    headers.Remove(key.id);
  } else {
    headers.Remove(key.name);
  }
}

// In the arena: the table may be replaced before the headers are on the wire.
std::string_view ValueOf(const HeaderToAdd& what, Arena& arena, const AccessRecord& record) {
  if (!what.format) return arena.Copy(what.value);
  thread_local std::string text;
  text.clear();
  what.format->AppendValue(record, text);
  return arena.Copy(text);
}

// Whether it is done at all, judged before anything was added.
bool IsDue(const HeaderToAdd& what, const Headers& headers) {
  switch (what.action) {
    case Action::kAppend:
    case Action::kOverwriteOrAdd:
      return true;
    case Action::kAddIfAbsent:
      return !Find(headers, what.key);
    case Action::kOverwrite:
      return Find(headers, what.key);
  }
  return false;
}

bool IsOverwrite(const HeaderToAdd& what) {
  return what.action == Action::kOverwriteOrAdd || what.action == Action::kOverwrite;
}

// `value` in the arena.
void AddField(Headers& headers, const HeaderKey& key, std::string_view value) {
  const bool known = key.id != HeaderName::kOther;
  headers.AddRaw({known ? HeaderText(key.id) : headers.arena().Copy(key.name), value, key.id});
}

Header* LastOf(Headers& headers, const HeaderKey& key) {
  for (size_t i = headers.size(); i-- > 0;) {
    if (Is(headers[i], key)) return &headers[i];
  }
  return nullptr;
}

std::string_view Joined(Arena& arena, std::string_view list, std::string_view value) {
  const size_t size = list.size() + 1 + value.size();
  char* text = static_cast<char*>(arena.Alloc(size, 1));
  char* at = std::copy(list.begin(), list.end(), text);
  *at++ = ',';
  std::copy(value.begin(), value.end(), at);
  return {text, size};
}

}  // namespace

void AppendField(Headers& headers, const HeaderKey& key, std::string_view value) {
  Header* last = key.list ? LastOf(headers, key) : nullptr;
  if (!last) {
    AddField(headers, key, value);
  } else if (last->value.empty()) {
    last->value = value;
  } else if (!value.empty()) {
    last->value = Joined(headers.arena(), last->value, value);
  }
}

void Mutate(const HeaderMutations& mutations, Headers& headers, const AccessRecord& record) {
  for (const HeaderKey& key : mutations.remove) Remove(headers, key);
  if (mutations.add.empty()) return;
  // All values are made of the headers as they are, then overwritten ones are set, then the others
  // added: Envoy's order.
  Arena& arena = headers.arena();
  auto* pending =
      static_cast<Pending*>(arena.Alloc(mutations.add.size() * sizeof(Pending), alignof(Pending)));
  size_t count = 0;
  for (const HeaderToAdd& what : mutations.add) {
    if (!IsDue(what, headers)) continue;
    const std::string_view value = ValueOf(what, arena, record);
    if (!value.empty() || what.keep_empty) pending[count++] = {&what, value};
  }
  for (size_t i = 0; i < count; ++i) {
    if (!IsOverwrite(*pending[i].what)) continue;
    Remove(headers, pending[i].what->key);
    AddField(headers, pending[i].what->key, pending[i].value);
  }
  for (size_t i = 0; i < count; ++i) {
    if (!IsOverwrite(*pending[i].what)) {
      AppendField(headers, pending[i].what->key, pending[i].value);
    }
  }
}

void MutateResponse(const Selection& selection, Headers& response, const AccessRecord& record) {
  if (selection.weighted && selection.weighted->response) {
    Mutate(*selection.weighted->response, response, record);
  }
  if (!selection.route) return;
  for (const auto& mutations : selection.route->response_mutations) {
    Mutate(*mutations, response, record);
  }
}

}  // namespace outrigger::proxy
