// scope_lists.h: Envoy's stats by scope, as lists X(name, kind, help). scopes.h makes the structs.
#pragma once

#define OUTRIGGER_HTTP_STATS(X)                                                                   \
  X(downstream_cx_total, Counter, "Connections")                                                  \
  X(downstream_cx_active, Gauge, "Connections open now")                                          \
  X(downstream_cx_http1_total, Counter, "HTTP/1 connections")                                     \
  X(downstream_cx_http1_active, Gauge, "HTTP/1 connections open now")                             \
  X(downstream_cx_http2_total, Counter, "HTTP/2 connections")                                     \
  X(downstream_cx_http2_active, Gauge, "HTTP/2 connections open now")                             \
  X(downstream_cx_destroy, Counter, "Connections closed")                                         \
  X(downstream_cx_destroy_local, Counter, "Connections closed by this side")                      \
  X(downstream_cx_destroy_remote, Counter, "Connections closed by the peer")                      \
  X(downstream_cx_destroy_active_rq, Counter, "Connections closed with a request open")           \
  X(downstream_cx_destroy_local_active_rq, Counter,                                               \
    "Connections closed by this side with a request open")                                        \
  X(downstream_cx_destroy_remote_active_rq, Counter,                                              \
    "Connections closed by the peer with a request open")                                         \
  X(downstream_cx_protocol_error, Counter,                                                        \
    "Connections closed because the peer broke the protocol")                                     \
  X(downstream_cx_idle_timeout, Counter, "Connections closed because they were idle")             \
  X(downstream_cx_max_duration_reached, Counter, "Connections closed because of their age")       \
  X(downstream_cx_max_requests_reached, Counter,                                                  \
    "Connections closed because of their number of requests")                                     \
  X(downstream_cx_overload_disable_keepalive, Counter, "Connections closed because of overload")  \
  X(downstream_cx_drain_close, Counter, "Connections closed by draining")                         \
  X(downstream_cx_delayed_close_timeout, Counter, "Connections closed because the peer did not")  \
  X(downstream_cx_ssl_total, Counter, "TLS connections")                                          \
  X(downstream_cx_ssl_active, Gauge, "TLS connections open now")                                  \
  X(downstream_cx_upgrades_total, Counter, "Connections upgraded")                                \
  X(downstream_cx_upgrades_active, Gauge, "Upgraded connections open now")                        \
  X(downstream_cx_rx_bytes_total, Counter, "Bytes received")                                      \
  X(downstream_cx_rx_bytes_buffered, Gauge, "Bytes received and not yet handled")                 \
  X(downstream_cx_tx_bytes_total, Counter, "Bytes sent")                                          \
  X(downstream_cx_tx_bytes_buffered, Gauge, "Bytes waiting to be sent")                           \
  X(downstream_cx_length_ms, Histogram, "Life of a connection in milliseconds")                   \
  X(downstream_flow_control_paused_reading_total, Counter,                                        \
    "Times that reading was paused by flow control")                                              \
  X(downstream_flow_control_resumed_reading_total, Counter,                                       \
    "Times that reading was resumed by flow control")                                             \
  X(downstream_rq_total, Counter, "Requests")                                                     \
  X(downstream_rq_active, Gauge, "Requests open now")                                             \
  X(downstream_rq_http1_total, Counter, "HTTP/1 requests")                                        \
  X(downstream_rq_http2_total, Counter, "HTTP/2 requests")                                        \
  X(downstream_rq_completed, Counter, "Requests that got a response")                             \
  X(downstream_rq_1xx, Counter, "Responses by class of status")                                   \
  X(downstream_rq_2xx, Counter, "Responses by class of status")                                   \
  X(downstream_rq_3xx, Counter, "Responses by class of status")                                   \
  X(downstream_rq_4xx, Counter, "Responses by class of status")                                   \
  X(downstream_rq_5xx, Counter, "Responses by class of status")                                   \
  X(downstream_rq_rx_reset, Counter, "Requests reset by the client")                              \
  X(downstream_rq_tx_reset, Counter, "Requests reset by this side")                               \
  X(downstream_rq_too_many_premature_resets, Counter,                                             \
    "Connections closed because their requests were reset early")                                 \
  X(downstream_rq_timeout, Counter, "Requests that ran over request_timeout")                     \
  X(downstream_rq_idle_timeout, Counter, "Requests that ran over stream_idle_timeout")            \
  X(downstream_rq_header_timeout, Counter, "Requests that ran over request_headers_timeout")      \
  X(downstream_rq_max_duration_reached, Counter, "Requests that ran over max_stream_duration")    \
  X(downstream_rq_too_large, Counter, "Requests refused because their body is too large")         \
  X(downstream_rq_overload_close, Counter, "Requests refused because of overload")                \
  X(downstream_rq_response_before_rq_complete, Counter,                                           \
    "Responses sent before the request was complete")                                             \
  X(downstream_rq_non_relative_path, Counter, "Requests refused because of their path")           \
  X(downstream_rq_failed_path_normalization, Counter, "Requests refused because of their path")   \
  X(downstream_rq_redirected_with_normalized_path, Counter,                                       \
    "Requests redirected to a normalized path")                                                   \
  X(downstream_rq_ws_on_non_ws_route, Counter, "Upgrade requests refused because of their route") \
  X(downstream_rq_rejected_via_ip_detection, Counter,                                             \
    "Requests refused by detection of the client's address")                                      \
  X(downstream_rq_time, Histogram, "Time from request to end of response in milliseconds")        \
  X(rs_too_large, Counter, "Responses refused because their body is too large")                   \
  X(no_route, Counter, "Requests without a route")                                                \
  X(no_cluster, Counter, "Requests whose route names an unknown cluster")                         \
  X(rq_total, Counter, "Requests routed")                                                         \
  X(rq_direct_response, Counter, "Requests answered by direct_response")                          \
  X(rq_redirect, Counter, "Requests answered by a redirect")                                      \
  X(rq_reset_after_downstream_response_started, Counter,                                          \
    "Requests reset after their response had started")                                            \
  X(rq_overload_local_reply, Counter, "Requests answered by the router because of overload")

