"""Routing on the real Envoy and on Outrigger, by one file: each way to match, to rewrite, to change headers,
to redirect and to answer at once gives the same."""

import re
import sys

import pytest

from tests.support import sidecar
from tests.support.run_pytest import run_pytest
from tests.support.sidecar import BINARY, cluster, config, curl

# Values that differ from run to run.
VARIES = {"date": ".+", "x-request-id": "[0-9a-f-]{36}", "x-envoy-upstream-service-time": "[0-9]+",
          "x-echo-header-x-request-id": "[0-9a-f-]{36}"}
ADD, ABSENT = "APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT"
SET, REPLACE = "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS"


def direct(name, status=200, **more):
    """A virtual host of its own, NAME.test, whose first route matches by `more` and says so."""
    return host(name, [{"match": {"prefix": "/", **more},
                        "direct_response": {"status": status, "body": {"inline_string": "hit"}}}])


def host(name, routes, **more):
    return {"name": name, "domains": [f"{name}.test"], "routes": routes, **more}


def to_echo(match=None, route=None, **more):
    return {"match": match or {"prefix": "/"}, "route": {"cluster": "echo", **(route or {})}, **more}


def redirect(match=None, **action):
    return {"match": match or {"prefix": "/"}, "redirect": action}


def header(name, value, action=ADD, **more):
    return {"header": {"key": name, "value": value}, "append_action": action, **more}


def regex(pattern, substitution=None):
    compiled = {"regex": pattern}
    return compiled if substitution is None else {"pattern": compiled, "substitution": substitution}


def fields(*lines):
    return [word for line in lines for word in ("-H", line)]


def x_a(**matcher):
    return {"headers": [{"name": "X-A", **matcher}]}


NONE, ONE, TWO = fields(), fields("x-a: one"), fields("x-a: one", "x-a: two")
EMPTY, NUMBERS = fields("x-a;"), ["-5", "+3", "9", "10", "3x", "3.0", "0x3", "99999999999999999999"]

