// SPDX-License-Identifier: Apache-2.0
#include "app/config_keys.h"

#include <charconv>

#include "base/socket_address.h"
#include "io/url.h"

namespace jb::app {
namespace {

using Strings = std::vector<std::string>;

template <long kLow, long kHigh>
std::string Between(std::string_view text) {
  long value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  if (value >= kLow && value <= kHigh) return "";
  return "expected " + std::to_string(kLow) + " to " + std::to_string(kHigh);
}

std::string Port(std::string_view text) { return Between<1, 65535>(text); }

std::string Address(std::string_view text) {
  return SocketAddress::Parse(text, 0) ? "" : "expected an IPv4 or IPv6 address";
}

std::string Host(std::string_view text) { return text == "localhost" ? "" : Address(text); }

std::string HttpUrl(std::string_view text) {
  if (text.empty()) return "";
  const auto url = io::ParseUrl(text);
  return url && url->scheme.starts_with("http") ? "" : "expected an http:// or https:// URL";
}

std::string RedisUrl(std::string_view text) {
  const bool good = text.empty() || text.starts_with("redis://") || text.starts_with("rediss://");
  return good ? "" : "expected a redis:// or rediss:// URL";
}

std::string Origin(std::string_view text) {
  if (text == "*") return "";
  const auto url = io::ParseUrl(text);
  const bool good = url && url->scheme.starts_with("http") && url->target == "/" && !text.ends_with('/');
  return good ? "" : "expected an origin such as https://calls.example.org";
}

std::string IceUrl(std::string_view text) {
  for (const char* scheme : {"stun:", "stuns:", "turn:", "turns:"}) {
    if (text.starts_with(scheme) && text.size() > std::string_view(scheme).size()) return "";
  }
  return "expected a stun:, turn: or turns: URL";
}

std::string LogLevelName(std::string_view text) {
  for (const char* name : {"debug", "info", "warn", "error"}) {
    if (text == name) return "";
  }
  return "expected debug, info, warn or error";
}

std::string LogFormatName(std::string_view text) {
  return text == "text" || text == "json" ? "" : "expected text or json";
}

std::string NotEmpty(std::string_view text) { return text.empty() ? "must not be empty" : ""; }

#define JB_FIELD(type, member) ConfigField(+[](Config& c) -> type* { return &c.member; })
#define JB_SERVICE_KEYS(s, what)                                                                                   \
  {#s ".url", JB_FIELD(std::string, s.url), "where the gateway finds " what "; empty: on this machine", HttpUrl},  \
      {#s ".host", JB_FIELD(std::string, s.host), "address that " what " listens on", Host},                       \
      {#s ".port", JB_FIELD(std::uint16_t, s.port), "port that " what " listens on", Port},                        \
      {#s ".backend", JB_FIELD(std::string, s.backend), "which engine; auto: the best that is there", NotEmpty}, { \
    #s ".concurrency", JB_FIELD(int, s.concurrency), "requests and streams at once; more are answered 429",        \
        Between<1, 1024>                                                                                           \
  }

const ConfigKey kKeys[] = {
    {"gateway.host", JB_FIELD(std::string, gateway.host), "address of the web app and API; :: for IPv6 and IPv4", Host},
    {"gateway.port", JB_FIELD(std::uint16_t, gateway.port), "port of the web app and API", Port},
    {"gateway.tls_cert", JB_FIELD(std::string, gateway.tls_cert), "PEM file; with it the gateway speaks HTTPS"},
    {"gateway.tls_key", JB_FIELD(std::string, gateway.tls_key), "PEM file with the key of tls_cert"},
    {"gateway.workers", JB_FIELD(int, gateway.workers), "media threads; 0: one per core", Between<0, 256>},
    {"gateway.worker_full", JB_FIELD(int, gateway.worker_full),
     "percent of a core above which a media worker takes nobody more, and a room of 8 or more spans workers",
     Between<1, 100>},
    {"gateway.allowed_origins", JB_FIELD(Strings, gateway.allowed_origins),
     "web origins besides our own that may open Socket.IO", Origin},
    {"gateway.connections_per_address", JB_FIELD(int, gateway.connections_per_address),
     "open connections of one IPv4 address or IPv6 /64; 0: any number, as behind a proxy on another machine",
     Between<0, 1'000'000>},
    {"gateway.web_dir", JB_FIELD(std::string, gateway.web_dir), "the built web app; empty: found beside the binary"},
    {"media.port_min", JB_FIELD(std::uint16_t, media.port_min), "first media port, UDP and TCP; one per worker", Port},
    {"media.port_max", JB_FIELD(std::uint16_t, media.port_max), "last media port", Port},
    {"media.listen", JB_FIELD(Strings, media.listen), "addresses that media listens on", Address},
    {"media.announce", JB_FIELD(Strings, media.announce),
     "addresses told to browsers; empty: this machine's own. Behind NAT: the public one", Address},
    JB_SERVICE_KEYS(stt, "speech recognition"),
    JB_SERVICE_KEYS(translation, "translation"),
    JB_SERVICE_KEYS(tts, "speech synthesis"),
    {"models.dir", JB_FIELD(std::string, models.dir), "folder of model checkpoints"},
    {"redis.url", JB_FIELD(std::string, redis.url), "shared state of a cluster; empty: one machine", RedisUrl,
     Secret::kUrlPassword},
    {"turn.urls", JB_FIELD(Strings, turn.urls), "STUN and TURN servers told to browsers", IceUrl},
    {"turn.secret", JB_FIELD(std::string, turn.secret), "shared secret of the TURN servers (REST API credentials)",
     nullptr, Secret::kWhole},
    {"log.level", JB_FIELD(std::string, log.level), "debug, info, warn or error", LogLevelName},
    {"log.format", JB_FIELD(std::string, log.format), "text or json", LogFormatName},
};

#undef JB_SERVICE_KEYS
#undef JB_FIELD

}  // namespace

std::span<const ConfigKey> ConfigKeys() { return kKeys; }

const ConfigKey* FindConfigKey(std::string_view name) {
  for (const ConfigKey& key : kKeys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

}  // namespace jb::app
