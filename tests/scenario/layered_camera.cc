// SPDX-License-Identifier: Apache-2.0
#include "scenario/layered_camera.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace jb::scenario {
namespace {

using media::Codec;
using media::SpatialDependency;

constexpr std::uint32_t kMagic = 0x4C59'5246;  // "LYRF"
constexpr std::uint32_t kClockRate = 90'000;

// The order in which three temporal layers come. The upper ones build on the base layer only in the first half, so that
// one may begin with them there, and on their own last pictures in the second.
constexpr std::array<int, 8> kThreeLayers = {0, 2, 1, 2, 0, 2, 1, 2};

CodecShape ShapeOf(Codec codec) {
  switch (codec) {
    case Codec::kVp9: return Vp9Shape();
    case Codec::kH264: return H264Shape();
    case Codec::kAv1: return Av1Shape();
    case Codec::kVp8:
    case Codec::kOpus: break;
  }
  return Vp8Shape();
}

CameraShape Shape(std::string name, Codec codec, int encodings, int spatial,
                  SpatialDependency dependency = SpatialDependency::kFull) {
  CameraShape shape;
  shape.name = std::move(name);
  shape.codec = codec;
  shape.encodings = encodings;
  shape.spatial = spatial;
  shape.dependency = dependency;
  return shape;
}

}  // namespace

std::string CameraShape::ScalabilityMode() const {
  const std::string_view suffix = dependency == SpatialDependency::kKeyPictures ? "_KEY" : "";
  return "L" + std::to_string(spatial) + "T" + std::to_string(temporal) + std::string(suffix);
}

void PrintTo(const CameraShape& shape, std::ostream* out) { *out << shape.name; }

CameraShape Vp8Simulcast() { return Shape("Vp8Simulcast", Codec::kVp8, 3, 1); }
CameraShape Vp8SimulcastBySsrc() {
  CameraShape shape = Shape("Vp8SimulcastBySsrc", Codec::kVp8, 3, 1);
  shape.by_rid = false;
  return shape;
}
CameraShape Vp8Temporal() { return Shape("Vp8Temporal", Codec::kVp8, 1, 1); }
CameraShape H264Temporal() { return Shape("H264Temporal", Codec::kH264, 1, 1); }
CameraShape Vp9Svc() { return Shape("Vp9Svc", Codec::kVp9, 1, 3); }
CameraShape Vp9KeySvc() { return Shape("Vp9KeySvc", Codec::kVp9, 1, 3, SpatialDependency::kKeyPictures); }
CameraShape Av1Svc() { return Shape("Av1Svc", Codec::kAv1, 1, 3); }
CameraShape Av1KeySvc() { return Shape("Av1KeySvc", Codec::kAv1, 1, 3, SpatialDependency::kKeyPictures); }

// --- what payloads carry ---

void FrameMark::WriteTo(ByteSpan payload) const {
  const ByteSpan out = payload.last(kSize);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  StoreU32(out.data(), kMagic);
  out[4] = encoding;
  out[5] = spatial;
  out[6] = temporal;
  out[7] = key ? 1 : 0;
  StoreU32(out.data() + 8, picture);
  StoreU32(out.data() + 12, capture_ms);
  out[16] = packet;
  out[17] = packets;
  out[18] = reference_count;
  for (std::size_t i = 0; i < reference_count; ++i) {
    StoreU16(out.data() + 19 + 3 * i, references[i].back);
    out[21 + 3 * i] = references[i].spatial;
  }
}

std::optional<FrameMark> FrameMark::Read(ByteView payload) {
  if (payload.size() < kSize) return std::nullopt;
  const ByteView in = payload.last(kSize);
  if (LoadU32(in.data()) != kMagic) return std::nullopt;
  FrameMark mark;
  mark.encoding = in[4];
  mark.spatial = in[5];
  mark.temporal = in[6];
  mark.key = in[7] != 0;
  mark.picture = LoadU32(in.data() + 8);
  mark.capture_ms = LoadU32(in.data() + 12);
  mark.packet = in[16];
  mark.packets = in[17];
  mark.reference_count = std::min<std::uint8_t>(in[18], kMaxReferences);
  for (std::size_t i = 0; i < mark.reference_count; ++i) {
    mark.references[i] = {LoadU16(in.data() + 19 + 3 * i), in[21 + 3 * i]};
  }
  return mark;
}

