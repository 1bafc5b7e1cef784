#include "control/resources/tls.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "proxy/config/matcher.h"
#include "proxy/router/matcher.h"

namespace outrigger::control {
namespace {

namespace core = envoy::config::core::v3;
namespace v3 = envoy::extensions::transport_sockets::tls::v3;
using envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
using proxy::SanMatcher;
using proxy::TlsConfig;
using proxy::TlsSide;
using proxy::TlsVersion;

constexpr size_t kLargestFile = 4 << 20;  // an operating system's bundle of authorities fits

// "…certificate_chain.filename: /etc/cert.pem: what is wrong"; of inline ones nothing is shown.
absl::Status InSource(const core::DataSource& source, const FieldPath& path,
                      const absl::Status& status) {
  if (status.ok()) return status;
  const std::string_view what{status.message().data(), status.message().size()};
  if (source.specifier_case() != core::DataSource::kFilename) return path.Error(what);
  return path["filename"].Error(absl::StrFormat("%s: %s", source.filename(), what));
}

absl::Status At(const FieldPath& path, const absl::Status& status) {
  return status.ok() ? status : path.Error({status.message().data(), status.message().size()});
}

std::vector<std::string> ToVector(const google::protobuf::RepeatedPtrField<std::string>& list) {
  return {list.begin(), list.end()};
}

absl::StatusOr<TlsVersion> ToVersion(v3::TlsParameters::TlsProtocol version, TlsVersion automatic,
                                     const FieldPath& path) {
  switch (version) {
    case v3::TlsParameters::TLS_AUTO:
      return automatic;
    case v3::TlsParameters::TLSv1_0:
      return TlsVersion::k1_0;
    case v3::TlsParameters::TLSv1_1:
      return TlsVersion::k1_1;
    case v3::TlsParameters::TLSv1_2:
      return TlsVersion::k1_2;
    case v3::TlsParameters::TLSv1_3:
      return TlsVersion::k1_3;
    default:
      return path.Error("value must be one of the defined enum values");
  }
}

absl::Status ParseParameters(const v3::TlsParameters& proto, const FieldPath& path, TlsConfig& to) {
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(proto, path,
                {"tls_minimum_protocol_version", "tls_maximum_protocol_version", "cipher_suites",
                 "ecdh_curves"}));
  const TlsVersion newest = to.side() == TlsSide::kServer ? TlsVersion::k1_3 : TlsVersion::k1_2;
  OUTRIGGER_ASSIGN_OR_RETURN(const TlsVersion least,
                             ToVersion(proto.tls_minimum_protocol_version(), TlsVersion::k1_2,
                                       path["tls_minimum_protocol_version"]));
  OUTRIGGER_ASSIGN_OR_RETURN(const TlsVersion most,
                             ToVersion(proto.tls_maximum_protocol_version(), newest,
                                       path["tls_maximum_protocol_version"]));
  OUTRIGGER_RETURN_IF_ERROR(At(path, to.SetVersions(least, most)));
  if (!proto.cipher_suites().empty()) {
    OUTRIGGER_RETURN_IF_ERROR(
        At(path["cipher_suites"], to.SetCipherSuites(ToVector(proto.cipher_suites()))));
  }
  if (!proto.ecdh_curves().empty()) {
    OUTRIGGER_RETURN_IF_ERROR(At(path["ecdh_curves"], to.SetCurves(ToVector(proto.ecdh_curves()))));
  }
  return absl::OkStatus();
}

absl::Status ParseCertificate(const v3::TlsCertificate& proto, const FieldPath& path,
                              TlsConfig& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(proto, path, {"certificate_chain", "private_key"}));
  const FieldPath chain_path = path["certificate_chain"], key_path = path["private_key"];
  OUTRIGGER_ASSIGN_OR_RETURN(const std::string chain,
                             ReadDataSource(proto.certificate_chain(), chain_path, kLargestFile));
  OUTRIGGER_RETURN_IF_ERROR(
      InSource(proto.certificate_chain(), chain_path, to.SetCertificate(chain)));
  OUTRIGGER_ASSIGN_OR_RETURN(const std::string key,
                             ReadDataSource(proto.private_key(), key_path, kLargestFile));
  return InSource(proto.private_key(), key_path, to.SetPrivateKey(key));
}

absl::StatusOr<SanMatcher> ParseSan(SanMatcher::Type type,
                                    const envoy::type::matcher::v3::StringMatcher& proto,
                                    const FieldPath& path) {
  OUTRIGGER_ASSIGN_OR_RETURN(proxy::StringMatcher matcher, proxy::ParseStringMatcher(proto, path));
  SanMatcher to{.type = type};
  if (type == SanMatcher::Type::kDns && matcher.kind == proxy::StringMatcher::Kind::kExact) {
    to.exact_dns = matcher.text;
  }
  to.matches = [matcher = std::move(matcher)](std::string_view name) {
    return proxy::Matches(matcher, name);
  };
  return to;
}

