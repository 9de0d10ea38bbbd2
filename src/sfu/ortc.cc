// SPDX-License-Identifier: Apache-2.0
#include "sfu/ortc.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "sfu/ortc_h264.h"
#include "sfu/ortc_internal.h"

namespace jb::sfu {
namespace {

constexpr std::uint32_t kMinSsrc = 100'000'000;  // mediasoup's range of random ids
constexpr std::uint32_t kMaxSsrc = 999'999'990;

bool IsCodec(const RtpCodec& codec, std::string_view mime_type) {
  return EqualsIgnoringCase(codec.mime_type, mime_type);
}

// As mediasoup's h264-profile-level-id: the answer's level is the lower one, unless both sides allow
// asymmetry; then it is `local`'s own. nullopt: the profiles differ or cannot be read.
std::optional<std::string> AnswerH264Profile(const RtpCodec& local, const RtpCodec& remote) {
  const auto ours = ParseH264ProfileLevel(local.TextParameter("profile-level-id"));
  const auto theirs = ParseH264ProfileLevel(remote.TextParameter("profile-level-id"));
  if (!ours || !theirs || ours->profile != theirs->profile) return std::nullopt;
  const bool asymmetric =
      local.IntParameter("level-asymmetry-allowed") == 1 && remote.IntParameter("level-asymmetry-allowed") == 1;
  const int level = asymmetric ? ours->level : LowerH264Level(ours->level, theirs->level);
  return H264ProfileLevelText({ours->profile, level});
}

const RtpCodec* FindByPayloadType(const std::vector<RtpCodec>& codecs, std::uint8_t payload_type) {
  for (const RtpCodec& codec : codecs) {
    if (codec.payload_type == payload_type) return &codec;
  }
  return nullptr;
}

const RtpCodec* FindRtx(const std::vector<RtpCodec>& codecs, std::uint8_t media_payload_type) {
  for (const RtpCodec& codec : codecs) {
    if (codec.is_rtx() && codec.IntParameter("apt") == media_payload_type) return &codec;
  }
  return nullptr;
}

const RtpCodec* FindSame(const std::vector<RtpCodec>& codecs, const RtpCodec& wanted) {
  for (const RtpCodec& codec : codecs) {
    if (IsSameCodec(codec, wanted)) return &codec;
  }
  return nullptr;
}

std::optional<std::uint8_t> MappedPayloadType(const RtpMapping& mapping, std::uint8_t payload_type) {
  for (const RtpMapping::Codec& codec : mapping.codecs) {
    if (codec.payload_type == payload_type) return codec.mapped_payload_type;
  }
  return std::nullopt;
}

void RemoveFeedback(RtpParameters& parameters, std::string_view type) {
  for (RtpCodec& codec : parameters.codecs) {
    std::erase_if(codec.rtcp_feedback, [type](const RtcpFeedback& fb) { return fb.type == type; });
  }
}

// One bandwidth estimator per consumer, not two.
void ReduceBandwidthFeedback(RtpParameters& parameters) {
  if (HasExtension(parameters, extension_uri::kTransportCc)) {
    RemoveFeedback(parameters, "goog-remb");
  } else if (HasExtension(parameters, extension_uri::kAbsSendTime)) {
    RemoveFeedback(parameters, "transport-cc");
  } else {
    RemoveFeedback(parameters, "transport-cc");
    RemoveFeedback(parameters, "goog-remb");
  }
}

std::vector<RtpCodec> ConsumableCodecs(const RtpParameters& producer, const RtpCapabilities& router,
                                       const RtpMapping& mapping) {
  std::vector<RtpCodec> out;
  for (const RtpCodec& codec : producer.codecs) {
    if (codec.is_rtx()) continue;
    const auto mapped = MappedPayloadType(mapping, codec.payload_type);
    const RtpCodec* offered = mapped ? FindByPayloadType(router.codecs, *mapped) : nullptr;
    if (!offered) continue;
    RtpCodec consumable = *offered;
    consumable.parameters = codec.parameters;
    if (IsCodec(codec, "video/H264")) {
      for (auto& [name, value] : consumable.parameters) {
        if (name != "profile-level-id") continue;
        if (auto answer = AnswerH264Profile(codec, *offered)) value = std::move(*answer);
      }
    }
    out.push_back(std::move(consumable));
    if (const RtpCodec* rtx = FindRtx(router.codecs, *mapped)) out.push_back(*rtx);
  }
  return out;
}

bool GoesToConsumers(const RtpHeaderExtension& extension, MediaKind kind, const RtpParameters& producer) {
  if (extension.kind != kind) return false;
  if (extension.direction != ExtensionDirection::kSendRecv && extension.direction != ExtensionDirection::kSendOnly) {
    return false;
  }
  return extension.uri != extension_uri::kAbsCaptureTime || HasExtension(producer, extension_uri::kAbsCaptureTime);
}

RtpEncoding MakeConsumerEncoding(const std::vector<RtpEncoding>& encodings, bool rtx, Random& random) {
  RtpEncoding out;
  out.ssrc = random.Between(kMinSsrc, kMaxSsrc);
  if (rtx) out.rtx_ssrc = *out.ssrc + 1;
  for (const RtpEncoding& encoding : encodings) {
    if (encoding.scalability_mode && !out.scalability_mode) out.scalability_mode = encoding.scalability_mode;
    if (encoding.max_bitrate) out.max_bitrate = std::max(out.max_bitrate.value_or(0), *encoding.max_bitrate);
  }
  if (encodings.size() > 1) {
    const ScalabilityMode mode = ParseScalabilityMode(out.scalability_mode.value_or(""));
    out.scalability_mode = "L" + std::to_string(encodings.size()) + "T" + std::to_string(mode.temporal_layers);
  }
  return out;
}

// Drops RTX codecs whose media codec did not survive; says whether one is left.
bool KeepUsefulRtx(std::vector<RtpCodec>& codecs) {
  std::erase_if(codecs, [&codecs](const RtpCodec& codec) {
    if (!codec.is_rtx()) return false;
    const auto apt = codec.IntParameter("apt");
    return !apt || std::none_of(codecs.begin(), codecs.end(),
                                [&](const RtpCodec& media) { return !media.is_rtx() && media.payload_type == *apt; });
  });
  return std::any_of(codecs.begin(), codecs.end(), [](const RtpCodec& codec) { return codec.is_rtx(); });
}

}  // namespace

bool HasExtension(const RtpParameters& parameters, std::string_view uri) {
  return std::any_of(parameters.header_extensions.begin(), parameters.header_extensions.end(),
                     [uri](const auto& extension) { return extension.uri == uri; });
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::optional<MediaKind> KindOfMime(std::string_view mime_type) {
  if (mime_type.size() < 7) return std::nullopt;
  if (EqualsIgnoringCase(mime_type.substr(0, 6), "audio/")) return MediaKind::kAudio;
  if (EqualsIgnoringCase(mime_type.substr(0, 6), "video/")) return MediaKind::kVideo;
  return std::nullopt;
}

std::string_view MediaKindName(MediaKind kind) { return kind == MediaKind::kAudio ? "audio" : "video"; }

std::optional<MediaKind> ParseMediaKind(std::string_view name) {
  if (name == "audio") return MediaKind::kAudio;
  if (name == "video") return MediaKind::kVideo;
  return std::nullopt;
}

std::string_view ProducerTypeName(ProducerType type) {
  switch (type) {
    case ProducerType::kSimple: return "simple";
    case ProducerType::kSimulcast: return "simulcast";
    case ProducerType::kSvc: return "svc";
  }
  return "simple";
}

bool RtpCodec::is_rtx() const {
  return mime_type.size() == 9 && EqualsIgnoringCase(std::string_view(mime_type).substr(5), "/rtx");
}

bool RtpCodec::is_red() const { return EqualsIgnoringCase(mime_type, "audio/red"); }

std::optional<std::int64_t> RtpCodec::IntParameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key != name) continue;
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    const std::string& text = std::get<std::string>(value);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  return std::nullopt;
}

