// SPDX-License-Identifier: Apache-2.0
#include "media/audio/opus_encoder.h"

#include <opus.h>

#include "base/result.h"

namespace jb::media {
namespace {

struct Destroy {
  void operator()(::OpusEncoder* e) const { opus_encoder_destroy(e); }
};

}  // namespace

struct OpusEncoder::Impl {
  std::unique_ptr<::OpusEncoder, Destroy> encoder;
};

OpusEncoder::OpusEncoder(OpusEncoderOptions options) : impl_(std::make_unique<Impl>()) {
  int error = OPUS_OK;
  impl_->encoder.reset(opus_encoder_create(48000, /*channels=*/1, OPUS_APPLICATION_VOIP, &error));
  JB_CHECK(error == OPUS_OK && impl_->encoder != nullptr);
  ::OpusEncoder* e = impl_->encoder.get();
  opus_encoder_ctl(e, OPUS_SET_BITRATE(options.bitrate_bps));
  opus_encoder_ctl(e, OPUS_SET_COMPLEXITY(options.complexity));
  opus_encoder_ctl(e, OPUS_SET_DTX(options.dtx ? 1 : 0));
  opus_encoder_ctl(e, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
  SetExpectedLoss(options.expected_loss_percent);
}

OpusEncoder::~OpusEncoder() = default;
OpusEncoder::OpusEncoder(OpusEncoder&&) noexcept = default;
OpusEncoder& OpusEncoder::operator=(OpusEncoder&&) noexcept = default;

std::size_t OpusEncoder::Encode(std::span<const std::int16_t, kOpusFrameSamples> pcm, ByteSpan out) {
  JB_CHECK(out.size() >= 3);
  const int size = opus_encode(impl_->encoder.get(), pcm.data(), static_cast<int>(kOpusFrameSamples), out.data(),
                               static_cast<opus_int32>(out.size()));
  JB_CHECK(size > 0);  // libopus fails only on bad arguments
  return static_cast<std::size_t>(size);
}

void OpusEncoder::SetExpectedLoss(int percent) {
  ::OpusEncoder* e = impl_->encoder.get();
  opus_encoder_ctl(e, OPUS_SET_INBAND_FEC(percent > 0 ? 1 : 0));
  opus_encoder_ctl(e, OPUS_SET_PACKET_LOSS_PERC(percent));
}

int OpusEncoder::lookahead_samples() const {
  opus_int32 samples = 0;
  opus_encoder_ctl(impl_->encoder.get(), OPUS_GET_LOOKAHEAD(&samples));
  return samples;
}

void OpusEncoder::Reset() { opus_encoder_ctl(impl_->encoder.get(), OPUS_RESET_STATE); }

}  // namespace jb::media