#define OUTRIGGER_LISTENER_STATS(X)                                                       \
  X(downstream_cx_total, Counter, "Connections")                                          \
  X(downstream_cx_active, Gauge, "Connections open now")                                  \
  X(downstream_cx_destroy, Counter, "Connections closed")                                 \
  X(downstream_cx_overflow, Counter, "Connections refused by the listener's limit")       \
  X(downstream_cx_overload_reject, Counter, "Connections refused because of overload")    \
  X(downstream_global_cx_overflow, Counter, "Connections refused by the process's limit") \
  X(downstream_cx_transport_socket_connect_timeout, Counter, "Handshakes out of time")    \
  X(downstream_pre_cx_timeout, Counter,                                                   \
    "Connections closed because a listener filter took too long")                         \
  X(downstream_pre_cx_active, Gauge, "Connections in listener filters now")               \
  X(downstream_listener_filter_error, Counter,                                            \
    "Connections closed because a listener filter failed")                                \
  X(downstream_listener_filter_remote_close, Counter,                                     \
    "Connections closed by the peer in listener filters")                                 \
  X(no_filter_chain_match, Counter, "Connections that match no filter chain")             \
  X(connections_accepted_per_socket_event, Histogram, "Connections accepted at once")     \
  X(downstream_cx_length_ms, Histogram, "Life of a connection in milliseconds")

// TLS, of a listener ("listener.<address>.ssl.") or a cluster ("cluster.<name>.ssl.").
#define OUTRIGGER_TLS_STATS(X)                                                                 \
  X(connection_error, Counter, "Handshakes that failed, but for those that are counted below") \
  X(handshake, Counter, "Handshakes that succeeded")                                           \
  X(session_reused, Counter, "Handshakes that resumed a session")                              \
  X(no_certificate, Counter, "Handshakes that succeeded without a certificate of the peer")    \
  X(fail_verify_no_cert, Counter, "Handshakes that failed for want of a certificate")          \
  X(fail_verify_error, Counter, "Handshakes that failed because the peer is not trusted")      \
  X(fail_verify_san, Counter, "Handshakes that failed because of the peer's name")             \
  X(fail_verify_cert_hash, Counter, "Handshakes that failed because of the certificate's hash")

#define OUTRIGGER_WORKER_LISTENER_STATS(X)                   \
  X(downstream_cx_total, Counter, "Connections of a worker") \
  X(downstream_cx_active, Gauge, "Connections of a worker open now")