std::optional<std::string_view> RtpCodec::TextParameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key != name) continue;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    return std::string_view();  // a number where text belongs matches nothing
  }
  return std::nullopt;
}

ScalabilityMode ParseScalabilityMode(std::string_view text) {
  ScalabilityMode mode;
  // "L3T2", "S2T1", "L3T3_KEY", "L2T2h"; anything else is one layer of each.
  if (text.size() < 4 || (text[0] != 'L' && text[0] != 'S') || text[2] != 'T') return mode;
  if (text[1] < '1' || text[1] > '9' || text[3] < '1' || text[3] > '9') return mode;
  mode.spatial_layers = static_cast<std::uint8_t>(text[1] - '0');
  mode.temporal_layers = static_cast<std::uint8_t>(text[3] - '0');
  using enum media::SpatialDependency;
  if (text[0] == 'S') mode.dependency = kNone;
  if (text.find("_KEY") != std::string_view::npos) mode.dependency = kKeyPictures;
  return mode;
}

bool IsSameCodec(const RtpCodec& a, const RtpCodec& b) {
  if (!EqualsIgnoringCase(a.mime_type, b.mime_type) || a.clock_rate != b.clock_rate) return false;
  if (a.kind == MediaKind::kAudio && a.channels != b.channels) return false;
  if (IsCodec(a, "video/H264")) {
    const auto mode_a = a.IntParameter("packetization-mode").value_or(0);
    const auto mode_b = b.IntParameter("packetization-mode").value_or(0);
    return mode_a == mode_b && AnswerH264Profile(a, b).has_value();
  }
  if (IsCodec(a, "video/VP9")) {
    return a.IntParameter("profile-id").value_or(0) == b.IntParameter("profile-id").value_or(0);
  }
  return true;
}