# name: (what is matched beside the path, the requests' further arguments)
HEADERS = {
    "there": (x_a(), [NONE, ONE, EMPTY, TWO]),
    "present": (x_a(present_match=True), [NONE, ONE, EMPTY]),
    "absent": (x_a(present_match=False), [NONE, ONE, EMPTY]),
    "not-present": (x_a(present_match=True, invert_match=True), [NONE, ONE]),
    "not-absent": (x_a(present_match=False, invert_match=True), [NONE, ONE]),
    "present-or-empty": (x_a(present_match=True, treat_missing_header_as_empty=True), [NONE, ONE]),
    "absent-or-empty": (x_a(present_match=False, treat_missing_header_as_empty=True), [NONE, ONE]),
    "exact": (x_a(string_match={"exact": "one"}), [NONE, ONE, TWO, fields("x-a: One")]),
    "exact-any-case": (x_a(string_match={"exact": "oNe", "ignore_case": True}),
                       [ONE, fields("x-a: ONE"), fields("x-a: ONES")]),
    "exact-empty": (x_a(string_match={"exact": ""}), [NONE, EMPTY, ONE]),
    "not-exact": (x_a(string_match={"exact": "one"}, invert_match=True),
                  [NONE, ONE, TWO, fields("x-a: two")]),
    "not-exact-or-empty": (x_a(string_match={"exact": "one"}, invert_match=True,
                               treat_missing_header_as_empty=True), [NONE, ONE]),
    "empty-or-missing": (x_a(string_match={"exact": ""}, treat_missing_header_as_empty=True),
                         [NONE, EMPTY, ONE]),
    "prefix": (x_a(string_match={"prefix": "on"}), [NONE, ONE, TWO, fields("x-a: ON")]),
    "suffix": (x_a(string_match={"suffix": "WO", "ignore_case": True}), [ONE, TWO]),
    "contains": (x_a(string_match={"contains": "ne"}), [ONE, fields("x-a: two"), fields("x-a: NE")]),
    "contains-any-case": (x_a(string_match={"contains": "NE", "ignore_case": True}),
                          [ONE, fields("x-a: two"), fields("x-a: xNex")]),
    "contains-comma": (x_a(string_match={"contains": ","}), [TWO, fields("x-a: one,two")]),
    "regex": (x_a(string_match={"safe_regex": regex("o.e|two")}), [ONE, TWO, fields("x-a: ones")]),
    "old-exact": (x_a(exact_match="one"), [NONE, ONE, TWO]),
    "old-exact-empty": (x_a(exact_match=""), [NONE, ONE, EMPTY]),
    "old-prefix": (x_a(prefix_match="on"), [NONE, ONE]),
    "old-suffix": (x_a(suffix_match="ne"), [NONE, ONE]),
    "old-contains": (x_a(contains_match="ne"), [NONE, ONE]),
    "old-regex": (x_a(safe_regex_match=regex("o.e")), [NONE, ONE, fields("x-a: one.")]),
    "range": (x_a(range_match={"start": -5, "end": 10}),
              [NONE, *(fields(f"x-a: {number}") for number in NUMBERS)]),
    "not-range": (x_a(range_match={"start": 0, "end": 10}, invert_match=True),
                  [NONE, fields("x-a: 5"), fields("x-a: 11"), fields("x-a: 11", "x-a: 5")]),
    "list": ({"headers": [{"name": "user-agent", "string_match": {"exact": "one,two"}}]},
             [fields("user-agent: one", "user-agent: two"), fields("user-agent: one,two")]),
    "cookie": ({"headers": [{"name": "cookie", "string_match": {"exact": "a=b; c=d"}}]},
               [fields("cookie: a=b", "cookie: c=d"), fields("cookie: a=b; c=d")]),
    "method": ({"headers": [{"name": ":method", "string_match": {"exact": "PUT"}}]},
               [NONE, ["-X", "PUT"]]),
    "scheme": ({"headers": [{"name": ":scheme", "string_match": {"exact": "http"}}]}, [NONE]),
    "authority": ({"headers": [{"name": "Host", "string_match": {"prefix": "authority."}}]}, [NONE]),
    "both": ({"headers": [{"name": "x-a"}, {"name": "x-b"}]}, [ONE, fields("x-a: 1", "x-b: 1")]),
    "grpc": ({"grpc": {}}, [NONE, *(fields(f"content-type: application/grpc{rest}")
                                    for rest in ("", "+proto", "-web", "x"))]),
    "always": ({"runtime_fraction": {"default_value": {"numerator": 100}}}, [NONE]),
    "never": ({"runtime_fraction": {"default_value": {"numerator": 0}}}, [NONE]),
}


def a(**matcher):
    return {"query_parameters": [{"name": "a", **matcher}]}


QUERIES = {
    "q-there": (a(), ["", "?a", "?a=", "?b&a=1", "?ab=1", "?A=1", "?a%3D1", "?%61=1"]),
    "q-absent": (a(present_match=False), ["", "?a", "?b"]),
    "q-exact": (a(string_match={"exact": "b"}),
                ["?a=b", "?a=c&a=b", "?a=b&a=c", "?a=b?c", "??a=b", "?&&a=b", "?a=b=c", "?a"]),
    "q-encoded": (a(string_match={"exact": "b%20c"}), ["?a=b%20c", "?a=b+c"]),
    "q-any-case": (a(string_match={"exact": "B", "ignore_case": True}), ["?a=b", "?a=B", "?a=bb"]),
    "q-empty": (a(string_match={"exact": ""}), ["", "?a", "?a=", "?a=&a=1", "?a=1"]),
    "q-regex": (a(string_match={"safe_regex": regex("[0-9]+")}), ["?a=1", "?a=x", "?a=1x"]),
}