// --- one encoding ---

LayeredEncoder::LayeredEncoder(const CameraShape& shape, const CameraOptions& options, int index, MediaSender& sender)
    : shape_(shape),
      options_(options),
      index_(index),
      sender_(sender),
      began_(std::chrono::seconds(1000)),
      first_timestamp_(sender.timestamp()),
      picture_id_(static_cast<std::uint16_t>((options.start.picture_id + 5'000 * index) & 0x7FFF)),
      tl0_(static_cast<std::uint8_t>(options.start.tl0_picture_index + 50 * index)) {
  BuildStructure();
}

std::uint32_t LayeredEncoder::TimestampAt(Time at) const {
  const std::int64_t us = (at - began_).count();
  return first_timestamp_ + static_cast<std::uint32_t>(us * kClockRate / 1'000'000);
}

int LayeredEncoder::TemporalLayer() const {
  return shape_.temporal == 1 ? 0 : kThreeLayers[static_cast<std::size_t>(place_)];
}

// Nothing that comes later in layers above this picture's builds on what lies before it, and it builds on no more than
// the base layer itself.
bool LayeredEncoder::IsSwitchingPoint() const { return place_ <= 2; }

void LayeredEncoder::Encode(bool key, int spatial_layers, Time captured) {
  if (key) {
    place_ = 0;
    kept_ = {};
    first_template_ = (first_template_ + structure_.targets) % 64;
  }
  if (TemporalLayer() == 0) ++tl0_;
  sender_.set_timestamp(TimestampAt(captured));
  for (int s = 0; s < spatial_layers; ++s) {
    Frame frame;
    frame.mark.encoding = static_cast<std::uint8_t>(index_);
    frame.mark.spatial = static_cast<std::uint8_t>(s);
    frame.mark.temporal = static_cast<std::uint8_t>(TemporalLayer());
    frame.mark.key = frame.key = key;
    frame.mark.picture = picture_;
    frame.mark.capture_ms = static_cast<std::uint32_t>((captured - began_).count() / 1000);
    frame.mark.packets = static_cast<std::uint8_t>(options_.packets[static_cast<std::size_t>(s + index_)] + (key ? 2 : 0));
    frame.number = frame_number_++;
    frame.begins_picture = s == 0;
    frame.ends_picture = s == spatial_layers - 1;
    AddReferences(frame);
    SendFrame(frame);
    Remember(frame);
  }
  ++picture_;
  picture_id_ = (picture_id_ + 1) & 0x7FFF;
  place_ = (place_ + 1) % kPattern;
}

void LayeredEncoder::AddReferences(Frame& frame) const {
  FrameMark& mark = frame.mark;
  const auto add = [&](std::uint32_t picture, std::uint8_t spatial) {
    mark.references[mark.reference_count++] = {static_cast<std::uint16_t>(mark.picture - picture), spatial};
  };
  const auto add_last = [&](int temporal) {
    const auto& kept = kept_[mark.spatial][static_cast<std::size_t>(temporal)];
    if (kept) add(kept->picture, mark.spatial);
  };
  const bool on_layer_below = shape_.dependency == SpatialDependency::kFull ||
                              (shape_.dependency == SpatialDependency::kKeyPictures && frame.key);
  if (mark.spatial > 0 && on_layer_below) add(mark.picture, static_cast<std::uint8_t>(mark.spatial - 1));
  if (frame.key) return;
  add_last(0);
  if (place_ == 3 || place_ == 6 || place_ == 7) add_last(1);
  if (place_ == 5) add_last(2);
}

void LayeredEncoder::Remember(const Frame& frame) {
  kept_[frame.mark.spatial][frame.mark.temporal] = Kept{frame.mark.picture, frame.number};
}

void LayeredEncoder::SendFrame(const Frame& frame) {
  FrameMark mark = frame.mark;
  for (int i = 0; i < mark.packets; ++i) {
    const bool first = i == 0, last = i == mark.packets - 1;
    Bytes payload = CodecHeader(frame, first, last);
    payload.resize(std::max(payload.size() + FrameMark::kSize, options_.packet_size), static_cast<std::uint8_t>(i));
    mark.packet = static_cast<std::uint8_t>(i);
    mark.WriteTo(payload);
    sender_.SendPayload(payload, last && frame.ends_picture, Descriptor(frame, first, last));
  }
}

Bytes LayeredEncoder::CodecHeader(const Frame& frame, bool first, bool last) const {
  if (shape_.codec == Codec::kVp8) return Vp8Header(frame, first);
  if (shape_.codec == Codec::kVp9) return Vp9Header(frame, first, last);
  const CodecShape& codec = sender_.options().codec;
  if (!first) return codec.middle;
  return frame.key && frame.begins_picture ? codec.key_start : codec.frame_start;
}

Bytes LayeredEncoder::PictureId() const {
  const auto low = static_cast<std::uint8_t>(picture_id_);
  if (options_.start.short_picture_id) return {static_cast<std::uint8_t>(low & 0x7F)};
  return {static_cast<std::uint8_t>(0x80 | (picture_id_ >> 8)), low};
}

// RFC 7741 section 4.2: X and S; I, L and T; then TID and Y, and the P bit of the frame header.
Bytes LayeredEncoder::Vp8Header(const Frame& frame, bool first) const {
  Bytes out = {static_cast<std::uint8_t>(first ? 0x90 : 0x80), 0xE0};
  for (const std::uint8_t byte : PictureId()) out.push_back(byte);
  out.push_back(tl0_);
  const bool sync = frame.mark.temporal > 0 && IsSwitchingPoint();
  out.push_back(static_cast<std::uint8_t>(frame.mark.temporal << 6 | (sync ? 0x20 : 0)));
  out.push_back(first && !frame.key ? 0x01 : 0x00);
  return out;
}

// RFC 9628 section 4.2: I, P, L, B and E; then TID, U, SID and D.
Bytes LayeredEncoder::Vp9Header(const Frame& frame, bool first, bool last) const {
  Bytes out = {static_cast<std::uint8_t>(0xA0 | (frame.key ? 0 : 0x40) | (first ? 0x08 : 0) | (last ? 0x04 : 0))};
  for (const std::uint8_t byte : PictureId()) out.push_back(byte);
  const bool on_layer_below = frame.mark.reference_count > 0 && frame.mark.references[0].back == 0;
  out.push_back(static_cast<std::uint8_t>(frame.mark.temporal << 5 | (IsSwitchingPoint() ? 0x10 : 0) |
                                          frame.mark.spatial << 1 | (on_layer_below ? 1 : 0)));
  out.push_back(tl0_);
  return out;
}

// One template for each layer; what a frame is and builds on it says itself.
void LayeredEncoder::BuildStructure() {
  structure_.targets = shape_.spatial * shape_.temporal;
  structure_.chains = 0;
  for (int s = 0; s < shape_.spatial; ++s) {
    for (int t = 0; t < shape_.temporal; ++t) {
      std::string text;
      for (int target = 0; target < structure_.targets; ++target) {
        const bool part = s <= target / shape_.temporal && t <= target % shape_.temporal;
        text.push_back(part ? 'R' : '-');
      }
      structure_texts_.push_back(std::move(text));
    }
  }
  for (int i = 0; i < structure_.targets; ++i) {
    structure_.templates.push_back(
        {i / shape_.temporal, i % shape_.temporal, structure_texts_[static_cast<std::size_t>(i)], {}, {}});
  }
}

std::string LayeredEncoder::Indications(const Frame& frame) const {
  std::string out;
  for (int target = 0; target < structure_.targets; ++target) {
    const int spatial = target / shape_.temporal, temporal = target % shape_.temporal;
    const bool leans = shape_.dependency == SpatialDependency::kFull || frame.key;
    const bool part = frame.mark.temporal <= temporal &&
                      (leans ? frame.mark.spatial <= spatial : frame.mark.spatial == spatial);
    const bool own = frame.mark.spatial == spatial;
    const bool may_begin = frame.key || (own && (frame.mark.temporal == temporal ? frame.mark.temporal == 0 || place_ == 2
                                                                                  : IsSwitchingPoint()));
    out.push_back(!part ? '-' : may_begin && frame.mark.temporal < 2 ? 'S' : 'R');
  }
  return out;
}

Bytes LayeredEncoder::Descriptor(const Frame& frame, bool first, bool last) const {
  if (shape_.codec != Codec::kAv1 && shape_.codec != Codec::kH264) return {};
  const std::string indications = Indications(frame);
  media::TestDescriptor descriptor;
  descriptor.start = first;
  descriptor.end = last;
  descriptor.template_index = frame.mark.spatial * shape_.temporal + frame.mark.temporal;
  descriptor.frame_number = frame.number;
  descriptor.attach = frame.key && frame.begins_picture && first ? &structure_ : nullptr;
  descriptor.custom_indications = indications;
  for (std::size_t i = 0; i < frame.mark.reference_count; ++i) {
    const FrameMark::Reference& reference = frame.mark.references[i];
    if (reference.back == 0) {
      descriptor.custom_diffs.push_back(1);
      continue;
    }
    for (const auto& kept : kept_[reference.spatial]) {
      if (!kept || kept->picture + reference.back != frame.mark.picture) continue;
      descriptor.custom_diffs.push_back(static_cast<std::uint16_t>(frame.number - kept->number));
    }
  }
  return media::WriteDependencyDescriptor(structure_, descriptor, first_template_);
}

// --- all of them ---

LayeredCamera::LayeredCamera(Call& call, CameraShape shape, CameraOptions options)
    : call_(call),
      shape_(std::move(shape)),
      options_(std::move(options)),
      producer_(options_.producer),
      on_(static_cast<std::size_t>(shape_.encodings), true),
      key_due_(static_cast<std::size_t>(shape_.encodings), true),
      spatial_layers_(shape_.spatial) {
  std::vector<SenderOptions> senders;
  for (int i = 0; i < shape_.encodings; ++i) {
    SenderOptions sender;
    sender.codec = ShapeOf(shape_.codec);
    sender.ssrc = options_.first_ssrc + 2 * static_cast<std::uint32_t>(i);
    sender.rtx_ssrc = sender.ssrc + 1;
    sender.mid = options_.mid;
    if (shape_.by_rid && shape_.encodings > 1) sender.rid = "r" + std::to_string(i);
    sender.first_sequence = static_cast<std::uint16_t>(options_.start.sequence + 20'000 * i);
    sender.first_timestamp = options_.start.timestamp + 1'234'567'890u * static_cast<std::uint32_t>(i);
    senders.push_back(std::move(sender));
  }
  const auto produced = call_.world.worker().Produce(call_.alice.id(), producer_, sfu::MediaKind::kVideo,
                                                     Parameters(senders), false, call_.world.now(), options_.content);
  EXPECT_TRUE(produced.ok()) << (produced.ok() ? "" : produced.error().message);
  for (int i = 0; i < shape_.encodings; ++i) {
    encoders_.emplace_back(shape_, options_, i, call_.AddSender(senders[static_cast<std::size_t>(i)]));
  }
}

json::value LayeredCamera::Parameters(const std::vector<SenderOptions>& senders) const {
  json::value parameters = VideoParameters(senders[0]);
  json::array encodings;
  for (const SenderOptions& sender : senders) {
    json::object encoding{{"scalabilityMode", shape_.ScalabilityMode()}};
    if (sender.rid.empty()) {
      encoding["ssrc"] = sender.ssrc;
      encoding["rtx"] = json::object{{"ssrc", sender.rtx_ssrc}};
    } else {
      encoding["rid"] = sender.rid;
    }
    encodings.push_back(std::move(encoding));
  }
  parameters.as_object()["encodings"] = std::move(encodings);
  return parameters;
}

void LayeredCamera::Capture() {
  const Time now = call_.world.now();
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    if (!on_[i]) continue;
    const bool wanted = options_.answers_requests && encoders_[i].sender().TakeKeyFrameWanted();
    encoders_[i].Encode(wanted || key_due_[i], spatial_layers_, now);
    key_due_[i] = false;
  }
  if (!options_.sends_reports || now < report_due_) return;
  report_due_ = now + 1s;
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    if (on_[i]) encoders_[i].sender().SendSenderReport(encoders_[i].TimestampAt(now), WallTime(now.time_since_epoch() + 5h));
  }
}

void LayeredCamera::SwitchEncoding(std::size_t index, bool on) {
  key_due_[index] = on && !on_[index];
  on_[index] = on;
}

void LayeredCamera::SetSpatialLayers(int count) {
  if (count > spatial_layers_) key_due_[0] = true;
  spatial_layers_ = count;
}

std::size_t LayeredCamera::requests() const {
  std::size_t sum = 0;
  for (const LayeredEncoder& encoder : encoders_) sum += encoder.sender().plis;
  return sum;
}

}  // namespace jb::scenario
