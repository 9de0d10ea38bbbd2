// SPDX-License-Identifier: Apache-2.0
#include "interpreter/caption_book.h"

#include <algorithm>

namespace jb::interpreter {

CaptionKey CaptionBook::Open(const ParticipantId& speaker, const Language& lang, Time start, Time now) {
  if (open_.size() >= kMaxOpen) CutOldest(now);
  const CaptionKey key = ++last_key_;
  Entry& entry = open_[key];
  // The time makes it unlike those of an earlier interpreter of the same room.
  entry.caption.id = std::to_string(Ms(now)) + '-' + std::to_string(key);
  entry.caption.speaker = speaker;
  entry.caption.lang = lang;
  entry.caption.start_ms = Ms(start);
  entry.end = start;
  entry.voice_end = start;
  return key;
}

void CaptionBook::CutOldest(Time now) {
  const auto oldest = open_.begin();
  ++cut_;
  oldest->second.settled = true;
  oldest->second.awaited.clear();
  Show(oldest->first, oldest->second, now);
}

void CaptionBook::SetPartial(CaptionKey key, const std::string& text, Time end, Time now) {
  const auto it = open_.find(key);
  if (it == open_.end() || it->second.settled) return;
  Entry& entry = it->second;
  if (entry.caption.text == text) return;
  entry.caption.text = text;
  entry.end = std::max(entry.end, end);
  entry.dirty = true;
  const bool fresh = entry.caption.rev > 0 && now < entry.shown + options_.partial_interval;
  if (!fresh) Show(key, entry, now);
}

void CaptionBook::Settle(CaptionKey key, Settled settled, Time now) {
  const auto it = open_.find(key);
  if (it == open_.end() || it->second.settled) return;
  Entry& entry = it->second;
  entry.settled = true;
  entry.settled_at = now;
  entry.caption.text = std::move(settled.text);
  entry.caption.stage.stt = settled.stt_ms;
  entry.end = std::max(entry.end, settled.end);
  entry.voice_end = settled.voice_end;
  entry.awaited = std::move(settled.awaited);
  Show(key, entry, now);
}

void CaptionBook::SetTranslation(CaptionKey key, const Language& lang, const std::string& text, Time now) {
  const auto it = open_.find(key);
  if (it == open_.end()) return;
  Entry& entry = it->second;
  if (entry.awaited.erase(lang) == 0) return;
  if (!text.empty()) {
    entry.caption.translations[lang] = text;
    entry.caption.stage.translation = ToMs(now - entry.settled_at);
  } else if (!entry.awaited.empty()) {
    return;  // nothing new to show, and more to come
  }
  Show(key, entry, now);
}

void CaptionBook::Withdraw(CaptionKey key, Time now) {
  const auto it = open_.find(key);
  if (it == open_.end()) return;
  if (it->second.caption.rev == 0) {
    open_.erase(it);
    return;
  }
  it->second.caption.text.clear();
  it->second.settled = true;
  it->second.awaited.clear();
  Show(key, it->second, now);
}

bool CaptionBook::HasSettledOf(const ParticipantId& speaker) const {
  return std::any_of(open_.begin(), open_.end(), [&](const auto& entry) {
    return entry.second.settled && entry.second.caption.speaker == speaker;
  });
}

std::string CaptionBook::PartialText(CaptionKey key) const {
  const auto it = open_.find(key);
  return it == open_.end() || it->second.settled ? std::string() : it->second.caption.text;
}

// The only place that makes a revision. A final one ends the entry.
void CaptionBook::Show(CaptionKey key, Entry& entry, Time now) {
  Caption& caption = entry.caption;
  ++caption.rev;
  caption.final = entry.settled && entry.awaited.empty();
  caption.end_ms = std::max(Ms(entry.end), caption.start_ms);
  entry.shown = now;
  entry.dirty = false;
  const Time since = entry.settled ? entry.voice_end : entry.end;
  const Duration latency = std::max(now - since, Duration{});
  caption.lag_ms = ToMs(latency);
  out_.push_back({caption, entry.settled, latency});
  if (caption.final) open_.erase(key);
}

void CaptionBook::HandleTimeout(Time now) {
  for (auto& [key, entry] : open_) {
    if (entry.dirty && now >= entry.shown + options_.partial_interval) Show(key, entry, now);
  }
}

std::optional<Time> CaptionBook::NextDeadline() const {
  std::optional<Time> deadline;
  for (const auto& [key, entry] : open_) {
    if (entry.dirty) deadline = std::min(deadline.value_or(kNever), entry.shown + options_.partial_interval);
  }
  return deadline;
}

std::optional<CaptionBook::Emitted> CaptionBook::Poll() {
  if (out_.empty()) return std::nullopt;
  Emitted emitted = std::move(out_.front());
  out_.pop_front();
  return emitted;
}

}  // namespace jb::interpreter