#define OUTRIGGER_CLUSTER_STATS(X)                                                                 \
  X(assignment_stale, Counter, "Assignments that went stale")                                      \
  X(assignment_timeout_received, Counter, "Assignments that came with a timeout")                  \
  X(bind_errors, Counter, "Failed binds of the source address")                                    \
  X(lb_healthy_panic, Counter, "Requests balanced in panic mode")                                  \
  X(lb_recalculate_zone_structures, Counter, "Times that zones were recalculated")                 \
  X(lb_subsets_active, Gauge, "Subsets now")                                                       \
  X(max_host_weight, Gauge, "Largest weight of a host")                                            \
  X(membership_change, Counter, "Changes of membership")                                           \
  X(membership_total, Gauge, "Hosts")                                                              \
  X(membership_healthy, Gauge, "Healthy hosts")                                                    \
  X(membership_degraded, Gauge, "Degraded hosts")                                                  \
  X(membership_excluded, Gauge, "Hosts left out of balancing")                                     \
  X(original_dst_host_invalid, Counter, "Original destinations that are no host")                  \
  X(retry_or_shadow_abandoned, Counter, "Retries and shadows given up because the buffer is full") \
  X(update_attempt, Counter, "Updates of membership tried")                                        \
  X(update_success, Counter, "Updates of membership that succeeded")                               \
  X(update_failure, Counter, "Updates of membership that failed")                                  \
  X(update_empty, Counter, "Updates of membership without a host")                                 \
  X(update_no_rebuild, Counter, "Updates of membership that changed nothing")                      \
  X(upstream_cx_total, Counter, "Connections")                                                     \
  X(upstream_cx_active, Gauge, "Connections open now")                                             \
  X(upstream_cx_http1_total, Counter, "HTTP/1 connections")                                        \
  X(upstream_cx_http2_total, Counter, "HTTP/2 connections")                                        \
  X(upstream_cx_connect_attempts_exceeded, Counter, "Connections given up after the last attempt") \
  X(upstream_cx_connect_fail, Counter, "Connections that failed")                                  \
  X(upstream_cx_connect_timeout, Counter, "Connections that ran over connect_timeout")             \
  X(upstream_cx_connect_ms, Histogram, "Time to connect in milliseconds")                          \
  X(upstream_cx_idle_timeout, Counter, "Connections closed because they were idle")                \
  X(upstream_cx_max_duration_reached, Counter, "Connections closed because of their age")          \
  X(upstream_cx_max_requests, Counter, "Connections closed because of their number of requests")   \
  X(upstream_cx_none_healthy, Counter, "Times that no host was healthy")                           \
  X(upstream_cx_overflow, Counter, "Times that the connection breaker was open")                   \
  X(upstream_cx_pool_overflow, Counter, "Times that the pool breaker was open")                    \
  X(upstream_cx_protocol_error, Counter, "Connections closed because the peer broke the protocol") \
  X(upstream_cx_close_notify, Counter, "Connections closed by GOAWAY or 'connection: close'")      \
  X(upstream_cx_destroy, Counter, "Connections closed")                                            \
  X(upstream_cx_destroy_local, Counter, "Connections closed by this side")                         \
  X(upstream_cx_destroy_remote, Counter, "Connections closed by the peer")                         \
  X(upstream_cx_destroy_with_active_rq, Counter, "Connections closed with a request open")         \
  X(upstream_cx_destroy_local_with_active_rq, Counter,                                             \
    "Connections closed by this side with a request open")                                         \
  X(upstream_cx_destroy_remote_with_active_rq, Counter,                                            \
    "Connections closed by the peer with a request open")                                          \
  X(upstream_cx_length_ms, Histogram, "Life of a connection in milliseconds")                      \
  X(upstream_cx_rx_bytes_total, Counter, "Bytes received")                                         \
  X(upstream_cx_rx_bytes_buffered, Gauge, "Bytes received and not yet handled")                    \
  X(upstream_cx_tx_bytes_total, Counter, "Bytes sent")                                             \
  X(upstream_cx_tx_bytes_buffered, Gauge, "Bytes waiting to be sent")                              \
  X(upstream_flow_control_backed_up_total, Counter, "Times that sending upstream was paused")      \
  X(upstream_flow_control_drained_total, Counter, "Times that sending upstream was resumed")       \
  X(upstream_flow_control_paused_reading_total, Counter, "Times that reading upstream was paused") \
  X(upstream_flow_control_resumed_reading_total, Counter,                                          \
    "Times that reading upstream was resumed")                                                     \
  X(upstream_rq_total, Counter, "Requests")                                                        \
  X(upstream_rq_active, Gauge, "Requests open now")                                                \
  X(upstream_rq_completed, Counter, "Requests that got a response")                                \
  X(upstream_rq_1xx, Counter, "Responses by class of status")                                      \
  X(upstream_rq_2xx, Counter, "Responses by class of status")                                      \
  X(upstream_rq_3xx, Counter, "Responses by class of status")                                      \
  X(upstream_rq_4xx, Counter, "Responses by class of status")                                      \
  X(upstream_rq_5xx, Counter, "Responses by class of status")                                      \
  X(upstream_rq_pending_total, Counter, "Requests that waited for a connection")                   \
  X(upstream_rq_pending_active, Gauge, "Requests that wait for a connection now")                  \
  X(upstream_rq_active_overflow, Counter, "Requests refused by max_requests")                      \
  X(upstream_rq_pending_overflow, Counter, "Requests refused by max_pending_requests")             \
  X(upstream_rq_pending_failure_eject, Counter, "Requests failed with their connection")           \
  X(upstream_rq_cancelled, Counter, "Requests cancelled before they got a connection")             \
  X(upstream_rq_maintenance_mode, Counter, "Requests refused by maintenance mode")                 \
  X(upstream_rq_timeout, Counter, "Requests that ran over the route's timeout")                    \
  X(upstream_rq_per_try_timeout, Counter, "Tries that ran over per_try_timeout")                   \
  X(upstream_rq_per_try_idle_timeout, Counter, "Tries that ran over per_try_idle_timeout")         \
  X(upstream_rq_max_duration_reached, Counter, "Requests that ran over max_stream_duration")       \
  X(upstream_rq_rx_reset, Counter, "Requests reset by the upstream")                               \
  X(upstream_rq_tx_reset, Counter, "Requests reset by this side")                                  \
  X(upstream_rq_retry, Counter, "Retries")                                                         \
  X(upstream_rq_retry_success, Counter, "Retries that succeeded")                                  \
  X(upstream_rq_retry_overflow, Counter, "Retries refused by a circuit breaker")                   \
  X(upstream_rq_retry_limit_exceeded, Counter, "Requests that spent their retries")                \
  X(upstream_rq_retry_backoff_exponential, Counter, "Retries after exponential backoff")           \
  X(upstream_rq_time, Histogram, "Time from request to end of response in milliseconds")           \
  X(upstream_internal_redirect_succeeded_total, Counter, "Redirects followed")                     \
  X(upstream_internal_redirect_failed_total, Counter, "Redirects passed on")