PATHS = {
    "p-prefix": ([{"prefix": "/a"}], ["/a", "/ab", "/A", "/", "/b", "/a?x", "/a/"]),
    "p-prefix-case": ([{"prefix": "/A", "case_sensitive": False}], ["/a", "/Ab", "/b"]),
    "p-prefix-query": ([{"prefix": "/a?x"}], ["/a?x", "/a?xy", "/a"]),
    "p-exact": ([{"path": "/a"}], ["/a", "/a?x", "/ab", "/a/", "/A"]),
    "p-exact-case": ([{"path": "/A", "case_sensitive": False}], ["/a", "/a?x", "/aa"]),
    "p-separated": ([{"path_separated_prefix": "/a/b"}],
                    ["/a/b", "/a/b/", "/a/b/c", "/a/bc", "/a/b?c", "/a/b/?c", "/a", "/A/B"]),
    "p-separated-case": ([{"path_separated_prefix": "/A", "case_sensitive": False}], ["/a/b", "/ab"]),
    "p-regex": ([{"safe_regex": regex("/a/[0-9]+")}], ["/a/1", "/a/1?x", "/a/", "/a/1/", "/x/a/1"]),
    "p-regex-case": ([{"safe_regex": regex("/a"), "case_sensitive": False}], ["/a", "/A"]),
    "p-first": ([{"prefix": "/a", "headers": [{"name": "x-none"}]}, {"path": "/a"},
                 {"prefix": "/a/b"}, {"prefix": "/a"}], ["/a", "/a/b", "/ac", "/b"]),
    "p-many": ([*({"prefix": f"/service/{i}/"} for i in range(30)), {"path": "/service/7/x"},
                {"safe_regex": regex("/service/[0-9]+")}, {"prefix": "/SERVICE", "case_sensitive": False},
                {"prefix": "/service/3"}, {"prefix": "/"}],
               ["/service/7/x", "/service/29/", "/service/3", "/service/30", "/service/300/x", "/x",
                "/Service/1", "/service/"]),
}

REDIRECTS = {
    "r-plain": ({}, ["/a?b"]),
    "r-https": ({"https_redirect": True}, ["/a?b"]),
    "r-scheme": ({"scheme_redirect": "FTP"}, ["/a"]),
    "r-host": ({"host_redirect": "other.test"}, ["/a?b"]),
    "r-host-port": ({"host_redirect": "other.test", "port_redirect": 8443}, ["/a"]),
    "r-port": ({"port_redirect": 8443}, ["/a"]),
    "r-path": ({"path_redirect": "/new"}, ["/a", "/a?b"]),
    "r-path-bare": ({"path_redirect": "new"}, ["/a"]),
    "r-path-strip": ({"path_redirect": "/new", "strip_query": True}, ["/a?b"]),
    "r-path-query": ({"path_redirect": "/new?c", "strip_query": True}, ["/a?b"]),
    "r-strip": ({"strip_query": True}, ["/a?b?c"]),
    "r-prefix": ({"prefix_rewrite": "/new"}, ["/old", "/old/a?b", "/oldest"]),
    "r-prefix-strip": ({"prefix_rewrite": "/new", "strip_query": True}, ["/old/a?b"]),
    "r-regex": ({"regex_rewrite": regex("/old/(.)", "/\\1/new")}, ["/old/a?/old/b", "/old"]),
    **{f"r-{code}": ({"response_code": code}, ["/"]) for code in
       ("MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT")},
}
REDIRECT_PORTS = {"r-to-https": {"https_redirect": True}, "r-keeps": {}, "r-to-port": {"port_redirect": 1}}

