// SPDX-License-Identifier: Apache-2.0
// A Translator's memory: the same text in the same direction is translated once. Least recently used
// entries go when the bytes run out; identical requests under way at once run once. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "speech/translator.h"

namespace jb::speech {

class TranslationCache {
 public:
  using Done = std::function<void(Result<Translation>, bool cached)>;
  // The translator outlives the cache.
  TranslationCache(Translator& translator, std::size_t max_bytes) : translator_(translator), max_bytes_(max_bytes) {}

  // `done` is called once; within this call when the answer is known already.
  void Translate(const std::string& text, std::string_view from, std::string_view to, Done done);

  std::uint64_t hits() const { return hits_; }  // joining a request under way counts as one
  std::uint64_t misses() const { return misses_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t entries() const { return index_.size(); }

 private:
  struct Entry {
    std::string key;
    Translation translation;
    std::size_t bytes() const;
  };
  void Answered(const std::string& key, Result<Translation> result);
  void Store(const std::string& key, const Translation& translation);

  Translator& translator_;
  const std::size_t max_bytes_;
  std::list<Entry> entries_;                                                // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  // keys live in entries_
  std::unordered_map<std::string, std::vector<Done>> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace jb::speech
