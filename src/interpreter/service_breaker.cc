// SPDX-License-Identifier: Apache-2.0
#include "interpreter/service_breaker.h"

#include <algorithm>

namespace jb::interpreter {
namespace {

constexpr int kDegradedFrom = 2;  // weighted failures in a row
constexpr int kDownFrom = 4;
constexpr int kSlowFrom = 3;
constexpr Duration kFirstBackoff = 500ms;
constexpr Duration kMostBackoff = 2s;    // reliability.md 4.3: half-open probe every 2 s
constexpr Duration kForgiveAfter = 10s;  // without a request that failed or was slow

const char* DownMessage(Service service) {
  switch (service) {
    case Service::kStt: return "Speech recognition is not answering: captions and translation are paused.";
    case Service::kTranslation: return "Translation is not answering: captions stay in the original language.";
    case Service::kTts: return "The translated voice is not answering: captions continue.";
  }
  return "";
}

const char* SlowMessage(Service service) {
  switch (service) {
    case Service::kStt: return "Speech recognition is slow or failing now and then.";
    case Service::kTranslation: return "Translation is slow or failing now and then.";
    case Service::kTts: return "The translated voice is slow or failing now and then.";
  }
  return "";
}

}  // namespace

const char* ToString(Service service) {
  switch (service) {
    case Service::kStt: return "stt";
    case Service::kTranslation: return "translation";
    case Service::kTts: return "tts";
  }
  return "";
}

const char* ToString(ServiceLevel level) {
  switch (level) {
    case ServiceLevel::kUp: return "up";
    case ServiceLevel::kDegraded: return "degraded";
    case ServiceLevel::kDown: return "down";
  }
  return "";
}

bool ServiceBreaker::down() const { return !healthy_ || failures_ >= kDownFrom; }

void ServiceBreaker::Succeeded(Duration took, Time now) {
  healthy_ = true;  // an answer is better evidence than a missed health check
  failures_ = 0;
  backoff_ = {};
  if (took <= slow_) {
    slow_answers_ = 0;
    return;
  }
  NoteSlow(now);
}

void ServiceBreaker::NoteSlow(Time now) {
  slow_answers_ = std::min(slow_answers_ + 1, kSlowFrom);
  last_trouble_ = now;
}

void ServiceBreaker::Fail(int weight, Time now) {
  failures_ = std::min(failures_ + weight, kDownFrom);
  last_trouble_ = now;
  if (!down()) return;
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kMostBackoff);
  probe_at_ = now + backoff_;
}

void ServiceBreaker::SetHealth(bool up, Time now) {
  if (up == healthy_ && failures_ == 0) return;
  healthy_ = up;
  failures_ = 0;
  slow_answers_ = 0;
  backoff_ = up ? Duration{} : kFirstBackoff;
  probe_at_ = now + backoff_;
}

void ServiceBreaker::HandleTimeout(Time now) {
  if (now < last_trouble_ + kForgiveAfter) return;
  failures_ = 0;
  slow_answers_ = 0;
}

std::optional<Time> ServiceBreaker::NextDeadline() const {
  if (failures_ == 0 && slow_answers_ == 0) return std::nullopt;
  return last_trouble_ + kForgiveAfter;
}

bool ServiceBreaker::MayTry(Time now) {
  if (!down()) return true;
  if (now < probe_at_) return false;
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kMostBackoff);
  probe_at_ = now + backoff_;
  return true;
}

ServiceLevel ServiceBreaker::level() const {
  if (down()) return ServiceLevel::kDown;
  const bool troubled = failures_ >= kDegradedFrom || slow_answers_ >= kSlowFrom;
  return troubled ? ServiceLevel::kDegraded : ServiceLevel::kUp;
}

ServiceState::One ServiceBreaker::state() const {
  switch (level()) {
    case ServiceLevel::kUp: return {};
    case ServiceLevel::kDegraded: return {ServiceLevel::kDegraded, SlowMessage(service_)};
    case ServiceLevel::kDown: return {ServiceLevel::kDown, DownMessage(service_)};
  }
  return {};
}

}  // namespace jb::interpreter