REWRITES = {
    "w-prefix": (to_echo({"prefix": "/old"}, {"prefix_rewrite": "/new"}), ["/old", "/old/a?b", "/olds"]),
    "w-prefix-case": (to_echo({"prefix": "/OLD", "case_sensitive": False}, {"prefix_rewrite": "/new"}),
                      ["/old/a"]),
    "w-root": (to_echo({"prefix": "/old"}, {"prefix_rewrite": "/"}), ["/old", "/old/a"]),
    "w-path": (to_echo({"path": "/old"}, {"prefix_rewrite": "/new"}), ["/old?a"]),
    "w-separated": (to_echo({"path_separated_prefix": "/old"}, {"prefix_rewrite": "/new"}),
                    ["/old", "/old/a?b"]),
    "w-by-regex": (to_echo({"safe_regex": regex("/old/.*")}, {"prefix_rewrite": "/new"}), ["/old/a?b"]),
    "w-regex": (to_echo(route={"regex_rewrite": regex("^/([^/]+)/([^/]+)", "/\\2/\\1")}),
                ["/a/b/c?/x/y", "/a"]),
    "w-regex-all": (to_echo(route={"regex_rewrite": regex("a", "bb")}), ["/aXa?a"]),
    "w-host": (to_echo(route={"host_rewrite_literal": "new.test"}), ["/"]),
    "w-host-header": (to_echo(route={"host_rewrite_header": "x-host"}), ["/"]),
    "w-host-path": (to_echo(route={"host_rewrite_path_regex": regex("^/(.+)/.+$", "\\1.test")}),
                    ["/a/b?c", "/a"]),
    "w-host-forwarded": (to_echo(route={"host_rewrite_literal": "new.test",
                                        "append_x_forwarded_host": True}), ["/"]),
    "w-forwarded-alone": (to_echo(route={"append_x_forwarded_host": True}), ["/"]),
    "w-auto-host": (to_echo(route={"cluster": "named", "auto_host_rewrite": True,
                                   "append_x_forwarded_host": True}), ["/"]),
    "w-cluster-header": (to_echo(route={"cluster": None, "cluster_header": "x-to"}), ["/"]),
    "w-both": (to_echo({"prefix": "/old"}, {"prefix_rewrite": "/new", "host_rewrite_literal": "new.test"},
                       request_headers_to_add=[header("x-path", "%REQ(:PATH)%"),
                                               header("x-host", "%REQ(HOST)%")]), ["/old/a"]),
}
REWRITE_FIELDS = [fields(), fields("x-host: h.test", "x-to: echo"), fields("x-forwarded-host: a, b"),
                  fields("x-forwarded-host: w-host-forwarded.test", "x-to: none")]
for rewrite in REWRITES.values():
    rewrite[0]["route"] = {k: v for k, v in rewrite[0]["route"].items() if v is not None}

# name: (the route, the requests' further arguments)
OPERATORS = ["REQ(x-a)", "REQ(X-NONE?X-A)", "REQ(x-a):2", "REQ(x-none)", "RESP(x-echo-method)",
             "PROTOCOL", "RESPONSE_CODE", "RESPONSE_FLAGS", "RESPONSE_CODE_DETAILS", "ROUTE_NAME",
             "UPSTREAM_CLUSTER", "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "UPSTREAM_PROTOCOL",
             "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "DYNAMIC_METADATA(a:b)", "FILTER_STATE(a)",
             "UPSTREAM_METADATA(a:b)", "CLUSTER_METADATA(a:b)", "REQ(:path)", "REQ(HOST)", "HOSTNAME",
             "ENVIRONMENT(NO_SUCH)", "QUERY_PARAM(q)", "START_TIME(%Y)", "BYTES_RECEIVED", "BYTES_SENT",
             "GRPC_STATUS", "REQUESTED_SERVER_NAME", "VIRTUAL_CLUSTER_NAME"]