absl::StatusOr<SanMatcher::Type> ToSanType(v3::SubjectAltNameMatcher::SanType type,
                                           const FieldPath& path) {
  switch (type) {
    case v3::SubjectAltNameMatcher::EMAIL:
      return SanMatcher::Type::kEmail;
    case v3::SubjectAltNameMatcher::DNS:
      return SanMatcher::Type::kDns;
    case v3::SubjectAltNameMatcher::URI:
      return SanMatcher::Type::kUri;
    case v3::SubjectAltNameMatcher::IP_ADDRESS:
      return SanMatcher::Type::kIp;
    case v3::SubjectAltNameMatcher::OTHER_NAME:
      return path.NotSupported("OTHER_NAME", "EMAIL, DNS, URI and IP_ADDRESS are");
    default:
      return path.Error("value must be EMAIL, DNS, URI or IP_ADDRESS");
  }
}

absl::Status ParseSans(const v3::CertificateValidationContext& proto, const FieldPath& path,
                       proxy::PeerVerifier& to) {
  for (int i = 0; i < proto.match_typed_subject_alt_names_size(); ++i) {
    const auto& typed = proto.match_typed_subject_alt_names(i);
    const FieldPath place = path.At("match_typed_subject_alt_names", i);
    OUTRIGGER_RETURN_IF_ERROR(AllowOnly(typed, place, {"san_type", "matcher"}));
    OUTRIGGER_ASSIGN_OR_RETURN(const SanMatcher::Type type,
                               ToSanType(typed.san_type(), place["san_type"]));
    OUTRIGGER_ASSIGN_OR_RETURN(SanMatcher matcher,
                               ParseSan(type, typed.matcher(), place["matcher"]));
    to.AddSan(std::move(matcher));
  }
  // The older form says nothing of the kind of name: each of them may fit.
  if (!proto.match_typed_subject_alt_names().empty()) return absl::OkStatus();
  for (int i = 0; i < proto.match_subject_alt_names_size(); ++i) {
    const FieldPath place = path.At("match_subject_alt_names", i);
    for (const SanMatcher::Type type : {SanMatcher::Type::kDns, SanMatcher::Type::kUri,
                                        SanMatcher::Type::kEmail, SanMatcher::Type::kIp}) {
      OUTRIGGER_ASSIGN_OR_RETURN(SanMatcher matcher,
                                 ParseSan(type, proto.match_subject_alt_names(i), place));
      to.AddSan(std::move(matcher));
    }
  }
  return absl::OkStatus();
}

absl::Status ParseValidation(const v3::CertificateValidationContext& proto, const FieldPath& path,
                             proxy::PeerVerifier& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path,
      {"trusted_ca", "verify_certificate_hash", "verify_certificate_spki", "crl",
       "allow_expired_certificate", "match_subject_alt_names", "only_verify_leaf_cert_crl",
       "match_typed_subject_alt_names", "max_verify_depth"}));
  if (proto.has_trusted_ca()) {
    const FieldPath place = path["trusted_ca"];
    OUTRIGGER_ASSIGN_OR_RETURN(const std::string pem,
                               ReadDataSource(proto.trusted_ca(), place, kLargestFile));
    OUTRIGGER_RETURN_IF_ERROR(InSource(proto.trusted_ca(), place, to.TrustAuthorities(pem)));
  }
  if (proto.has_crl()) {
    const FieldPath place = path["crl"];
    OUTRIGGER_ASSIGN_OR_RETURN(const std::string pem,
                               ReadDataSource(proto.crl(), place, kLargestFile));
    OUTRIGGER_RETURN_IF_ERROR(InSource(proto.crl(), place, to.AddRevocations(pem)));
  }
  for (int i = 0; i < proto.verify_certificate_hash_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(At(path.At("verify_certificate_hash", i),
                                 to.AddCertificateHash(proto.verify_certificate_hash(i))));
  }
  for (int i = 0; i < proto.verify_certificate_spki_size(); ++i) {
    OUTRIGGER_RETURN_IF_ERROR(
        At(path.At("verify_certificate_spki", i), to.AddKeyHash(proto.verify_certificate_spki(i))));
  }
  if (proto.only_verify_leaf_cert_crl()) to.RevokeLeafOnly();
  if (proto.allow_expired_certificate()) to.AllowExpired();
  if (proto.has_max_verify_depth()) {
    uint32_t depth = 0;
    OUTRIGGER_READ(proto, path, max_verify_depth, depth, 0, 100);
    to.SetMaxDepth(depth);
  }
  if (!to.trusts()) {
    if (proto.match_typed_subject_alt_names_size() + proto.match_subject_alt_names_size() > 0) {
      return path.Error(
          "SAN-based verification of peer certificates without trusted CA is insecure and not "
          "allowed: set trusted_ca");
    }
    if (proto.has_crl()) return path["crl"].Error("a CRL needs trusted_ca");
    if (proto.allow_expired_certificate()) {
      return path["allow_expired_certificate"].Error("needs trusted_ca");
    }
  }
  return ParseSans(proto, path, to);
}

