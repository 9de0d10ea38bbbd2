// SPDX-License-Identifier: Apache-2.0
#include "media/audio/opus_decoder.h"

#include <opus.h>

#include <algorithm>

namespace jb::media {
namespace {

struct Destroy {
  void operator()(::OpusDecoder* d) const { opus_decoder_destroy(d); }
};

// In-band FEC lives in the SILK layer only; asking for it elsewhere makes libopus conceal, as it should.
void FillMissing(::OpusDecoder* decoder, ByteView next, int sample_rate_hz, std::span<std::int16_t> pcm) {
  const int step = sample_rate_hz / 400;  // libopus makes up whole 2.5 ms only
  const int wanted = static_cast<int>(pcm.size()) / step * step;
  if (wanted == 0) {
    std::fill(pcm.begin(), pcm.end(), std::int16_t{0});
    return;
  }
  const bool fec = !next.empty();
  const int got = opus_decode(decoder, fec ? next.data() : nullptr, static_cast<opus_int32>(next.size()), pcm.data(),
                              wanted, fec ? 1 : 0);
  const std::size_t filled = got > 0 ? static_cast<std::size_t>(got) : 0;
  std::fill(pcm.begin() + static_cast<std::ptrdiff_t>(std::min(filled, pcm.size())), pcm.end(), std::int16_t{0});
}

}  // namespace

struct OpusDecoder::Impl {
  std::unique_ptr<::OpusDecoder, Destroy> decoder;
};

OpusDecoder::OpusDecoder(int sample_rate_hz) : sample_rate_hz_(sample_rate_hz), impl_(std::make_unique<Impl>()) {
  int error = OPUS_OK;
  impl_->decoder.reset(opus_decoder_create(sample_rate_hz, /*channels=*/1, &error));
  JB_CHECK(error == OPUS_OK && impl_->decoder != nullptr);
}

OpusDecoder::~OpusDecoder() = default;
OpusDecoder::OpusDecoder(OpusDecoder&&) noexcept = default;
OpusDecoder& OpusDecoder::operator=(OpusDecoder&&) noexcept = default;

Result<std::size_t, OpusError> OpusDecoder::Decode(ByteView packet, std::span<std::int16_t> pcm) {
  if (packet.empty() || packet.size() > kMaxOpusPacketBytes) return Fail(OpusError::kBadPacket);
  const auto length = static_cast<opus_int32>(packet.size());
  const int samples = opus_packet_get_nb_samples(packet.data(), length, sample_rate_hz_);
  if (samples <= 0) return Fail(OpusError::kBadPacket);
  if (static_cast<std::size_t>(samples) > pcm.size()) return Fail(OpusError::kBufferTooSmall);
  const int got = opus_decode(impl_->decoder.get(), packet.data(), length, pcm.data(), static_cast<int>(pcm.size()),
                              /*decode_fec=*/0);
  if (got < 0) return Fail(OpusError::kBadPacket);
  return static_cast<std::size_t>(got);
}

void OpusDecoder::DecodeLost(ByteView next, std::span<std::int16_t> pcm) {
  const bool usable = !next.empty() && next.size() <= kMaxOpusPacketBytes && PacketDuration(next).has_value();
  FillMissing(impl_->decoder.get(), usable ? next : ByteView{}, sample_rate_hz_, pcm);
}

void OpusDecoder::Conceal(std::span<std::int16_t> pcm) { FillMissing(impl_->decoder.get(), {}, sample_rate_hz_, pcm); }

void OpusDecoder::Reset() { opus_decoder_ctl(impl_->decoder.get(), OPUS_RESET_STATE); }

std::optional<Duration> OpusDecoder::PacketDuration(ByteView packet) {
  if (packet.empty()) return std::nullopt;
  const int samples = opus_packet_get_nb_samples(packet.data(), static_cast<opus_int32>(packet.size()), kOpusClockRate);
  // RFC 6716 section 3.2.5: a packet holds at most 120 ms.
  if (samples <= 0 || samples > kOpusClockRate * 120 / 1000) return std::nullopt;
  return Duration(std::int64_t{samples} * 1'000'000 / kOpusClockRate);
}

}  // namespace jb::media