ALL_ACTIONS = [header("a", "1"), header("b", "1", ABSENT), header("c", "1", SET), header("d", "1", REPLACE)]
WITH_ABCD = fields("a: 0", "b: 0", "c: 0", "d: 0")
MUTATIONS = {
    "m-actions": (to_echo(request_headers_to_add=ALL_ACTIONS),
                  [NONE, WITH_ABCD, fields("c: 0", "d: 0", "c: 1", "d: 2")]),
    "m-old-append": (to_echo(request_headers_to_add=[
        {"header": {"key": "a", "value": "1"}, "append": True},
        {"header": {"key": "b", "value": "1"}, "append": False}]), [NONE, WITH_ABCD]),
    "m-empty": (to_echo(request_headers_to_add=[
        header("a", ""), header("b", "", keep_empty_value=True), header("c", "%REQ(none)%"),
        header("d", "%REQ(none)%", keep_empty_value=True)]), [NONE]),
    "m-order": (to_echo(request_headers_to_remove=["a"], request_headers_to_add=[
        header("x", "%REQ(a)%|%REQ(b)%"), header("b", "new", SET), header("z", "%REQ(b)%|%%")]),
        [WITH_ABCD]),
    "m-lists": (to_echo(request_headers_to_add=[header("x-forwarded-for", "1.1.1.1"),
                                                header("user-agent", "me"), header("x", "1"),
                                                header("x", "2"), header("via", "v")]),
                [NONE, fields("x-forwarded-for: 2.2.2.2")]),
    "m-remove": (to_echo(request_headers_to_remove=["x-request-id", "User-Agent",
                                                    "x-envoy-expected-rq-timeout-ms"],
                         response_headers_to_remove=["x-envoy-upstream-service-time", "server", "date",
                                                     "content-type", "x-echo-method"]), [NONE]),
    "m-response": (to_echo(response_headers_to_add=[
        header("a", "1"), header("server", "me", SET), header("content-type", "a/b", SET),
        header("x-echo-method", "was", ABSENT), header("x-echo-path", "%RESP(x-echo-path)%!", REPLACE),
        header("set-cookie", "a=b"), header("set-cookie", "c=d"), header("location", "/x"),
        header("location", "/x"), header("connection", "close")]), [NONE]),
    "m-operators": (to_echo(name="r", request_headers_to_add=[
        header(f"x-{i}", f"<%{operator}%>") for i, operator in enumerate(OPERATORS)],
        response_headers_to_add=[
            header(f"y-{i}", f"<%{operator}%>") for i, operator in enumerate(OPERATORS)]),
        [fields("x-a: hello")]),
    "m-direct": ({"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {
        "inline_string": "hi"}}, "response_headers_to_add": [
            header("content-type", "text/html", SET), header("content-length", "99"),
            header("date", "then"), header("x", "%RESPONSE_CODE%|%REQ(:path)%|%RESPONSE_FLAGS%")]},
        [NONE, ["-I"], fields("content-type: application/grpc")]),
    "m-direct-empty": ({"match": {"prefix": "/"}, "direct_response": {"status": 302},
                        "response_headers_to_add": [
                            header("content-type", "text/html"), header("content-length", "99"),
                            header("location", "/x"), header("grpc-status", "5")]},
                       [NONE, ["-I"], fields("content-type: application/grpc")]),
    "m-redirect": ({"match": {"prefix": "/"}, "redirect": {"prefix_rewrite": "/new"},
                    "response_headers_to_add": [header("x", "%REQ(:path)%"), header("a", "1", SET)]},
                   [NONE]),
    "m-no-cluster": (to_echo(route={"cluster": "none", "prefix_rewrite": "/new"}, response_headers_to_add=[
        header("x", "%RESPONSE_FLAGS%|%RESPONSE_CODE_DETAILS%|%REQ(:path)%")],
        response_headers_to_remove=["server"]), [NONE]),
    "m-not-found": (to_echo(route={"cluster": "none", "cluster_not_found_response_code": "NOT_FOUND"}),
                    [NONE, fields("content-type: application/grpc")]),
    "m-internal-error": (to_echo(route={"cluster": "none", "cluster_not_found_response_code":
                                        "INTERNAL_SERVER_ERROR"}), [NONE]),
    "m-dead": (to_echo(route={"cluster": "dead", "prefix_rewrite": "/new"}, response_headers_to_add=[
        header("x", "%RESPONSE_FLAGS%|%REQ(:path)%"), header("content-type", "x/x")]), [NONE]),
    "m-weighted": (to_echo(route={"cluster": None, "weighted_clusters": {"clusters": [
        {"name": "none", "weight": 0},
        {"name": "echo", "weight": 5, "host_rewrite_literal": "w.test",
         "request_headers_to_add": [header("lvl", "w"), header("o", "w", SET)],
         "request_headers_to_remove": ["a"],
         "response_headers_to_add": [header("rlvl", "w"), header("ro", "w", SET)]}]}},
        request_headers_to_add=[header("lvl", "r"), header("o", "r", SET), header("a", "%REQ(HOST)%")],
        response_headers_to_add=[header("rlvl", "r"), header("ro", "r", SET)]), [NONE, WITH_ABCD]),
    "m-weighted-header": (to_echo(route={"cluster": None, "weighted_clusters": {"clusters": [
        {"cluster_header": "x-to", "weight": 1}]}}), [NONE, fields("x-to: echo")]),
    "m-weighted-random": (to_echo(route={"cluster": None, "weighted_clusters": {
        "header_name": "x-random", "clusters": [
            {"name": "echo", "weight": 30, "request_headers_to_add": [header("w", "first")]},
            {"name": "echo", "weight": 70, "request_headers_to_add": [header("w", "second")]}]}}),
        [fields(f"x-random: {number}") for number in ("0", "29", "30", "99", "100", "129", "130")]),
}
for mutation in MUTATIONS.values():
    if "route" in mutation[0]:
        mutation[0]["route"] = {k: v for k, v in mutation[0]["route"].items() if v is not None}

