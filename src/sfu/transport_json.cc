// SPDX-License-Identifier: Apache-2.0
#include "sfu/transport_json.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "sfu/ortc_internal.h"

namespace jb::sfu {
namespace {

constexpr std::size_t kMaxFingerprints = 16;
constexpr int kTopLocalPreference = 10'000;  // mediasoup's, minus 100 per address

struct HashSize {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<HashSize, 5> kHashes{
    {{"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}}};

// "AB:CD:…" of exactly `bytes` bytes (RFC 8122 section 5).
bool IsFingerprintValue(std::string_view value, std::size_t bytes) {
  if (value.size() != bytes * 3 - 1) return false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool fits = i % 3 == 2 ? value[i] == ':' : std::isxdigit(static_cast<unsigned char>(value[i])) != 0;
    if (!fits) return false;
  }
  return true;
}

// RFC 8445 section 5.1.2.1 with mediasoup's numbers: type preference 64, component 1.
std::int64_t Priority(std::size_t index) {
  const int step = static_cast<int>(std::min<std::size_t>(index, 99));
  return (std::int64_t{1} << 24) * 64 + 256 * (kTopLocalPreference - 100 * step) + 255;
}

}  // namespace

json::object IceParametersJson(const IceCredentials& credentials) {
  return {{"usernameFragment", credentials.username_fragment}, {"password", credentials.password}, {"iceLite", true}};
}

json::array IceCandidatesJson(const std::vector<IceCandidateAddress>& announced) {
  json::array out;
  for (std::size_t i = 0; i < announced.size(); ++i) {
    const bool tcp = announced[i].protocol == TransportProtocol::kTcp;
    const std::string address = announced[i].address.ip_text();
    json::object candidate{{"foundation", tcp ? "tcpcandidate" : "udpcandidate"},
                           {"priority", Priority(i)},
                           {"address", address},
                           {"ip", address},
                           {"protocol", tcp ? "tcp" : "udp"},
                           {"port", announced[i].address.port},
                           {"type", "host"}};
    if (tcp) candidate["tcpType"] = "passive";
    out.push_back(std::move(candidate));
  }
  return out;
}

json::object DtlsParametersJson(const std::string& fingerprint_sha256) {
  return {{"role", "auto"},
          {"fingerprints", json::array{json::object{{"algorithm", "sha-256"}, {"value", fingerprint_sha256}}}}};
}

Result<RemoteDtlsParameters> ParseDtlsParameters(const json::value& from) {
  RemoteDtlsParameters out;
  const std::string_view role = GetString(from, "role").value_or("auto");
  if (role != "client" && role != "server" && role != "auto") {
    return Fail("invalid_parameters", "dtlsParameters.role must be client, server or auto");
  }
  out.our_role = role == "client" ? crypto::DtlsRole::kServer : crypto::DtlsRole::kClient;
  const json::array* fingerprints = GetArray(from, "fingerprints");
  if (!fingerprints || fingerprints->empty() || fingerprints->size() > kMaxFingerprints) {
    return Fail("invalid_parameters", "dtlsParameters.fingerprints must be a short array");
  }
  const auto algorithm = GetString(fingerprints->front(), "algorithm");
  const auto value = GetString(fingerprints->front(), "value");
  const auto hash = std::find_if(kHashes.begin(), kHashes.end(), [&](const HashSize& h) {
    return algorithm && EqualsIgnoringCase(*algorithm, h.name);
  });
  if (hash == kHashes.end()) return Fail("invalid_parameters", "the fingerprint's algorithm is not supported");
  if (!value || !IsFingerprintValue(*value, hash->bytes)) {
    return Fail("invalid_parameters", "the fingerprint's value does not fit its algorithm");
  }
  out.fingerprint = {std::string(*algorithm), std::string(*value)};
  return out;
}

}  // namespace jb::sfu
