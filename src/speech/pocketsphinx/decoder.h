// SPDX-License-Identifier: Apache-2.0
// One pocketsphinx decoder: cepstra, forward search while the words come, second pass over the whole
// clause at its end. Adapter over libpocketsphinx/libsphinxbase, whose types stay in decoder.cc.
//
// The library's live mode is not used. It normalises cepstra by a mean that it learns slowly, starting from
// a value in the model's feat.params that no option overrides, and recognises nothing on voices at another
// loudness. Here the mean is our own: of the clause's first second, then of all of the clause so far, with
// the speaker's earlier clauses as a prior; the library is told to normalise nothing. On the same clause
// this gives the words of a decode over the whole clause, and only the second pass is left at its end.
//
// Not thread-safe; one thread at a time. About 115 MB and 0.2 s to load.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace jb::speech {

struct SphinxModel {
  std::string acoustic = "/usr/share/pocketsphinx/model/en-us/en-us";
  std::string language = "/usr/share/pocketsphinx/model/en-us/en-us.lm.bin";
  std::string dictionary = "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict";
};
bool IsInstalled(const SphinxModel& model);

inline constexpr std::size_t kCepstra = 13;

// The mean cepstrum of a speaker and microphone so far.
struct CepstralMean {
  std::array<double, kCepstra> sum{};
  double frames = 0;
  void Add(const CepstralMean& other, double most_frames);
};

struct SphinxWord {
  std::string text;    // as in the dictionary: "the(2)", "<sil>"
  double start_s = 0;  // since Begin
  double end_s = 0;
};

class SphinxDecoder {
 public:
  static Result<std::unique_ptr<SphinxDecoder>> Load(const SphinxModel& model);
  ~SphinxDecoder();
  SphinxDecoder(const SphinxDecoder&) = delete;
  SphinxDecoder& operator=(const SphinxDecoder&) = delete;

  // A new clause.
  void Begin(const CepstralMean& prior);
  // mono 16 kHz. Decodes what is due; takes about a tenth to a third of the audio's time.
  void Push(std::span<const std::int16_t> pcm);
  // Best words of the forward search so far; changes its mind.
  std::string Partial();
  // The second pass. Afterwards only Begin, Reopen or destruction.
  std::vector<SphinxWord> Finish();
  // After Finish: there was more to the clause. Decodes what was pushed so far again.
  void Reopen();
  // What this clause adds to the speaker's mean.
  const CepstralMean& clause_mean() const { return mean_; }

 private:
  struct Impl;
  explicit SphinxDecoder(std::unique_ptr<Impl> impl);
  void Decode(bool all);

  std::unique_ptr<Impl> impl_;
  CepstralMean prior_;
  CepstralMean mean_;
};

}  // namespace jb::speech
