// SPDX-License-Identifier: Apache-2.0
// Peers' JSON to values, and values to JSON. Everything is bounded: a peer chooses neither how much we
// store nor how deep we loop.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "sfu/ortc.h"
#include "sfu/ortc_internal.h"

namespace jb::sfu {
namespace {

constexpr std::size_t kMaxCodecs = 64;  // Chrome offers about 30 capabilities
constexpr std::size_t kMaxExtensions = 64;
constexpr std::size_t kMaxEncodings = 8;
constexpr std::size_t kMaxFeedback = 16;
constexpr std::size_t kMaxParameters = 32;
constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxMid = 32;
constexpr std::size_t kMaxRid = 16;     // RFC 8852 allows 255; browsers use "r0"
constexpr std::size_t kMaxCname = 255;  // RFC 3550 section 6.5: one length byte

Failure<Error> Invalid(std::string message) { return Fail("invalid_parameters", std::move(message)); }

// Whatever we echo to other participants' SDP: no control characters, so no line of it can be forged.
bool IsCleanText(std::string_view text, std::size_t max) {
  if (text.size() > max) return false;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  }
  return true;
}

bool IsToken(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max) return false;
  for (const char c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return true;
}

std::optional<std::uint32_t> GetU32(const json::value& from, std::string_view key) {
  const auto number = GetInt(from, key);
  if (!number || *number < 0 || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

bool Present(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  return v && !v->is_null();
}

// RFC 5761 section 4: 64 to 95 would look like RTCP.
bool IsPayloadType(std::uint32_t pt) { return pt <= 127 && (pt < 64 || pt > 95); }

Result<CodecParameters> ParseCodecParameters(const json::value& codec) {
  CodecParameters out;
  if (!Present(codec, "parameters")) return out;
  const json::object* object = GetObject(codec, "parameters");
  if (!object || object->size() > kMaxParameters) return Invalid("codec parameters must be a small object");
  for (const auto& [key, value] : *object) {
    if (!IsCleanText(key, kMaxText)) return Invalid("codec parameter name is not plain text");
    if (value.is_string()) {
      const std::string_view text = value.get_string();
      if (!IsCleanText(text, kMaxText)) return Invalid("codec parameter value is not plain text");
      out.emplace_back(key, std::string(text));
    } else if (const auto number = GetInt(codec.at("parameters"), key)) {
      out.emplace_back(key, *number);
    } else if (value.is_double() && std::isfinite(value.get_double())) {
      char text[32];
      std::snprintf(text, sizeof text, "%g", value.get_double());
      out.emplace_back(key, std::string(text));
    } else if (value.is_null()) {
      out.emplace_back(key, std::string());
    } else {
      return Invalid("codec parameter values must be texts or numbers");
    }
  }
  return out;
}

Result<std::vector<RtcpFeedback>> ParseFeedback(const json::value& codec) {
  std::vector<RtcpFeedback> out;
  if (!Present(codec, "rtcpFeedback")) return out;
  const json::array* array = GetArray(codec, "rtcpFeedback");
  if (!array || array->size() > kMaxFeedback) return Invalid("rtcpFeedback must be a short array");
  for (const json::value& item : *array) {
    const auto type = GetString(item, "type");
    if (!type || !IsCleanText(*type, kMaxText)) return Invalid("rtcpFeedback.type must be text");
    const auto parameter = GetString(item, "parameter").value_or("");
    if (!IsCleanText(parameter, kMaxText)) return Invalid("rtcpFeedback.parameter must be text");
    out.push_back({std::string(*type), std::string(parameter)});
  }
  return out;
}

Result<RtpCodec> ParseCodec(const json::value& from, std::string_view payload_type_key, bool payload_type_needed) {
  RtpCodec codec;
  const auto mime = GetString(from, "mimeType");
  if (!mime || !IsCleanText(*mime, 64)) return Invalid("codec.mimeType is missing");
  const auto kind = KindOfMime(*mime);
  if (!kind) return Invalid("codec.mimeType must be audio/... or video/...");
  codec.kind = *kind;
  codec.mime_type = *mime;
  const auto clock_rate = GetU32(from, "clockRate");
  if (!clock_rate || *clock_rate == 0) return Invalid("codec.clockRate is missing");
  codec.clock_rate = *clock_rate;
  if (Present(from, payload_type_key) || payload_type_needed) {
    const auto pt = GetU32(from, payload_type_key);
    if (!pt || !IsPayloadType(*pt)) return Invalid("codec payload type must be 0-63 or 96-127");
    codec.payload_type = static_cast<std::uint8_t>(*pt);
  }
  if (codec.kind == MediaKind::kAudio && Present(from, "channels")) {
    const auto channels = GetU32(from, "channels");
    if (!channels || *channels == 0 || *channels > 255) return Invalid("codec.channels must be 1-255");
    codec.channels = static_cast<std::uint8_t>(*channels);
  }
  JB_TRY(codec.parameters, ParseCodecParameters(from));
  JB_TRY(codec.rtcp_feedback, ParseFeedback(from));
  if (codec.is_rtx() && !codec.IntParameter("apt")) return Invalid("an rtx codec needs a numeric apt");
  return codec;
}

Status<> CheckCodecs(const std::vector<RtpCodec>& codecs) {
  bool seen[128] = {};
  bool media = false;
  for (const RtpCodec& codec : codecs) {
    if (seen[codec.payload_type]) return Invalid("a payload type appears twice");
    seen[codec.payload_type] = true;
    media |= codec.is_media();
  }
  if (!media) return Invalid("codecs must hold at least one media codec");
  for (const RtpCodec& rtx : codecs) {
    if (!rtx.is_rtx()) continue;
    bool found = false;
    for (const RtpCodec& codec : codecs) {
      found |= codec.is_media() && codec.payload_type == *rtx.IntParameter("apt");
    }
    if (!found) return Invalid("an rtx codec's apt names no media codec");
  }
  for (const RtpCodec& red : codecs) {
    if (!red.is_red()) continue;
    const bool found = std::any_of(codecs.begin(), codecs.end(), [&](const RtpCodec& codec) {
      return codec.is_media() && codec.clock_rate == red.clock_rate;
    });
    if (!found) return Invalid("a red codec needs a media codec of its clock rate");
  }
  return kOk;
}

Result<std::vector<RtpHeaderExtensionParameters>> ParseExtensions(const json::value& from) {
  std::vector<RtpHeaderExtensionParameters> out;
  if (!Present(from, "headerExtensions")) return out;
  const json::array* array = GetArray(from, "headerExtensions");
  if (!array || array->size() > kMaxExtensions) return Invalid("headerExtensions must be a short array");
  for (const json::value& item : *array) {
    const auto uri = GetString(item, "uri");
    const auto id = GetU32(item, "id");
    if (!uri || uri->empty() || !IsCleanText(*uri, kMaxText)) return Invalid("headerExtension.uri is missing");
    // RFC 8285: 0 is padding, 15 is reserved in one-byte headers.
    if (!id || *id == 0 || *id > 255 || *id == 15) return Invalid("headerExtension.id must be 1-14 or 16-255");
    if (GetBool(item, "encrypt").value_or(false)) return Invalid("encrypted header extensions are not supported");
    for (const auto& known : out) {
      if (known.id == *id || known.uri == *uri) return Invalid("a header extension appears twice");
    }
    out.push_back({std::string(*uri), static_cast<std::uint8_t>(*id)});
  }
  return out;
}

Status<> ParseEncodingSsrcs(const json::value& from, RtpEncoding& out) {
  if (Present(from, "ssrc")) {
    out.ssrc = GetU32(from, "ssrc");
    if (!out.ssrc || *out.ssrc == 0) return Invalid("encoding.ssrc must be a 32-bit number");
  }
  if (Present(from, "rtx")) {
    out.rtx_ssrc = GetU32(*GetMember(from, "rtx"), "ssrc");
    if (!out.rtx_ssrc || *out.rtx_ssrc == 0) return Invalid("encoding.rtx.ssrc must be a 32-bit number");
  }
  if (Present(from, "rid")) {
    const auto rid = GetString(from, "rid");
    if (!rid || !IsToken(*rid, kMaxRid)) return Invalid("encoding.rid must be a short token");
    out.rid = std::string(*rid);
  }
  return kOk;
}

Result<RtpEncoding> ParseEncoding(const json::value& from) {
  RtpEncoding out;
  if (!from.is_object()) return Invalid("encodings must be objects");
  JB_TRY_VOID(ParseEncodingSsrcs(from, out));
  if (Present(from, "codecPayloadType")) {
    const auto pt = GetU32(from, "codecPayloadType");
    if (!pt || !IsPayloadType(*pt)) return Invalid("encoding.codecPayloadType is out of range");
    out.codec_payload_type = static_cast<std::uint8_t>(*pt);
  }
  if (Present(from, "scalabilityMode")) {
    const auto mode = GetString(from, "scalabilityMode");
    if (!mode || !IsCleanText(*mode, 16)) return Invalid("encoding.scalabilityMode must be text");
    out.scalability_mode = std::string(*mode);
  }
  out.dtx = GetBool(from, "dtx").value_or(false);
  out.active = GetBool(from, "active");
  if (const auto scale = GetNumber(from, "scaleResolutionDownBy"); scale && *scale >= 1 && *scale <= 1000) {
    out.scale_resolution_down_by = scale;
  }
  if (const auto bitrate = GetInt(from, "maxBitrate"); bitrate && *bitrate > 0 && *bitrate <= 1'000'000'000) {
    out.max_bitrate = bitrate;
  }
  return out;
}

Result<std::vector<RtpEncoding>> ParseEncodings(const json::value& from) {
  std::vector<RtpEncoding> out;
  if (Present(from, "encodings")) {
    const json::array* array = GetArray(from, "encodings");
    if (!array || array->size() > kMaxEncodings) return Invalid("encodings must be a short array");
    for (const json::value& item : *array) {
      JB_TRY(RtpEncoding encoding, ParseEncoding(item));
      out.push_back(std::move(encoding));
    }
  }
  if (out.empty()) {
    out.emplace_back();
    out.back().dtx = false;
  }
  return out;
}

Status<> CheckEncodings(const std::vector<RtpEncoding>& encodings) {
  std::vector<std::uint32_t> ssrcs;
  for (std::size_t i = 0; i < encodings.size(); ++i) {
    const RtpEncoding& encoding = encodings[i];
    for (std::size_t j = 0; encoding.rid && j < i; ++j) {
      if (encodings[j].rid == encoding.rid) return Invalid("a rid appears twice");
    }
    for (const auto& ssrc : {encoding.ssrc, encoding.rtx_ssrc}) {
      if (!ssrc) continue;
      for (const std::uint32_t known : ssrcs) {
        if (known == *ssrc) return Invalid("an ssrc appears twice");
      }
      ssrcs.push_back(*ssrc);
    }
    const bool several = encodings.size() > 1;
    if (several && !encoding.rid && !encoding.ssrc) return Invalid("simulcast encodings need a rid or an ssrc");
  }
  return kOk;
}

Result<RtpHeaderExtension> ParseExtensionCapability(const json::value& from) {
  RtpHeaderExtension out;
  const auto uri = GetString(from, "uri");
  const auto id = GetU32(from, "preferredId");
  if (!uri || !IsCleanText(*uri, kMaxText)) return Invalid("headerExtension.uri is missing");
  if (!id || *id == 0 || *id > 255) return Invalid("headerExtension.preferredId is out of range");
  out.kind = ParseMediaKind(GetString(from, "kind").value_or(""));
  out.uri = *uri;
  out.preferred_id = static_cast<std::uint8_t>(*id);
  const std::string_view direction = GetString(from, "direction").value_or("sendrecv");
  if (direction == "sendonly") out.direction = ExtensionDirection::kSendOnly;
  if (direction == "recvonly") out.direction = ExtensionDirection::kRecvOnly;
  if (direction == "inactive") out.direction = ExtensionDirection::kInactive;
  return out;
}

std::string_view DirectionName(ExtensionDirection direction) {
  switch (direction) {
    case ExtensionDirection::kSendRecv: return "sendrecv";
    case ExtensionDirection::kSendOnly: return "sendonly";
    case ExtensionDirection::kRecvOnly: return "recvonly";
    case ExtensionDirection::kInactive: return "inactive";
  }
  return "inactive";
}

json::object CodecToJson(const RtpCodec& codec, std::string_view payload_type_key) {
  json::object out;
  out["mimeType"] = codec.mime_type;
  out[payload_type_key] = codec.payload_type;
  out["clockRate"] = codec.clock_rate;
  if (codec.kind == MediaKind::kAudio) out["channels"] = codec.channels;
  json::object parameters;
  for (const auto& [key, value] : codec.parameters) {
    std::visit([&, &name = key](const auto& v) { parameters[name] = v; }, value);
  }
  out["parameters"] = std::move(parameters);
  json::array feedback;
  for (const RtcpFeedback& fb : codec.rtcp_feedback) {
    feedback.push_back(json::object{{"type", fb.type}, {"parameter", fb.parameter}});
  }
  out["rtcpFeedback"] = std::move(feedback);
  return out;
}

json::object EncodingToJson(const RtpEncoding& encoding) {
  json::object out;
  if (encoding.ssrc) out["ssrc"] = *encoding.ssrc;
  if (encoding.rid) out["rid"] = *encoding.rid;
  if (encoding.rtx_ssrc) out["rtx"] = json::object{{"ssrc", *encoding.rtx_ssrc}};
  if (encoding.codec_payload_type) out["codecPayloadType"] = *encoding.codec_payload_type;
  if (encoding.active) out["active"] = *encoding.active;
  if (encoding.scalability_mode) out["scalabilityMode"] = *encoding.scalability_mode;
  if (encoding.scale_resolution_down_by) {
    // A whole number stays one in JSON.
    const double scale = *encoding.scale_resolution_down_by;
    if (std::trunc(scale) == scale) out["scaleResolutionDownBy"] = static_cast<std::int64_t>(scale);
    else out["scaleResolutionDownBy"] = scale;
  }
  if (encoding.max_bitrate) out["maxBitrate"] = *encoding.max_bitrate;
  if (encoding.dtx) out["dtx"] = *encoding.dtx;
  return out;
}

}  // namespace

Result<RtpParameters> ParseRtpParameters(const json::value& from) {
  RtpParameters out;
  if (!from.is_object()) return Invalid("rtpParameters must be an object");
  if (Present(from, "mid")) {
    const auto mid = GetString(from, "mid");
    if (!mid || !IsToken(*mid, kMaxMid)) return Invalid("mid must be a short token");
    out.mid = std::string(*mid);
  }
  const json::array* codecs = GetArray(from, "codecs");
  if (!codecs || codecs->empty() || codecs->size() > kMaxCodecs) return Invalid("codecs must be a short array");
  for (const json::value& item : *codecs) {
    JB_TRY(RtpCodec codec, ParseCodec(item, "payloadType", true));
    out.codecs.push_back(std::move(codec));
  }
  JB_TRY_VOID(CheckCodecs(out.codecs));
  JB_TRY(out.header_extensions, ParseExtensions(from));
  JB_TRY(out.encodings, ParseEncodings(from));
  JB_TRY_VOID(CheckEncodings(out.encodings));
  if (const json::value* rtcp = GetMember(from, "rtcp")) {
    const auto cname = GetString(*rtcp, "cname").value_or("");
    if (!IsCleanText(cname, kMaxCname)) return Invalid("rtcp.cname must be text of at most 255 bytes");
    out.cname = cname;
  }
  if (Present(from, "msid")) {
    const auto msid = GetString(from, "msid");
    if (!msid || !IsCleanText(*msid, kMaxText)) return Invalid("msid must be short text");
    out.msid = std::string(*msid);
  }
  return out;
}

Result<RtpCapabilities> ParseRtpCapabilities(const json::value& from) {
  RtpCapabilities out;
  if (!from.is_object()) return Invalid("rtpCapabilities must be an object");
  if (Present(from, "codecs")) {
    const json::array* codecs = GetArray(from, "codecs");
    if (!codecs || codecs->size() > kMaxCodecs) return Invalid("codecs must be a short array");
    for (const json::value& item : *codecs) {
      JB_TRY(RtpCodec codec, ParseCodec(item, "preferredPayloadType", false));
      out.codecs.push_back(std::move(codec));
    }
  }
  if (Present(from, "headerExtensions")) {
    const json::array* extensions = GetArray(from, "headerExtensions");
    if (!extensions || extensions->size() > kMaxExtensions) {
      return Invalid("headerExtensions must be a short array");
    }
    for (const json::value& item : *extensions) {
      JB_TRY(RtpHeaderExtension extension, ParseExtensionCapability(item));
      out.header_extensions.push_back(std::move(extension));
    }
  }
  return out;
}

json::object ToJson(const RtpCapabilities& capabilities) {
  json::array codecs, extensions;
  for (const RtpCodec& codec : capabilities.codecs) {
    json::object item = CodecToJson(codec, "preferredPayloadType");
    item["kind"] = MediaKindName(codec.kind);
    codecs.push_back(std::move(item));
  }
  for (const RtpHeaderExtension& extension : capabilities.header_extensions) {
    json::object item{{"uri", extension.uri},
                      {"preferredId", extension.preferred_id},
                      {"preferredEncrypt", false},
                      {"direction", DirectionName(extension.direction)}};
    if (extension.kind) item["kind"] = MediaKindName(*extension.kind);
    extensions.push_back(std::move(item));
  }
  return {{"codecs", std::move(codecs)}, {"headerExtensions", std::move(extensions)}};
}

json::object ToJson(const RtpParameters& parameters) {
  json::object out;
  if (parameters.mid) out["mid"] = *parameters.mid;
  json::array codecs, extensions, encodings;
  for (const RtpCodec& codec : parameters.codecs) codecs.push_back(CodecToJson(codec, "payloadType"));
  for (const auto& extension : parameters.header_extensions) {
    extensions.push_back(
        json::object{{"uri", extension.uri}, {"id", extension.id}, {"encrypt", false}, {"parameters", json::object()}});
  }
  for (const RtpEncoding& encoding : parameters.encodings) encodings.push_back(EncodingToJson(encoding));
  out["codecs"] = std::move(codecs);
  out["headerExtensions"] = std::move(extensions);
  out["encodings"] = std::move(encodings);
  out["rtcp"] = json::object{{"cname", parameters.cname}, {"reducedSize", true}};
  if (parameters.msid) out["msid"] = *parameters.msid;
  return out;
}

json::object ToJson(const RtpMapping& mapping) {
  json::array codecs, encodings;
  for (const RtpMapping::Codec& codec : mapping.codecs) {
    codecs.push_back(
        json::object{{"payloadType", codec.payload_type}, {"mappedPayloadType", codec.mapped_payload_type}});
  }
  for (const RtpMapping::Encoding& encoding : mapping.encodings) {
    json::object item{{"mappedSsrc", encoding.mapped_ssrc}};
    if (encoding.ssrc) item["ssrc"] = *encoding.ssrc;
    if (encoding.rid) item["rid"] = *encoding.rid;
    encodings.push_back(std::move(item));
  }
  return {{"codecs", std::move(codecs)}, {"encodings", std::move(encodings)}};
}

}  // namespace jb::sfu