TIMEOUTS = {
    "t-route": (to_echo(route={"timeout": "0.1s"}), "/?delay_ms=1000", []),
    "t-header": (to_echo(), "/?delay_ms=1000", fields("x-envoy-upstream-rq-timeout-ms: 100")),
    "t-none": (to_echo(route={"timeout": "0s"}), "/", []),
    "t-stream": (to_echo(route={"max_stream_duration": {"max_stream_duration": "0.1s"}}),
                 "/?delay_ms=1000", []),
    "t-stream-none": (to_echo(route={"max_stream_duration": {}}), "/", []),
    "t-grpc": (to_echo(route={"max_stream_duration": {"grpc_timeout_header_max": "0s"}}),
               "/?delay_ms=1000", fields("content-type: application/grpc", "grpc-timeout: 100m")),
    "t-grpc-told": (to_echo(route={"max_stream_duration": {"grpc_timeout_header_max": "2s",
                                                           "grpc_timeout_header_offset": "0.5s"}}),
                    "/", fields("content-type: application/grpc", "grpc-timeout: 1H")),
    "t-grpc-old": (to_echo(route={"max_grpc_timeout": "2s", "grpc_timeout_offset": "0.5s"}),
                   "/", fields("content-type: application/grpc", "grpc-timeout: 1S")),
    "t-tries": (to_echo(route={"retry_policy": {"retry_on": "5xx", "per_try_timeout": "3s"}}), "/", []),
}

DIRECT = {
    "d-plain": {"status": 200, "body": {"inline_string": "hi"}},
    "d-bytes": {"status": 200, "body": {"inline_bytes": "aGk="}},
    "d-none": {"status": 200},
    "d-created": {"status": 201},
    "d-teapot": {"status": 418, "body": {"inline_string": "tea"}},
    "d-not-modified": {"status": 304},
    "d-unavailable": {"status": 503, "body": {"inline_string": "later"}},
}

LEVELS = [host("levels", [to_echo(request_headers_to_add=[header("lvl", "route"), header("o", "route", SET)],
                                  response_headers_to_add=[header("rlvl", "route"),
                                                           header("ro", "route", SET)],
                                  request_headers_to_remove=["a"])],
               request_headers_to_add=[header("lvl", "host"), header("o", "host", SET)],
               response_headers_to_add=[header("rlvl", "host"), header("ro", "host", SET)]),
          host("nowhere", [])]