// One codec's, downstream ("http2.") or upstream ("cluster.<name>.http2.").
#define OUTRIGGER_HTTP2_STATS(X)                                                               \
  X(cookies_total_bytes_too_large, Counter, "Heads refused because of their cookies")          \
  X(dropped_headers_with_underscores, Counter, "Fields dropped because of their name")         \
  X(goaway_sent, Counter, "GOAWAY frames sent")                                                \
  X(header_list_size_too_large, Counter, "Heads that nghttp2 would not send")                  \
  X(header_overflow, Counter, "Heads refused because of their size or number of fields")       \
  X(headers_cb_no_stream, Counter, "Fields of a stream that is not there")                     \
  X(inbound_empty_frames_flood, Counter, "Connections ended because of empty frames")          \
  X(inbound_priority_frames_flood, Counter, "Connections ended because of PRIORITY frames")    \
  X(inbound_window_update_frames_flood, Counter,                                               \
    "Connections ended because of WINDOW_UPDATE frames")                                       \
  X(keepalive_timeout, Counter, "Connections ended because a keepalive PING was not answered") \
  X(metadata_empty_frames, Counter, "Empty METADATA frames")                                   \
  X(nghttp2_downstream_connections, Counter, "Downstream connections")                         \
  X(nghttp2_upstream_connections, Counter, "Upstream connections")                             \
  X(oghttp2_downstream_connections, Counter, "Downstream connections of another codec")        \
  X(oghttp2_upstream_connections, Counter, "Upstream connections of another codec")            \
  X(outbound_control_flood, Counter,                                                           \
    "Connections ended because their peer makes control frames and does not read them")        \
  X(outbound_flood, Counter,                                                                   \
    "Connections ended because their peer makes frames and does not read them")                \
  X(requests_rejected_with_underscores_in_headers, Counter,                                    \
    "Requests refused because of a field's name")                                              \
  X(rx_messaging_error, Counter, "Messages that break HTTP")                                   \
  X(rx_reset, Counter, "Streams reset by the peer")                                            \
  X(stream_refused_errors, Counter, "Streams refused by the peer")                             \
  X(trailers, Counter, "Messages with trailers")                                               \
  X(tx_flush_timeout, Counter, "Streams reset because their peer took nothing")                \
  X(tx_reset, Counter, "Streams reset by this side")                                           \
  X(deferred_stream_close, Gauge, "Streams whose close waits for their data")                  \
  X(outbound_control_frames_active, Gauge, "Control frames that wait to be sent")              \
  X(outbound_frames_active, Gauge, "Frames that wait to be sent")                              \
  X(pending_send_bytes, Gauge, "Bytes of bodies that wait to be sent")                         \
  X(streams_active, Gauge, "Streams open now")

