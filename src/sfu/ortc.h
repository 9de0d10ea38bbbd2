// SPDX-License-Identifier: Apache-2.0
// ORTC arithmetic in mediasoup's dialect: what the router offers, what a peer said (validated, bounded,
// normalised), how a producer's numbers map to the router's, and what a consumer is told.
// Pure functions over values; no state, any thread. Bit-compatible with mediasoup 3.27's ortc.js on the
// captures in tests/golden/ortc. Peers' JSON never throws: it fails with invalid_parameters or
// unsupported_codec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "media/layers/layer_reader.h"
#include "media/payload/codec.h"

namespace jb::sfu {

using media::MediaKind;
std::string_view MediaKindName(MediaKind kind);
std::optional<MediaKind> ParseMediaKind(std::string_view name);

// Codec parameters (fmtp): values are texts or numbers only, mediasoup-client refuses anything else.
using CodecParameter = std::variant<std::int64_t, std::string>;
using CodecParameters = std::vector<std::pair<std::string, CodecParameter>>;

struct RtcpFeedback {
  std::string type;
  std::string parameter;
  friend bool operator==(const RtcpFeedback&, const RtcpFeedback&) = default;
};

// One codec, as a capability (payload_type is the preferred one) or as negotiated.
struct RtpCodec {
  MediaKind kind = MediaKind::kAudio;
  std::string mime_type;  // as written by its author; compare without case
  std::uint8_t payload_type = 0;
  std::uint32_t clock_rate = 0;
  std::uint8_t channels = 1;  // audio
  CodecParameters parameters;
  std::vector<RtcpFeedback> rtcp_feedback;

  bool is_rtx() const;
  // RFC 2198: not a codec of its own but packets of the others, with copies of earlier ones.
  bool is_red() const;
  bool is_media() const { return !is_rtx() && !is_red(); }
  std::optional<std::int64_t> IntParameter(std::string_view name) const;
  std::optional<std::string_view> TextParameter(std::string_view name) const;
};

enum class ExtensionDirection : std::uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };

// Router capability of one header extension for one kind.
struct RtpHeaderExtension {
  std::optional<MediaKind> kind;
  std::string uri;
  std::uint8_t preferred_id = 0;
  ExtensionDirection direction = ExtensionDirection::kSendRecv;  // seen from the author
};

struct RtpCapabilities {
  std::vector<RtpCodec> codecs;
  std::vector<RtpHeaderExtension> header_extensions;
};

struct RtpHeaderExtensionParameters {
  std::string uri;
  std::uint8_t id = 0;
};

struct RtpEncoding {
  std::optional<std::uint32_t> ssrc;
  std::optional<std::string> rid;
  std::optional<std::uint32_t> rtx_ssrc;
  std::optional<std::uint8_t> codec_payload_type;
  std::optional<bool> dtx;
  std::optional<bool> active;
  std::optional<std::string> scalability_mode;
  std::optional<double> scale_resolution_down_by;
  std::optional<std::int64_t> max_bitrate;
};

struct RtpParameters {
  std::optional<std::string> mid;
  std::vector<RtpCodec> codecs;
  std::vector<RtpHeaderExtensionParameters> header_extensions;
  std::vector<RtpEncoding> encodings;
  std::string cname;
  std::optional<std::string> msid;
};

struct RtpMapping {
  struct Codec {
    std::uint8_t payload_type = 0;
    std::uint8_t mapped_payload_type = 0;
  };
  struct Encoding {
    std::optional<std::uint32_t> ssrc;
    std::optional<std::string> rid;
    std::uint32_t mapped_ssrc = 0;
  };
  std::vector<Codec> codecs;
  std::vector<Encoding> encodings;
};

struct ScalabilityMode {
  std::uint8_t spatial_layers = 1;
  std::uint8_t temporal_layers = 1;
  media::SpatialDependency dependency = media::SpatialDependency::kFull;
};
ScalabilityMode ParseScalabilityMode(std::string_view text);

// Our codec list: Opus, VP8, VP9 profile 0 and 2, H264 constrained baseline, AV1.
std::vector<RtpCodec> DefaultMediaCodecs();
// Payload types and RTX entries are chosen here; `media_codecs` have payload_type 0 for "any".
Result<RtpCapabilities> MakeRouterCapabilities(const std::vector<RtpCodec>& media_codecs);

// From a peer.
Result<RtpParameters> ParseRtpParameters(const json::value& from);
Result<RtpCapabilities> ParseRtpCapabilities(const json::value& from);

// To a peer.
json::object ToJson(const RtpCapabilities& capabilities);
json::object ToJson(const RtpParameters& parameters);
json::object ToJson(const RtpMapping& mapping);

// sfu-contract 9.1 to 9.4.
// RED is not mapped: it is taken apart where it comes in, and no consumer sees it.
Result<RtpMapping> MapProducer(const RtpParameters& producer, const RtpCapabilities& router, Random& random);
RtpParameters MakeConsumable(MediaKind kind, const RtpParameters& producer, const RtpCapabilities& router,
                             const RtpMapping& mapping);
// One codec of each side is the same codec: type, clock, channels, and for H264 and VP9 the profile.
bool IsSameCodec(const RtpCodec& a, const RtpCodec& b);
bool CanConsume(const RtpParameters& consumable, const RtpCapabilities& remote);
// Fails with cannot_consume when no codec is left. mid and cname are the transport's to fill in.
Result<RtpParameters> MakeConsumerParameters(const RtpParameters& consumable, const RtpCapabilities& remote,
                                             bool enable_rtx, Random& random);

enum class ProducerType : std::uint8_t { kSimple, kSimulcast, kSvc };
std::string_view ProducerTypeName(ProducerType type);
ProducerType TypeOf(const RtpParameters& producer);

}  // namespace jb::sfu
