// header_mutation.h: takes from and adds to a message's headers what its route says
// (proxy/snapshot/header_mutation.h): a request's before it goes upstream, a response's before it
// goes downstream. A route that says nothing costs a look.
#pragma once

#include "proxy/access_log/record.h"
#include "proxy/codec/http/headers.h"
#include "proxy/router/selection.h"

namespace outrigger::proxy {

// In place. `record` is what operators (%REQ(x)%) read of the exchange so far; its request and
// response may be the very headers that are changed.
void Mutate(const HeaderMutations& mutations, Headers& headers, const AccessRecord& record);

// Of the weighted cluster, the route, its virtual host and the table, in Envoy's order. For a
// request: RewriteRequest() does it, and more.
void MutateResponse(const Selection& selection, Headers& response, const AccessRecord& record);

// Adds a field, to the end of the list that is there if the name's values are one.
void AppendField(Headers& headers, const HeaderKey& key, std::string_view value);

}  // namespace outrigger::proxy