Result<RtpMapping> MapProducer(const RtpParameters& producer, const RtpCapabilities& router, Random& random) {
  RtpMapping out;
  for (const RtpCodec& codec : producer.codecs) {
    if (!codec.is_media()) continue;
    const RtpCodec* offered = FindSame(router.codecs, codec);
    if (!offered) return Fail("unsupported_codec", "the router has no codec " + codec.mime_type);
    out.codecs.push_back({codec.payload_type, offered->payload_type});
  }
  for (const RtpCodec& codec : producer.codecs) {
    if (!codec.is_rtx()) continue;
    const auto apt = codec.IntParameter("apt");
    const auto mapped = apt ? MappedPayloadType(out, static_cast<std::uint8_t>(*apt)) : std::optional<std::uint8_t>();
    const RtpCodec* rtx = mapped ? FindRtx(router.codecs, *mapped) : nullptr;
    if (!rtx) return Fail("unsupported_codec", "the router has no rtx for that media codec");
    out.codecs.push_back({codec.payload_type, rtx->payload_type});
  }
  std::uint32_t mapped_ssrc = random.Between(kMinSsrc, kMaxSsrc);
  for (const RtpEncoding& encoding : producer.encodings) {
    out.encodings.push_back({encoding.ssrc, encoding.rid, mapped_ssrc++});
  }
  return out;
}

RtpParameters MakeConsumable(MediaKind kind, const RtpParameters& producer, const RtpCapabilities& router,
                             const RtpMapping& mapping) {
  RtpParameters out;
  out.codecs = ConsumableCodecs(producer, router, mapping);
  for (const RtpHeaderExtension& extension : router.header_extensions) {
    if (GoesToConsumers(extension, kind, producer)) {
      out.header_extensions.push_back({extension.uri, extension.preferred_id});
    }
  }
  for (std::size_t i = 0; i < producer.encodings.size(); ++i) {
    RtpEncoding encoding = producer.encodings[i];
    encoding.rid.reset();
    encoding.rtx_ssrc.reset();
    encoding.codec_payload_type.reset();
    encoding.ssrc = mapping.encodings[i].mapped_ssrc;
    out.encodings.push_back(std::move(encoding));
  }
  out.cname = producer.cname;
  out.msid = producer.msid;
  return out;
}

bool CanConsume(const RtpParameters& consumable, const RtpCapabilities& remote) {
  for (const RtpCodec& codec : consumable.codecs) {
    if (FindSame(remote.codecs, codec)) return !codec.is_rtx();
  }
  return false;
}

Result<RtpParameters> MakeConsumerParameters(const RtpParameters& consumable, const RtpCapabilities& remote,
                                             bool enable_rtx, Random& random) {
  RtpParameters out;
  for (const RtpCodec& codec : consumable.codecs) {
    if (!enable_rtx && codec.is_rtx()) continue;
    const RtpCodec* matched = FindSame(remote.codecs, codec);
    if (!matched) continue;
    out.codecs.push_back(codec);
    out.codecs.back().rtcp_feedback = matched->rtcp_feedback;
    if (enable_rtx) continue;
    std::erase_if(out.codecs.back().rtcp_feedback,
                  [](const RtcpFeedback& fb) { return fb.type == "nack" && fb.parameter.empty(); });
  }
  const bool rtx = KeepUsefulRtx(out.codecs);
  if (out.codecs.empty()) return Fail("cannot_consume", "the client supports no codec of that producer");
  // T1: clients list each extension once, under one kind; id and URI decide.
  for (const auto& extension : consumable.header_extensions) {
    const bool known = std::any_of(remote.header_extensions.begin(), remote.header_extensions.end(),
                                   [&](const RtpHeaderExtension& theirs) {
                                     return theirs.preferred_id == extension.id && theirs.uri == extension.uri;
                                   });
    if (known) out.header_extensions.push_back(extension);
  }
  ReduceBandwidthFeedback(out);
  out.encodings.push_back(MakeConsumerEncoding(consumable.encodings, rtx, random));
  out.cname = consumable.cname;
  out.msid = consumable.msid;
  return out;
}

ProducerType TypeOf(const RtpParameters& producer) {
  if (producer.encodings.size() > 1) return ProducerType::kSimulcast;
  if (producer.encodings.empty()) return ProducerType::kSimple;
  const auto mode = ParseScalabilityMode(producer.encodings[0].scalability_mode.value_or(""));
  return mode.spatial_layers > 1 || mode.temporal_layers > 1 ? ProducerType::kSvc : ProducerType::kSimple;
}

}  // namespace jb::sfu