#define OUTRIGGER_CIRCUIT_BREAKER_STATS(X)                                 \
  X(cx_open, Gauge, "1 while the connection breaker is open")              \
  X(cx_pool_open, Gauge, "1 while the pool breaker is open")               \
  X(rq_open, Gauge, "1 while the request breaker is open")                 \
  X(rq_pending_open, Gauge, "1 while the pending request breaker is open") \
  X(rq_retry_open, Gauge, "1 while the retry breaker is open")

// Of a breaker with track_remaining.
#define OUTRIGGER_BREAKER_REMAINING_STATS(X)                              \
  X(remaining_cx, Gauge, "Connections until the breaker opens")           \
  X(remaining_pending, Gauge, "Pending requests until the breaker opens") \
  X(remaining_rq, Gauge, "Requests until the breaker opens")              \
  X(remaining_retries, Gauge, "Retries until the breaker opens")

#define OUTRIGGER_SERVER_STATS(X)                                                      \
  X(live, Gauge, "1 while the server is up and not draining")                          \
  X(state, Gauge, "0 live, 1 draining, 2 before initialization, 3 initializing")       \
  X(uptime, Gauge, "Seconds since the start")                                          \
  X(concurrency, Gauge, "Data workers")                                                \
  X(version, Gauge, "The version as a number")                                         \
  X(memory_allocated, Gauge, "Bytes of memory in use")                                 \
  X(memory_heap_size, Gauge, "Bytes of memory reserved")                               \
  X(memory_physical_size, Gauge, "Bytes of memory resident")                           \
  X(total_connections, Gauge, "Downstream connections open now")                       \
  X(parent_connections, Gauge, "Connections of the old process of a hot restart")      \
  X(hot_restart_epoch, Gauge, "0: hot restart is not there")                           \
  X(stats_recent_lookups, Gauge, "Always 0")                                           \
  X(days_until_first_cert_expiring, Gauge, "Days until the first certificate expires") \
  X(static_unknown_fields, Counter, "Unknown fields in the bootstrap file")            \
  X(dynamic_unknown_fields, Counter, "Unknown fields received over xDS")               \
  X(initialization_time_ms, Histogram, "Time to start in milliseconds")

#define OUTRIGGER_LISTENER_TABLE_STATS(X)                                           \
  X(listener_added, Counter, "Listeners added")                                     \
  X(listener_modified, Counter, "Listeners changed")                                \
  X(listener_removed, Counter, "Listeners removed")                                 \
  X(listener_stopped, Counter, "Listeners stopped")                                 \
  X(listener_in_place_updated, Counter, "Listeners changed without a drain")        \
  X(listener_create_success, Counter, "Listeners that workers took over")           \
  X(listener_create_failure, Counter, "Listeners that workers could not take over") \
  X(total_listeners_active, Gauge, "Listeners now")                                 \
  X(total_listeners_warming, Gauge, "Listeners that warm up")                       \
  X(total_listeners_draining, Gauge, "Listeners that drain")                        \
  X(total_filter_chains_draining, Gauge, "Filter chains that drain")                \
  X(workers_started, Gauge, "1 once the workers run")

#define OUTRIGGER_CLUSTER_TABLE_STATS(X)                                      \
  X(cluster_added, Counter, "Clusters added")                                 \
  X(cluster_modified, Counter, "Clusters changed")                            \
  X(cluster_removed, Counter, "Clusters removed")                             \
  X(cluster_updated, Counter, "Changes that workers took over")               \
  X(cluster_updated_via_merge, Counter, "Changes that were merged into one")  \
  X(update_merge_cancelled, Counter, "Merged changes given up")               \
  X(update_out_of_merge_window, Counter, "Changes outside of a merge window") \
  X(active_clusters, Gauge, "Clusters now")                                   \
  X(warming_clusters, Gauge, "Clusters that warm up")

#define OUTRIGGER_SUBSCRIPTION_STATS(X)                                               \
  X(init_fetch_timeout, Counter, "First answers that came too late")                  \
  X(update_attempt, Counter, "Requests for an update")                                \
  X(update_success, Counter, "Updates taken")                                         \
  X(update_failure, Counter, "Updates that failed in the network")                    \
  X(update_rejected, Counter, "Updates refused")                                      \
  X(update_time, Gauge, "When the last update was taken, in milliseconds since 1970") \
  X(version, Gauge, "Hash of the last update's version")                              \
  X(update_duration, Histogram, "Time to take an update in milliseconds")
