// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/decoder.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#include <pocketsphinx/pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/fe.h>
#include <sphinxbase/feat.h>
#pragma GCC diagnostic pop
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <mutex>

namespace jb::speech {
namespace {

using Cepstrum = std::array<float, kCepstra>;

// 100 frames = 1 s. Means over fewer frames cost words at a clause's beginning; measured on 60 clauses, 1 s
// and the whole clause give the same word error rate.
constexpr std::size_t kLookahead = 100;
constexpr std::size_t kLookaheadKnown = 40;  // once the speaker's mean is known
constexpr double kKnownFrames = 300;
constexpr double kPriorWeight = 100;  // frames that the speaker's mean counts for at most

// The library has one log file for the whole process and exchanges it without a lock (option -logfn): a decoder
// that loads would close it under another's feet. So nothing is ever logged to a file.
void KeepQuiet() {
  static std::once_flag once;
  std::call_once(once, [] { err_set_logfp(nullptr); });
}

cmd_ln_t* MakeConfig(const SphinxModel& model) {
  // maxhmmpf, maxwpf: measured, no word lost on 150 s of clean speech, and the search of hard speech takes a
  // third of the time. remove_silence: our own endpointer decides what is silence.
  static const arg_t kDefinitions[] = {POCKETSPHINX_OPTIONS, CMDLN_EMPTY_OPTION};
  return cmd_ln_init(nullptr, kDefinitions, TRUE, "-hmm", model.acoustic.c_str(), "-lm", model.language.c_str(),
                     "-dict", model.dictionary.c_str(), "-remove_silence", "no", "-maxhmmpf", "3000", "-maxwpf", "5",
                     nullptr);
}

}  // namespace

bool IsInstalled(const SphinxModel& model) {
  return ::access((model.acoustic + "/mdef").c_str(), R_OK) == 0 && ::access(model.language.c_str(), R_OK) == 0 &&
         ::access(model.dictionary.c_str(), R_OK) == 0;
}

void CepstralMean::Add(const CepstralMean& other, double most_frames) {
  for (std::size_t i = 0; i < kCepstra; ++i) sum[i] += other.sum[i];
  frames += other.frames;
  if (frames <= most_frames) return;
  for (double& s : sum) s *= most_frames / frames;
  frames = most_frames;
}

struct SphinxDecoder::Impl {
  ~Impl() {
    if (fe) fe_free(fe);
    if (decoder) ps_free(decoder);
    if (config) cmd_ln_free_r(config);
  }
  void Extract(std::span<const std::int16_t> pcm, CepstralMean& mean);

