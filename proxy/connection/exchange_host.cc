// Where an exchange goes: its cluster, and the host that the cluster's load balancer chooses.
#include "proxy/connection/exchange.h"
#include "proxy/router/hash_policy.h"

namespace outrigger::proxy {

bool Exchange::PickHost() {
  UpstreamCluster* cluster = shard_.upstreams.Find(selection_.cluster);
  if (!cluster) {
    shard_.stats.Inc(options_.stats.no_cluster);
    LocalReply reply = ReplyFor({ErrorCode::kNoCluster}, "", down_.arena);
    reply.status = selection_.action->cluster_not_found_status;
    record_.flags.Set(reply.flags);
    Reply(reply);
    return false;
  }
  upstream_ = cluster->view();
  record_.upstream_cluster = this->cluster().name;
  PickCriteria context{.random = shard_.random, .hash = RequestHash()};
  const RetryPolicy* policy = selection_.action->retry_policy.get();
  const bool avoids = policy && policy->avoid_previous_hosts;
  if (avoids && !tried_.empty()) {
    context.avoid = tried_;
    context.attempts = policy->host_selection_max_attempts;
  }
  pool_ = cluster->Pick(context);
  if (!pool_) {
    shard_.stats.Inc(this->cluster().stats.upstream_cx_none_healthy);
    ReplyError(ErrorCode::kNoHealthyHost);
    return false;
  }
  if (avoids) tried_.push_back(pool_->host_ptr());
  pending_.high_priority = selection_.action->high_priority;
  pending_.http2 = this->cluster().UsesHttp2(down_.http_version() == 20);
  // Copied: a logical host may move on before this exchange is logged.
  record_.upstream_host = down_.arena.Copy(pool_->host().address.text);
  return true;
}

std::optional<uint64_t> Exchange::RequestHash() {
  const auto& policies = selection_.action->hash_policies;
  if (policies.empty() || !cluster().lb.hashes()) return std::nullopt;
  // Of the request as it came: another attempt goes by the same key.
  if (!hash_) {
    const Address& peer = connection_.peer_address();
    const std::string direct_ip = client_ip_.empty() && peer.is_ip() ? peer.ip() : "";
    const std::string_view client = client_ip_.empty() ? direct_ip : client_ip_;
    hash_ =
        HashOf(policies, down_.headers, {peer, connection_.local_address(), client}, set_cookies_);
  }
  return *hash_;
}

void Exchange::AddCookies(Headers& response) const {
  for (const std::string& cookie : set_cookies_) response.Add("set-cookie", cookie);
}

}  // namespace outrigger::proxy
