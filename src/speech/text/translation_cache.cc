// SPDX-License-Identifier: Apache-2.0
#include "speech/text/translation_cache.h"

namespace jb::speech {
namespace {

constexpr std::size_t kEntryOverhead = 160;  // bytes: list node, map node, three strings' headers

// No text holds a NUL: the translators drop control characters, and the services refuse it.
std::string KeyOf(std::string_view backend, std::string_view from, std::string_view to, const std::string& text) {
  std::string key;
  key.reserve(backend.size() + from.size() + to.size() + text.size() + 3);
  for (std::string_view part : {backend, from, to}) {
    key += part;
    key.push_back('\0');
  }
  return key + text;
}

}  // namespace

std::size_t TranslationCache::Entry::bytes() const {
  return key.size() + translation.text.size() + translation.pivot.size() + kEntryOverhead;
}

void TranslationCache::Translate(const std::string& text, std::string_view from, std::string_view to, Done done) {
  std::string key = KeyOf(translator_.name(), from, to, text);
  if (const auto found = index_.find(key); found != index_.end()) {
    ++hits_;
    entries_.splice(entries_.begin(), entries_, found->second);
    return done(found->second->translation, true);
  }
  const auto [waiting, first] = waiting_.try_emplace(key);
  waiting->second.push_back(std::move(done));
  if (!first) {
    ++hits_;
    return;
  }
  ++misses_;
  translator_.Translate(text, from, to, [this, key](Result<Translation> result) { Answered(key, std::move(result)); });
}

void TranslationCache::Answered(const std::string& key, Result<Translation> result) {
  if (result.ok()) Store(key, *result);
  auto node = waiting_.extract(key);
  if (node.empty()) return;
  bool cached = false;  // the first asked for it, the others found it being made
  for (Done& done : node.mapped()) {
    done(result, cached);
    cached = true;
  }
}

void TranslationCache::Store(const std::string& key, const Translation& translation) {
  Entry entry{key, translation};
  if (entry.bytes() > max_bytes_) return;
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
  index_[entries_.front().key] = entries_.begin();
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes();
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace jb::speech
