// SPDX-License-Identifier: Apache-2.0
#include "media/audio/resampler.h"

#include <speex/speex_resampler.h>

#include <algorithm>
#include <array>

#include "base/result.h"

namespace jb::media {
namespace {

constexpr int kQuality = 5;  // 0..10; 5 is inaudible on speech (stop band about -90 dB)

struct Destroy {
  void operator()(SpeexResamplerState* s) const { speex_resampler_destroy(s); }
};

}  // namespace

struct Resampler::Impl {
  std::unique_ptr<SpeexResamplerState, Destroy> state;  // null: equal rates
};

Resampler::Resampler(int from_hz, int to_hz) : from_hz_(from_hz), to_hz_(to_hz), impl_(std::make_unique<Impl>()) {
  JB_CHECK(from_hz >= 4000 && from_hz <= 192000 && to_hz >= 4000 && to_hz <= 192000);
  if (from_hz == to_hz) return;
  int error = 0;
  impl_->state.reset(speex_resampler_init(/*channels=*/1, static_cast<spx_uint32_t>(from_hz),
                                          static_cast<spx_uint32_t>(to_hz), kQuality, &error));
  JB_CHECK(impl_->state != nullptr && error == RESAMPLER_ERR_SUCCESS);
  speex_resampler_skip_zeros(impl_->state.get());
}

Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

Resampler::Done Resampler::Process(std::span<const std::int16_t> in, std::span<std::int16_t> out) {
  if (!impl_->state) {
    const std::size_t n = std::min(in.size(), out.size());
    std::copy_n(in.begin(), n, out.begin());
    return {n, n};
  }
  auto in_size = static_cast<spx_uint32_t>(in.size());
  auto out_size = static_cast<spx_uint32_t>(out.size());
  speex_resampler_process_int(impl_->state.get(), 0, in.data(), &in_size, out.data(), &out_size);
  return {in_size, out_size};
}

void Resampler::Process(std::span<const std::int16_t> in, std::vector<std::int16_t>& out) {
  std::array<std::int16_t, 1920> chunk;
  while (!in.empty()) {
    const Done done = Process(in, chunk);
    out.insert(out.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(done.produced));
    in = in.subspan(done.consumed);
    if (done.consumed == 0 && done.produced == 0) return;
  }
}

void Resampler::Flush(std::vector<std::int16_t>& out) {
  if (!impl_->state) return;
  const std::vector<std::int16_t> zeros(static_cast<std::size_t>(speex_resampler_get_input_latency(impl_->state.get())),
                                        0);
  Process(zeros, out);
}

void Resampler::Reset() {
  if (!impl_->state) return;
  speex_resampler_reset_mem(impl_->state.get());
  speex_resampler_skip_zeros(impl_->state.get());
}

std::vector<std::int16_t> Resample(std::span<const std::int16_t> in, int from_hz, int to_hz) {
  const std::size_t length = (in.size() * static_cast<std::size_t>(to_hz) + static_cast<std::size_t>(from_hz) / 2) /
                             static_cast<std::size_t>(from_hz);
  std::vector<std::int16_t> out;
  out.reserve(length + 64);
  Resampler resampler(from_hz, to_hz);
  resampler.Process(in, out);
  resampler.Flush(out);
  out.resize(length, 0);
  return out;
}

}  // namespace jb::media
