// SPDX-License-Identifier: Apache-2.0
#include "app/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "app/config_keys.h"
#include "app/toml_file.h"

extern char** environ;

namespace jb::app {
namespace {

constexpr std::string_view kEnvironmentPrefix = "JBCALLING_";
constexpr std::string_view kMask = "***";

Failure<Error> Bad(const std::string& source, std::string_view key, const std::string& what) {
  return Fail("bad_config", source + ": " + std::string(key) + ": " + what);
}

// "JBCALLING_GATEWAY_TLS_CERT" of "gateway.tls_cert".
std::string EnvironmentName(std::string_view key) {
  std::string name(kEnvironmentPrefix);
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return name;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

// The value as the field wants it, or what it expected.
std::string Assign(std::string& field, const TomlValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (!text) return "expected text";
  field = *text;
  return "";
}
template <class Number>
std::string Assign(Number& field, const TomlValue& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (!number) return "expected a whole number";
  if (!std::in_range<Number>(*number)) return "number out of range";
  field = static_cast<Number>(*number);
  return "";
}
std::string Assign(std::vector<std::string>& field, const TomlValue& value) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
    field = *list;
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    field = SplitList(*text);
  } else {
    return "expected a list of texts";
  }
  return "";
}

std::vector<std::string> ValuesOf(const std::string& field) { return {field}; }
std::vector<std::string> ValuesOf(const std::vector<std::string>& field) { return field; }
template <class Number>
  requires std::is_integral_v<Number>
std::vector<std::string> ValuesOf(const Number& field) {
  return {std::to_string(field)};
}

Status<> Set(Config& config, const ConfigKey& key, const TomlValue& value, const std::string& source) {
  return std::visit(
      [&](auto locate) -> Status<> {
        auto& field = *locate(config);
        const std::string wrong_type = Assign(field, value);
        if (!wrong_type.empty()) return Bad(source, key.name, wrong_type);
        if (!key.check) return kOk;
        for (const std::string& item : ValuesOf(field)) {
          const std::string complaint = key.check(item);
          const std::string shown = key.secret == Secret::kNo ? ", not '" + item + "'" : "";
          if (!complaint.empty()) return Bad(source, key.name, complaint + shown);
        }
        return kOk;
      },
      key.field);
}

// From the environment and from flags everything is text.
Status<> SetFromText(Config& config, const ConfigKey& key, const std::string& text, const std::string& source) {
  const bool is_number = !std::holds_alternative<std::string* (*)(Config&)>(key.field) &&
                         !std::holds_alternative<std::vector<std::string>* (*)(Config&)>(key.field);
  if (!is_number) return Set(config, key, text, source);
  std::int64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) {
    return Bad(source, key.name, "expected a whole number, not '" + text + "'");
  }
  return Set(config, key, number, source);
}

// "[gateway]" with nothing below it: a section of ours that sets nothing.
bool IsEmptySection(const TomlEntry& entry) {
  const auto* other = std::get_if<TomlOther>(&entry.value);
  if (!other || other->type != "table") return false;
  return std::any_of(ConfigKeys().begin(), ConfigKeys().end(),
                     [&](const ConfigKey& key) { return key.name.starts_with(entry.key + "."); });
}

Status<> ApplyFile(Config& config, const std::string& path) {
  JB_TRY(const auto entries, ReadTomlFile(path));
  for (const TomlEntry& entry : entries) {
    const std::string source = path + ":" + std::to_string(entry.line);
    const ConfigKey* key = FindConfigKey(entry.key);
    if (!key && IsEmptySection(entry)) continue;
    if (!key) return Bad(source, entry.key, "unknown key");
    JB_TRY_VOID(Set(config, *key, entry.value, source));
  }
  return kOk;
}

Status<> ApplyEnvironment(Config& config, const ConfigSources& sources) {
  for (const auto& [name, value] : sources.environment) {
    if (!name.starts_with(kEnvironmentPrefix)) continue;
    const ConfigKey* found = nullptr;
    for (const ConfigKey& key : ConfigKeys()) {
      if (EnvironmentName(key.name) == name) found = &key;
    }
    if (!found) return Bad("environment", name, "unknown key");
    JB_TRY_VOID(SetFromText(config, *found, value, "environment " + name));
  }
  return kOk;
}