  cmd_ln_t* config = nullptr;
  ps_decoder_t* decoder = nullptr;
  fe_t* fe = nullptr;
  bool in_utterance = false;
  std::vector<Cepstrum> cepstra;  // of the clause, not normalised
  std::size_t fed = 0;
  std::size_t lookahead = kLookahead;
};

Result<std::unique_ptr<SphinxDecoder>> SphinxDecoder::Load(const SphinxModel& model) {
  if (!IsInstalled(model)) {
    return Fail("backend_missing",
                "pocketsphinx: no model at " + model.acoustic + "; install the package pocketsphinx-en-us");
  }
  KeepQuiet();
  auto impl = std::make_unique<Impl>();
  impl->config = MakeConfig(model);
  if (impl->config) impl->decoder = ps_init(impl->config);
  if (impl->decoder) impl->fe = fe_init_auto_r(ps_get_config(impl->decoder));
  if (!impl->fe || fe_get_output_size(impl->fe) != static_cast<int>(kCepstra)) {
    return Fail("backend_failed", "pocketsphinx: the model at " + model.acoustic + " does not load");
  }
  // feat.params says "batch" and wins over any option; we normalise ourselves.
  ps_get_feat(impl->decoder)->cmn = CMN_NONE;
  return std::unique_ptr<SphinxDecoder>(new SphinxDecoder(std::move(impl)));
}

SphinxDecoder::SphinxDecoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SphinxDecoder::~SphinxDecoder() {
  if (impl_->in_utterance) ps_end_utt(impl_->decoder);
}

void SphinxDecoder::Begin(const CepstralMean& prior) {
  if (impl_->in_utterance) ps_end_utt(impl_->decoder);
  prior_ = {};
  prior_.Add(prior, kPriorWeight);
  mean_ = {};
  impl_->cepstra.clear();
  impl_->fed = 0;
  impl_->lookahead = prior.frames >= kKnownFrames ? kLookaheadKnown : kLookahead;
  fe_start_stream(impl_->fe);
  fe_start_utt(impl_->fe);
  impl_->in_utterance = ps_start_utt(impl_->decoder) == 0;
}

void SphinxDecoder::Impl::Extract(std::span<const std::int16_t> pcm, CepstralMean& mean) {
  const std::int16_t* samples = pcm.data();
  std::size_t left = pcm.size();
  while (left > 0) {
    std::array<Cepstrum, 32> block;
    std::array<mfcc_t*, 32> rows;
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = block[i].data();
    auto frames = static_cast<int32>(rows.size());
    int32 index = 0;
    const std::size_t before = left;
    if (fe_process_frames(fe, &samples, &left, rows.data(), &frames, &index) < 0) return;
    for (int32 i = 0; i < frames; ++i) {
      const Cepstrum& c = block[static_cast<std::size_t>(i)];
      cepstra.push_back(c);
      if (c[0] < 0) continue;  // digital silence would drag the mean away
      for (std::size_t k = 0; k < kCepstra; ++k) mean.sum[k] += static_cast<double>(c[k]);
      mean.frames += 1;
    }
    if (left == before && frames == 0) return;
  }
}

void SphinxDecoder::Push(std::span<const std::int16_t> pcm) {
  impl_->Extract(pcm, mean_);
  Decode(/*all=*/false);
}

void SphinxDecoder::Decode(bool all) {
  Impl& im = *impl_;
  if (!im.in_utterance) return;
  // The first frames wait until the mean is worth something; then everything is fed as it comes.
  if (!all && im.fed == 0 && im.cepstra.size() < im.lookahead) return;
  const double frames = std::max(1.0, mean_.frames + prior_.frames);
  for (; im.fed < im.cepstra.size(); ++im.fed) {
    Cepstrum x = im.cepstra[im.fed];
    for (std::size_t k = 0; k < kCepstra; ++k) {
      x[k] -= static_cast<float>((mean_.sum[k] + prior_.sum[k]) / frames);
    }
    mfcc_t* row = x.data();
    ps_process_cep(im.decoder, &row, 1, /*no_search=*/FALSE, /*full_utt=*/FALSE);
  }
}

std::string SphinxDecoder::Partial() {
  if (!impl_->in_utterance || impl_->fed == 0) return {};
  int32 score = 0;
  const char* text = ps_get_hyp(impl_->decoder, &score);
  return text ? text : "";
}

std::vector<SphinxWord> SphinxDecoder::Finish() {
  Decode(/*all=*/true);
  std::vector<SphinxWord> words;
  if (!impl_->in_utterance) return words;
  impl_->in_utterance = false;
  if (ps_end_utt(impl_->decoder) < 0) return words;
  for (ps_seg_t* s = ps_seg_iter(impl_->decoder); s; s = ps_seg_next(s)) {
    int first = 0, last = 0;
    ps_seg_frames(s, &first, &last);
    words.push_back({ps_seg_word(s), first * 0.01, (last + 1) * 0.01});
  }
  return words;
}

void SphinxDecoder::Reopen() {
  if (impl_->in_utterance) return;
  impl_->fed = 0;
  impl_->in_utterance = ps_start_utt(impl_->decoder) == 0;
  Decode(/*all=*/false);
}

}  // namespace jb::speech
