// SPDX-License-Identifier: Apache-2.0
// The captions of a room that are not final yet. Gives them ids and revisions, limits how often one is
// revised, and is the one place that guards: the same id, a growing rev, nothing after final.
// Does not translate. No clock, no I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "interpreter/options.h"
#include "interpreter/stt_stream.h"
#include "interpreter/types.h"

namespace jb::interpreter {

class CaptionBook {
 public:
  CaptionBook(const InterpreterOptions& options, Time origin) : options_(options), origin_(origin) {}

  static constexpr std::size_t kMaxOpen = 64;

  CaptionKey Open(const ParticipantId& speaker, const Language& lang, Time start, Time now);
  // What is heard so far. Shown at once or, if the last revision is too fresh, a little later.
  void SetPartial(CaptionKey key, const std::string& text, Time end, Time now);
  // The words are settled; `awaited` are the languages that translations will come for.
  struct Settled {
    std::string text;
    Time end;        // of the sound
    Time voice_end;  // what its latency is counted from
    std::int64_t stt_ms = 0;
    std::set<Language> awaited;
  };
  void Settle(CaptionKey key, Settled settled, Time now);
  // An empty text: there is none for this language.
  void SetTranslation(CaptionKey key, const Language& lang, const std::string& text, Time now);
  // Nobody waits for this language any more.
  void Abandon(CaptionKey key, const Language& lang, Time now) { SetTranslation(key, lang, {}, now); }
  // Ends it without words: shown ones are taken back.
  void Withdraw(CaptionKey key, Time now);

  bool Has(CaptionKey key) const { return open_.contains(key); }
  bool HasSettledOf(const ParticipantId& speaker) const;
  // What was shown of a caption whose words are not settled, else empty.
  std::string PartialText(CaptionKey key) const;

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  // In order.
  struct Emitted {
    Caption caption;
    bool settled;  // its words will not change any more
    Duration latency;
  };
  std::optional<Emitted> Poll();

  std::uint64_t cut() const { return cut_; }

 private:
  struct Entry {
    Caption caption;
    std::set<Language> awaited;
    bool settled = false;
    bool dirty = false;  // changed since the last revision
    Time shown{};
    Time end{};
    Time voice_end{};
    Time settled_at{};
  };
  std::int64_t Ms(Time t) const { return std::max<std::int64_t>(ToMs(t - origin_), 0); }
  void Show(CaptionKey key, Entry& entry, Time now);
  void CutOldest(Time now);

  const InterpreterOptions& options_;
  const Time origin_;
  CaptionKey last_key_ = 0;
  std::map<CaptionKey, Entry> open_;
  std::deque<Emitted> out_;
  std::uint64_t cut_ = 0;
};

}  // namespace jb::interpreter