Status<> ApplySets(Config& config, const std::vector<std::string>& sets) {
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos) return Bad("--set", set, "expected key=value");
    const std::string name = set.substr(0, equals);
    const ConfigKey* key = FindConfigKey(name);
    if (!key) return Bad("--set", name, "unknown key");
    JB_TRY_VOID(SetFromText(config, *key, set.substr(equals + 1), "--set"));
  }
  return kOk;
}

// What single keys cannot tell.
Status<> CheckTogether(const Config& config) {
  if (config.gateway.tls_cert.empty() != config.gateway.tls_key.empty()) {
    return Bad("configuration", "gateway.tls_cert", "needs gateway.tls_key, and the other way round");
  }
  if (config.media.port_min > config.media.port_max) {
    return Bad("configuration", "media.port_min", "is above media.port_max");
  }
  if (config.media.listen.empty()) return Bad("configuration", "media.listen", "names no address");
  const int ports = config.media.port_max - config.media.port_min + 1;
  if (config.gateway.workers > ports) {
    return Bad("configuration", "gateway.workers", "more workers than media ports (" + std::to_string(ports) + ")");
  }
  for (const std::string& url : config.turn.urls) {
    if (url.starts_with("turn") && config.turn.secret.empty()) {
      return Bad("configuration", "turn.secret", "is needed by " + url);
    }
  }
  return kOk;
}

std::string Quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(c));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Masked(const std::string& text, Secret secret) {
  if (secret == Secret::kNo || text.empty()) return text;
  if (secret == Secret::kWhole) return std::string(kMask);
  const std::size_t at = text.rfind('@');  // redis://user:password@host
  const std::size_t start = text.find("://");
  if (at == std::string::npos || start == std::string::npos || at < start) return text;
  return text.substr(0, start + 3) + std::string(kMask) + text.substr(at);
}

std::string ToToml(const std::string& field, Secret secret) { return Quote(Masked(field, secret)); }
std::string ToToml(const std::vector<std::string>& field, Secret secret) {
  std::string out = "[";
  for (const std::string& item : field) out += (out.size() > 1 ? ", " : "") + Quote(Masked(item, secret));
  return out + "]";
}
template <class Number>
  requires std::is_integral_v<Number>
std::string ToToml(const Number& field, Secret) {
  return std::to_string(field);
}

}  // namespace

std::string ServiceUrl(const SpeechServiceConfig& service) {
  // Paths are appended to it.
  if (!service.url.empty()) return service.url.substr(0, service.url.find_last_not_of('/') + 1);
  return "http://127.0.0.1:" + std::to_string(service.port);
}

Result<Config> LoadConfig(const ConfigSources& sources) {
  Config config;
  if (sources.file) {
    JB_TRY_VOID(ApplyFile(config, *sources.file));
  }
  JB_TRY_VOID(ApplyEnvironment(config, sources));
  JB_TRY_VOID(ApplySets(config, sources.sets));
  JB_TRY_VOID(CheckTogether(config));
  return config;
}

std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = std::min(text.find('='), text.size());
    out.emplace_back(text.substr(0, equals), text.substr(std::min(equals + 1, text.size())));
  }
  return out;
}

std::string PrintConfig(const Config& config) {
  Config copy = config;
  std::string out, section;
  for (const ConfigKey& key : ConfigKeys()) {
    const std::size_t dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      out += (out.empty() ? "[" : "\n[") + section + "]\n";
    }
    out += "# " + std::string(key.help) + "\n" + std::string(key.name.substr(dot + 1)) + " = ";
    out += std::visit([&](auto locate) { return ToToml(*locate(copy), key.secret); }, key.field) + "\n";
  }
  return out;
}

std::string SetFlag(const Config& config, const std::string& name) {
  const ConfigKey* key = FindConfigKey(name);
  JB_CHECK(key);
  Config copy = config;
  std::string values;
  for (const std::string& item : std::visit([&](auto locate) { return ValuesOf(*locate(copy)); }, key->field)) {
    values += (values.empty() ? "" : ",") + item;
  }
  return name + "=" + values;
}

}  // namespace jb::app