TABLE = {"request_headers_to_add": [header("lvl", "table"), header("o", "table", SET), header("a", "1")],
         "response_headers_to_add": [header("rlvl", "table"), header("ro", "table", SET)],
         "request_headers_to_remove": ["b"], "internal_only_headers": ["c"]}

HOSTS = [
    *(direct(name, **match) for name, (match, _) in {**HEADERS, **QUERIES}.items()),
    *(host(name, [{"match": match, "direct_response": {"status": 200 + i}}
                  for i, match in enumerate(matches)]) for name, (matches, _) in PATHS.items()),
    *(host(name, [redirect({"prefix": "/old"}, **action), redirect(**action)])
      for name, (action, _) in REDIRECTS.items()),
    *({"name": name, "domains": [f"{name}.test", f"{name}.test:*"], "routes": [redirect(**action)]}
      for name, action in REDIRECT_PORTS.items()),
    *(host(name, [route]) for name, (route, _) in {**REWRITES, **MUTATIONS}.items()),
    *(host(name, [route]) for name, (route, _, _) in TIMEOUTS.items()),
    *(host(name, [{"match": {"prefix": "/"}, "direct_response": answer}])
      for name, answer in DIRECT.items()),
]


@pytest.fixture(scope="module")
def upstream():
    process, port = sidecar.echo(BINARY)
    with process:
        yield port


