// SPDX-License-Identifier: Apache-2.0
// A camera as browsers encode it in layers: simulcast of VP8 or H264 with temporal layers, SVC of VP9 and AV1. What its
// packets say of themselves is what the RTP payload formats ask for; behind that each says which frame it is of and
// what that frame builds on, so that LayeredViewer can tell whether a decoder would get along with what arrived.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "media/layers/layer_reader.h"
#include "media/layers/test_dependency_writer.h"
#include "scenario/call.h"

namespace jb::scenario {

struct CameraShape {
  std::string name;  // of a test
  media::Codec codec = media::Codec::kVp8;
  int encodings = 1;
  bool by_rid = true;  // else each encoding declares its SSRCs, as Safari does
  int spatial = 1, temporal = 3;  // layers of each encoding
  media::SpatialDependency dependency = media::SpatialDependency::kFull;

  std::string ScalabilityMode() const;
  // As a receiver counts them.
  int SpatialLayers() const { return encodings > 1 ? encodings : spatial; }
};
void PrintTo(const CameraShape& shape, std::ostream* out);
CameraShape Vp8Simulcast();
CameraShape Vp8SimulcastBySsrc();
CameraShape Vp8Temporal();
CameraShape H264Temporal();
CameraShape Vp9Svc();
CameraShape Vp9KeySvc();
CameraShape Av1Svc();
CameraShape Av1KeySvc();

// The first numbers of the first encoding: near where each of them wraps.
struct CameraStart {
  std::uint16_t sequence = 65'530;
  std::uint32_t timestamp = 0xFFFF'FF00;
  std::uint16_t picture_id = 0x7FFA;
  bool short_picture_id = false;  // of 7 bits
  std::uint8_t tl0_picture_index = 253;
};

struct CameraOptions {
  CameraStart start;
  std::string producer = "camera";
  std::string mid = "7";
  std::uint32_t first_ssrc = 700;  // of each encoding the next but two
  sfu::VideoContent content = sfu::VideoContent::kCamera;
  std::array<int, 3> packets = {1, 2, 3};  // of a frame, by spatial layer
  std::size_t packet_size = 120;           // of payload
  bool sends_reports = true;
  bool answers_requests = true;  // for key frames
};

// What stands at the end of each payload.
struct FrameMark {
  struct Reference {
    std::uint16_t back = 0;  // pictures of the same encoding
    std::uint8_t spatial = 0;
  };
  static constexpr std::size_t kMaxReferences = 4;
  static constexpr std::size_t kSize = 32;

  std::uint8_t encoding = 0, spatial = 0, temporal = 0;
  bool key = false;
  std::uint32_t picture = 0;     // counts those of its encoding
  std::uint32_t capture_ms = 0;  // when it was taken
  std::uint8_t packet = 0, packets = 0;  // of the frame
  std::uint8_t reference_count = 0;
  std::array<Reference, kMaxReferences> references{};

  void WriteTo(ByteSpan payload) const;
  static std::optional<FrameMark> Read(ByteView payload);
};

// One encoding.
class LayeredEncoder {
 public:
  LayeredEncoder(const CameraShape& shape, const CameraOptions& options, int index, MediaSender& sender);

  // A picture: one frame of each spatial layer.
  void Encode(bool key, int spatial_layers, Time captured);
  std::uint32_t TimestampAt(Time at) const;
  MediaSender& sender() const { return sender_; }

 private:
  struct Frame {
    FrameMark mark;
    std::uint16_t number = 0;  // of the dependency descriptor
    bool begins_picture = false, ends_picture = false;
    bool key = false;
  };
  static constexpr int kPattern = 8;  // pictures

  int TemporalLayer() const;
  bool IsSwitchingPoint() const;
  void AddReferences(Frame& frame) const;
  void Remember(const Frame& frame);
  void SendFrame(const Frame& frame);
  Bytes CodecHeader(const Frame& frame, bool first, bool last) const;
  Bytes Vp8Header(const Frame& frame, bool first) const;
  Bytes Vp9Header(const Frame& frame, bool first, bool last) const;
  Bytes PictureId() const;
  Bytes Descriptor(const Frame& frame, bool first, bool last) const;
  std::string Indications(const Frame& frame) const;
  void BuildStructure();

  const CameraShape& shape_;
  const CameraOptions& options_;
  const int index_;
  MediaSender& sender_;
  const Time began_;
  const std::uint32_t first_timestamp_;
  int place_ = 0;  // in the pattern
  std::uint32_t picture_ = 0;
  std::uint16_t picture_id_;
  std::uint8_t tl0_;
  std::uint16_t frame_number_ = 65'500;
  // The latest frame of each layer, as what later ones build on.
  struct Kept {
    std::uint32_t picture = 0;
    std::uint16_t number = 0;
  };
  std::array<std::array<std::optional<Kept>, 3>, 3> kept_;  // by spatial, temporal
  media::TestStructure structure_;
  std::vector<std::string> structure_texts_;
  int first_template_ = 0;  // others with each key frame, so that nobody takes them for the last ones
};

class LayeredCamera {
 public:
  static constexpr Duration kInterval = std::chrono::milliseconds(33);

  // Produces at Alice.
  LayeredCamera(Call& call, CameraShape shape, CameraOptions options = {});
  LayeredCamera(const LayeredCamera&) = delete;
  LayeredCamera& operator=(const LayeredCamera&) = delete;

  // One picture in all encodings that are on, and reports once a second.
  void Capture();
  // A browser stops encodings and layers when the network or the processor cannot carry them.
  void SwitchEncoding(std::size_t index, bool on);
  void SetSpatialLayers(int count);
  void set_answers_requests(bool on) { options_.answers_requests = on; }

  const CameraShape& shape() const { return shape_; }
  const ProducerId& producer() const { return producer_; }
  MediaSender& sender(std::size_t encoding) { return encoders_[encoding].sender(); }
  std::size_t requests() const;  // for key frames, of all encodings

 private:
  json::value Parameters(const std::vector<SenderOptions>& senders) const;

  Call& call_;
  const CameraShape shape_;
  CameraOptions options_;
  const ProducerId producer_;
  std::deque<LayeredEncoder> encoders_;  // none ever moves: structures refer to their own texts
  std::vector<bool> on_, key_due_;
  int spatial_layers_;
  Time report_due_{};
};

}  // namespace jb::scenario
