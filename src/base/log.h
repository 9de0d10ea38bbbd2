// SPDX-License-Identifier: Apache-2.0
// Structured one-line events: Log(LogLevel::kInfo, "room created", {{"room", id}}).
// Cores do not log; shells do. No transcript, token or address above debug. Anything a stranger can
// trigger per packet is a counter instead. Any thread; lines do not interleave.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace jb {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogField {
  std::string_view key;
  std::string value;
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  template <class N>
    requires std::is_arithmetic_v<N>
  LogField(std::string_view k, N v) : key(k), value(std::to_string(v)) {}
};

// Process-wide; set once at start.
void SetLog(LogLevel least, LogFormat format, std::string_view service);
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace jb