absl::Status ParseShared(const v3::CommonTlsContext& proto, const FieldPath& path, TlsConfig& to) {
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(
      proto, path, {"tls_params", "tls_certificates", "validation_context", "alpn_protocols"}));
  OUTRIGGER_RETURN_IF_ERROR(ParseParameters(proto.tls_params(), path["tls_params"], to));
  if (proto.tls_certificates_size() > 1) {
    return path.At("tls_certificates", 1).NotSupported("a second certificate", "");
  }
  if (proto.tls_certificates_size() == 1) {
    OUTRIGGER_RETURN_IF_ERROR(
        ParseCertificate(proto.tls_certificates(0), path.At("tls_certificates", 0), to));
  }
  OUTRIGGER_RETURN_IF_ERROR(
      ParseValidation(proto.validation_context(), path["validation_context"], to.verifier()));
  return At(path["alpn_protocols"], to.SetAlpn(ToVector(proto.alpn_protocols())));
}

bool IsRaw(const core::TransportSocket& proto) { return proto.typed_config().Is<RawBuffer>(); }

absl::Status Unknown(const core::TransportSocket& proto, const FieldPath& path,
                     std::string_view message) {
  return path.NotSupported(absl::StrFormat("transport socket \"%s\" with type URL \"%s\"",
                                           proto.name(), proto.typed_config().type_url()),
                           absl::StrFormat("use a %s, or leave it out for plain TCP", message));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TlsConfig>> ParseDownstreamTransport(
    const core::TransportSocket& proto, const FieldPath& path, std::string_view address,
    ResourceInputs& inputs) {
  if (IsRaw(proto)) return nullptr;
  if (!proto.typed_config().Is<v3::DownstreamTlsContext>()) {
    return Unknown(proto, path, "DownstreamTlsContext");
  }
  const FieldPath place = path["typed_config"], shared = place["common_tls_context"];
  OUTRIGGER_ASSIGN_OR_RETURN(const auto tls,
                             Unpack<v3::DownstreamTlsContext>(proto.typed_config(), place));
  OUTRIGGER_RETURN_IF_ERROR(
      AllowOnly(tls, place, {"common_tls_context", "require_client_certificate"}));
  auto to = std::make_shared<TlsConfig>(TlsSide::kServer,
                                        proxy::TlsStats::MakeDownstream(inputs.stats, address));
  OUTRIGGER_RETURN_IF_ERROR(ParseShared(tls.common_tls_context(), shared, *to));
  if (!to->has_certificate()) {
    return shared["tls_certificates"].Error("no TLS certificates found for server context");
  }
  if (tls.require_client_certificate().value()) {
    // Else anybody's would do, and be forwarded as who he is.
    if (!to->verifier().checks()) {
      return shared["validation_context"].Error(
          "require_client_certificate needs trusted_ca, verify_certificate_hash or "
          "verify_certificate_spki: without, any certificate would be let in");
    }
    to->RequireCertificate();
  }
  to->Finish();
  return to;
}

absl::StatusOr<std::shared_ptr<const TlsConfig>> ParseUpstreamTransport(
    const core::TransportSocket& proto, const FieldPath& path, std::string_view cluster,
    std::string_view protocol, ResourceInputs& inputs) {
  if (IsRaw(proto)) return nullptr;
  if (!proto.typed_config().Is<v3::UpstreamTlsContext>()) {
    return Unknown(proto, path, "UpstreamTlsContext");
  }
  const FieldPath place = path["typed_config"];
  OUTRIGGER_ASSIGN_OR_RETURN(const auto tls,
                             Unpack<v3::UpstreamTlsContext>(proto.typed_config(), place));
  OUTRIGGER_RETURN_IF_ERROR(AllowOnly(tls, place, {"common_tls_context", "sni"}));
  if (tls.sni().size() > 255) return place["sni"].Error("value must be at most 255 bytes");
  auto to = std::make_shared<TlsConfig>(TlsSide::kClient,
                                        proxy::TlsStats::MakeUpstream(inputs.stats, cluster));
  OUTRIGGER_RETURN_IF_ERROR(
      ParseShared(tls.common_tls_context(), place["common_tls_context"], *to));
  if (to->alpn().empty()) OUTRIGGER_RETURN_IF_ERROR(to->SetAlpn({std::string(protocol)}));
  to->SetServerName(tls.sni());
  to->Finish();
  return to;
}

}  // namespace outrigger::control
