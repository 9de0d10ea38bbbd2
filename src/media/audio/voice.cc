// SPDX-License-Identifier: Apache-2.0
#include "media/audio/voice.h"

#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

#include <algorithm>

#include "base/result.h"

namespace jb::media {
namespace {

std::unique_ptr<webrtc::AudioProcessing> MakeProcessing() {
  std::unique_ptr<webrtc::AudioProcessing> apm(webrtc::AudioProcessing::Create());
  JB_CHECK(apm != nullptr);
  return apm;
}

// The frame is some 8 KB, so each adapter keeps one.
void Load(webrtc::AudioFrame& frame, std::span<const std::int16_t, kVoiceFrameSamples> pcm) {
  frame.UpdateFrame(/*id=*/0, /*timestamp=*/0, pcm.data(), kVoiceFrameSamples, kVoiceRateHz,
                    webrtc::AudioFrame::kNormalSpeech, webrtc::AudioFrame::kVadUnknown, /*num_channels=*/1);
}

}  // namespace

struct NoiseSuppressor::Impl {
  std::unique_ptr<webrtc::AudioProcessing> apm = MakeProcessing();
  webrtc::AudioFrame frame;
};

NoiseSuppressor::NoiseSuppressor(NoiseSuppression level, bool high_pass) : impl_(std::make_unique<Impl>()) {
  impl_->apm->high_pass_filter()->Enable(high_pass);
  impl_->apm->noise_suppression()->set_level(static_cast<webrtc::NoiseSuppression::Level>(level));
  impl_->apm->noise_suppression()->Enable(true);
}

NoiseSuppressor::~NoiseSuppressor() = default;
NoiseSuppressor::NoiseSuppressor(NoiseSuppressor&&) noexcept = default;
NoiseSuppressor& NoiseSuppressor::operator=(NoiseSuppressor&&) noexcept = default;

void NoiseSuppressor::Process(std::span<std::int16_t, kVoiceFrameSamples> frame) {
  Load(impl_->frame, frame);
  if (impl_->apm->ProcessStream(&impl_->frame) != webrtc::AudioProcessing::kNoError) return;
  std::copy_n(impl_->frame.data_, kVoiceFrameSamples, frame.begin());
}

void NoiseSuppressor::Reset() { impl_->apm->Initialize(); }

struct VoiceDetector::Impl {
  std::unique_ptr<webrtc::AudioProcessing> apm = MakeProcessing();
  webrtc::AudioFrame frame;
};

VoiceDetector::VoiceDetector(VoiceLikelihood least) : impl_(std::make_unique<Impl>()) {
  impl_->apm->voice_detection()->set_likelihood(static_cast<webrtc::VoiceDetection::Likelihood>(least));
  impl_->apm->voice_detection()->Enable(true);
}

VoiceDetector::~VoiceDetector() = default;
VoiceDetector::VoiceDetector(VoiceDetector&&) noexcept = default;
VoiceDetector& VoiceDetector::operator=(VoiceDetector&&) noexcept = default;

bool VoiceDetector::Process(std::span<const std::int16_t, kVoiceFrameSamples> frame) {
  Load(impl_->frame, frame);
  if (impl_->apm->ProcessStream(&impl_->frame) != webrtc::AudioProcessing::kNoError) return false;
  return impl_->apm->voice_detection()->stream_has_voice();
}

void VoiceDetector::Reset() { impl_->apm->Initialize(); }

}  // namespace jb::media
