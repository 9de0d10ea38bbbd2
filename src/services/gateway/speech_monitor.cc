// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/speech_monitor.h"

#include <algorithm>

#include "base/log.h"
#include "io/clock.h"
#include "io/url.h"

namespace jb::services {
namespace {

using interpreter::Service;

// A dead service must be told to people within 5 s; its supervisor needs longer than this to replace it.
constexpr Duration kPollEvery = std::chrono::milliseconds(400);
// A service that was away is trusted again after this many answers in a row: one that keeps dying is not
// announced as back each time, and people can read that it was away.
constexpr int kSteadyAnswers = 5;
// A busy 2-core machine may answer late without being dead.
constexpr Duration kPollTimeout = std::chrono::milliseconds(2500);

std::vector<Language> LanguageList(const json::array* array) {
  std::vector<Language> out;
  if (!array) return out;
  for (const json::value& item : *array) {
    if (item.is_string()) out.emplace_back(std::string(item.get_string()));
  }
  return out;
}

bool Contains(const std::vector<Language>& list, const Language& language) {
  return std::find(list.begin(), list.end(), language) != list.end();
}

json::array ToArray(const std::vector<Language>& list) {
  json::array out;
  for (const Language& language : list) out.emplace_back(language.value());
  return out;
}

}  // namespace

SpeechMonitor::SpeechMonitor(io::Loop& loop, const SpeechUrls& urls, Metrics& metrics, Callbacks callbacks)
    : http_(loop),
      callbacks_(std::move(callbacks)),
      watched_{{{Service::kStt, urls.stt, {}, {}},
                {Service::kTranslation, urls.translation, {}, {}},
                {Service::kTts, urls.tts, {}, {}}}} {
  for (Watched& watched : watched_) {
    const auto index = static_cast<std::size_t>(watched.service);
    timers_[index] = std::make_unique<io::Timer>(loop);
    up_.push_back(metrics.GetGauge("jbcalling_backend_up", "Whether a speech service answers",
                                   {{"service", interpreter::ToString(watched.service)}}));
    up_.back().Set(0);
    Poll(watched);
  }
}

const SpeechServiceStatus& SpeechMonitor::status(Service service) const {
  return watched_[static_cast<std::size_t>(service)].status;
}

void SpeechMonitor::Poll(Watched& watched) {
  io::HttpClientRequest request;
  request.url = watched.url + "/health";
  request.timeout = kPollTimeout;
  request.max_response = 1 << 20;
  watched.asked = io::Now();
  http_.Send(std::move(request), [this, &watched](Result<io::HttpResponse> response) {
    HandleHealth(watched, response);
    PollLater(watched);
  });
}

void SpeechMonitor::PollLater(Watched& watched) {
  timers_[static_cast<std::size_t>(watched.service)]->StartIn(kPollEvery, [this, &watched] { Poll(watched); });
}

void SpeechMonitor::HandleHealth(Watched& watched, const Result<io::HttpResponse>& response) {
  watched.status.latency_ms = ToSeconds(io::Now() - watched.asked) * 1000;
  if (!response.ok()) return NoteUnreachable(watched, response.error());
  watched.status.mistake.clear();
  if (response->status != 200) return SetUp(watched, false);
  const auto health = ParseJson(response->body);
  if (!health.ok()) return SetUp(watched, false);
  watched.status.backend = std::string(GetString(*health, "backend").value_or(""));
  const std::string instance(GetString(*health, "instance").value_or(""));
  if (watched.status.up && instance != watched.status.instance) SetUp(watched, false);
  watched.status.instance = instance;
  if (watched.status.up || ++watched.answers < (watched.was_up ? kSteadyAnswers : 1)) return;
  watched.able = true;
  ReadAbilities(watched.service, *health);
  SetUp(watched, true);
}

// A name that does not resolve, and never did, is a mistake of whoever wrote it; a service that is away is none.
void SpeechMonitor::NoteUnreachable(Watched& watched, const Error& error) {
  SetUp(watched, false);
  const bool known = !watched.status.mistake.empty();
  if (error.code == "connect_failed") watched.status.mistake.clear();  // it resolves now
  if (error.code != "dns_failed" || watched.able || known) return;
  const std::string key = std::string(interpreter::ToString(watched.service)) + ".url";
  const auto url = io::ParseUrl(watched.url);
  watched.status.mistake = key + ": " + error.message;
  Log(LogLevel::kError, "speech service cannot be found; not ready",
      {{"key", key}, {"host", url ? url->host : watched.url}, {"reason", error.message}});
}

void SpeechMonitor::SetUp(Watched& watched, bool up) {
  if (!up) watched.answers = 0;
  if (watched.status.up == up) return;
  watched.status.up = up;
  watched.was_up = true;
  up_[static_cast<std::size_t>(watched.service)].Set(up ? 1 : 0);
  Log(up ? LogLevel::kInfo : LogLevel::kWarn, up ? "speech service up" : "speech service down",
      {{"service", interpreter::ToString(watched.service)}, {"backend", watched.status.backend}});
  callbacks_.on_health(watched.service, up);
}

void SpeechMonitor::ReadAbilities(Service service, const json::value& health) {
  if (service == Service::kStt) availability_.stt = LanguageList(GetArray(health, "languages"));
  if (service == Service::kTts) availability_.tts = LanguageList(GetArray(health, "languages"));
  if (service == Service::kTranslation) {
    availability_.translation.clear();
    if (const json::array* pairs = GetArray(health, "pairs")) {
      for (const json::value& pair : *pairs) {
        const auto from = GetString(pair, "from"), to = GetString(pair, "to");
        if (from && to) {
          availability_.translation.emplace_back(Language(std::string(*from)), Language(std::string(*to)));
        }
      }
    }
  }
  callbacks_.on_availability(availability_);
}

json::object SpeechMonitor::Languages() const {
  json::array pairs;
  const bool translates = status(Service::kTranslation).up;
  for (const auto& [from, to] : availability_.translation) {
    if (translates) pairs.push_back(json::object{{"from", from.value()}, {"to", to.value()}});
  }
  return {{"stt", status(Service::kStt).up ? ToArray(availability_.stt) : json::array{}},
          {"translation", std::move(pairs)},
          {"tts", status(Service::kTts).up ? ToArray(availability_.tts) : json::array{}}};
}

Language SpeechMonitor::Canonical(const Language& language) const {
  if (Named(language)) return language;
  const Language primary(language.value().substr(0, language.value().find('-')));
  return Named(primary) ? primary : language;
}

bool SpeechMonitor::Named(const Language& language) const {
  return Contains(availability_.stt, language) || Contains(availability_.tts, language) ||
         std::any_of(availability_.translation.begin(), availability_.translation.end(),
                     [&](const auto& pair) { return pair.first == language || pair.second == language; });
}

bool SpeechMonitor::Knows(const Language& language) const {
  return !Able(Service::kStt) || !Able(Service::kTranslation) || !Able(Service::kTts) || Named(language);
}

bool SpeechMonitor::CanHear(const Language& language) const {
  if (!Able(Service::kStt) || !Able(Service::kTranslation)) return true;
  return Contains(availability_.stt, language) ||
         std::any_of(availability_.translation.begin(), availability_.translation.end(),
                     [&](const auto& pair) { return pair.second == language; });
}

}  // namespace jb::services