def pair(upstream, folder, hosts, **table):
    dead = sidecar.free_port()
    named = cluster("named", upstream)
    named["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["hostname"] = "named.test"

    def make(port, admin, log):
        made = config(port, admin, [], [cluster("echo", upstream), cluster("dead", dead), named], log=log)
        chain = made["static_resources"]["listeners"][0]["filter_chains"][0]
        chain["filters"][0]["typed_config"]["route_config"] = {
            "name": "local", "validate_clusters": False, "virtual_hosts": hosts, **table}
        return made
    return sidecar.envoy(folder, make), sidecar.outrigger(BINARY, folder, make)


@pytest.fixture(scope="module")
def both(upstream, tmp_path_factory):
    envoy, ours = pair(upstream, tmp_path_factory.mktemp("both"), HOSTS)
    with envoy, ours:
        yield envoy, ours


def shown(answer, port):
    """What is compared: status, headers without what varies, body."""
    headers = []
    for name, value in answer.headers:
        name = name.lower()
        if re.fullmatch(VARIES.get(name, "-"), value):
            value = "*"
        headers.append((name, value.replace(f":{port}", ":PORT")))
    return answer.status, sorted(headers), answer.body


def compare(both, path, *more, host):
    answers = [shown(curl(p.port, path, "-H", f"host: {host}", *more), p.port) for p in both]
    assert answers[1] == answers[0]
    return answers[0]


def cases(table):
    return [pytest.param(name, request, id=f"{name}-{i}")
            for name, (_, requests) in table.items() for i, request in enumerate(requests)]


@pytest.mark.parametrize("name,more", cases(HEADERS))
def test_matches_by_header(both, name, more):
    compare(both, "/", *more, host=f"{name}.test")


@pytest.mark.parametrize("name,query", cases(QUERIES))
def test_matches_by_query(both, name, query):
    compare(both, "/" + query, host=f"{name}.test")


@pytest.mark.parametrize("name,path", cases(PATHS))
def test_matches_by_path(both, name, path):
    compare(both, path, host=f"{name}.test")


def test_matchers_tell_yes_from_no(both):
    # The cases above would also be passed by a proxy that answers all alike.
    assert compare(both, "/", *ONE, host="exact.test")[0] == 200
    assert compare(both, "/", host="exact.test")[0] == 404
    assert compare(both, "/?a=b", host="q-exact.test")[0] == 200
    assert compare(both, "/service/300/x", host="p-many.test")[0] == 232


@pytest.mark.parametrize("name,path", cases(REDIRECTS))
def test_redirects(both, name, path):
    status, _, _ = compare(both, path, host=f"{name}.test")
    assert status // 100 == 3


@pytest.mark.parametrize("name", REDIRECT_PORTS)
@pytest.mark.parametrize("port", ["80", "443", "81"])
@pytest.mark.parametrize("proto", ["http", "https"])
def test_redirects_leave_out_default_ports(both, name, port, proto):
    compare(both, "/", "-H", f"x-forwarded-proto: {proto}", host=f"{name}.test:{port}")


@pytest.mark.parametrize("name,path", cases(REWRITES))
@pytest.mark.parametrize("more", REWRITE_FIELDS, ids=["none", "to", "forwarded", "lost"])
def test_rewrites(both, name, path, more):
    compare(both, path, *more, host=f"{name}.test")


@pytest.mark.parametrize("name,more", cases(MUTATIONS))
def test_changes_headers(both, name, more):
    compare(both, "/?q=1", *more, host=f"{name}.test")


@pytest.mark.parametrize("name", TIMEOUTS)
def test_timeouts(both, name):
    compare(both, TIMEOUTS[name][1], *TIMEOUTS[name][2], host=f"{name}.test")


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("more", [[], ["-I"]], ids=["get", "head"])
def test_direct_responses(both, name, more):
    compare(both, "/a?b", *more, host=f"{name}.test")


@pytest.mark.parametrize("specific", [False, True])
def test_levels_of_header_changes(upstream, tmp_path, specific):
    envoy, ours = pair(upstream, tmp_path, LEVELS, **TABLE,
                       most_specific_header_mutations_wins=specific)
    with envoy, ours:
        compare((envoy, ours), "/", *WITH_ABCD, host="levels.test")
        compare((envoy, ours), "/", *WITH_ABCD, host="nowhere.test")


@pytest.mark.parametrize("table", [{"ignore_port_in_host_matching": True},
                                   {"ignore_path_parameters_in_path_matching": True}], ids=str)
def test_settings_of_the_table(upstream, tmp_path, table):
    hosts = [host("plain", [{"match": {"path": "/a"}, "direct_response": {"status": 200}},
                            to_echo({"prefix": "/b"}, {"prefix_rewrite": "/c"})]),
             {"name": "wild", "domains": ["*.wild.test", "wild.*"], "routes": [
                 {"match": {"prefix": "/"}, "direct_response": {"status": 201}}]}]
    envoy, ours = pair(upstream, tmp_path, hosts, **table)
    with envoy, ours:
        for name in ("plain.test", "plain.test:80", "Plain.Test:x", "a.wild.test:1", "wild.x:1", "wild.:1"):
            for path in ("/a", "/a;b=c", "/a;b?c", "/a?b;c", "/b;d/e?f"):
                compare((envoy, ours), path, host=name)


def test_long_wildcards_win(upstream, tmp_path):
    domains = ["*", "*.c", "*.b.c", "*-b.c", "a.*", "a.b.*", "a.b.c", "*b.c"]
    hosts = [{"name": domain, "domains": [domain], "routes": [
        {"match": {"prefix": "/"}, "direct_response": {"status": 200 + i}}]}
        for i, domain in enumerate(domains)]
    envoy, ours = pair(upstream, tmp_path, hosts)
    with envoy, ours:
        for name in ("a.b.c", "x.b.c", "x-b.c", "xb.c", "b.c", ".c", "c", "a.x", "a.b.x", "a.b.", "a.",
                     "x", "a.c", "A.B.C", "a.b.c:80", "x" * 300 + ".c", "[::1]"):
            compare((envoy, ours), "/", host=name)


if __name__ == "__main__":
    sys.exit(run_pytest(__file__))
