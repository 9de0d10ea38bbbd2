// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <mutex>

namespace jb {
namespace {

std::atomic<LogLevel> g_least{LogLevel::kInfo};
LogFormat g_format = LogFormat::kText;
std::string g_service = "jbcalling";
std::mutex g_output;

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

std::string Timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(ms));
  return text;
}

std::string Quoted(std::string_view s) { return boost::json::serialize(boost::json::value(s)); }

std::string JsonLine(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":\"" + Timestamp() + "\",\"level\":\"";
  line += kNames[static_cast<int>(level)];
  line += "\",\"service\":" + Quoted(g_service) + ",\"msg\":" + Quoted(event);
  for (const LogField& f : fields) line += "," + Quoted(f.key) + ":" + Quoted(f.value);
  return line + "}\n";
}

std::string TextLine(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = Timestamp() + " ";
  line += kNames[static_cast<int>(level)];
  line += " [" + g_service + "] ";
  line += event;
  for (const LogField& f : fields) {
    line += " ";
    line += f.key;
    line += "=" + (f.value.find_first_of(" \n\"") == std::string::npos ? f.value : Quoted(f.value));
  }
  return line + "\n";
}

}  // namespace

void SetLog(LogLevel least, LogFormat format, std::string_view service) {
  std::lock_guard lock(g_output);
  g_least = least;
  g_format = format;
  g_service = service;
}

bool LogEnabled(LogLevel level) { return level >= g_least.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  std::lock_guard lock(g_output);
  const std::string line =
      g_format == LogFormat::kJson ? JsonLine(level, event, fields) : TextLine(level, event, fields);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace jb
