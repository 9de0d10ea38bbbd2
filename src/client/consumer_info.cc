// SPDX-License-Identifier: Apache-2.0
#include "client/consumer_info.h"

#include "proto/rtp/extensions.h"

namespace jb::client {
namespace {

Failure<Error> Missing(const char* what) {
  return Fail("invalid_consumer", std::string("the server's consumer has no ") + what);
}

bool HasFeedback(const json::value& codec, std::string_view type, std::string_view parameter) {
  const json::array* all = GetArray(codec, "rtcpFeedback");
  if (!all) return false;
  for (const json::value& one : *all) {
    if (GetString(one, "type") == type && GetString(one, "parameter").value_or("") == parameter) return true;
  }
  return false;
}

// The RTX codec that belongs to the media codec, and the encoding's SSRC for it.
void ParseRepair(const json::array& codecs, const json::value& encoding, ConsumerInfo& info) {
  const json::value* rtx = GetMember(encoding, "rtx");
  const auto ssrc = rtx ? GetInt(*rtx, "ssrc") : std::nullopt;
  if (!ssrc) return;
  for (const json::value& codec : codecs) {
    const json::value* parameters = GetMember(codec, "parameters");
    const auto payload_type = GetInt(codec, "payloadType");
    if (!parameters || !payload_type || GetInt(*parameters, "apt") != info.payload_type) continue;
    info.rtx_ssrc = rtp::Ssrc(static_cast<std::uint32_t>(*ssrc));
    info.rtx_payload_type = static_cast<std::uint8_t>(*payload_type & 0x7F);
  }
}

std::uint8_t ExtensionId(const json::value& parameters, std::string_view uri) {
  const json::array* all = GetArray(parameters, "headerExtensions");
  if (!all) return 0;
  for (const json::value& one : *all) {
    const auto id = GetInt(one, "id");
    if (GetString(one, "uri") == uri && id && *id > 0 && *id < 256) return static_cast<std::uint8_t>(*id);
  }
  return 0;
}

}  // namespace

Result<ConsumerInfo> ParseConsumer(const json::value& data) {
  const auto id = GetString(data, "id");
  const auto producer = GetString(data, "producerId");
  const auto kind = GetString(data, "kind");
  const json::value* parameters = GetMember(data, "rtpParameters");
  if (!id || !producer || !kind || !parameters) return Missing("id, producerId, kind or rtpParameters");
  const json::array* encodings = GetArray(*parameters, "encodings");
  const json::array* codecs = GetArray(*parameters, "codecs");
  if (!encodings || encodings->empty() || !codecs || codecs->empty()) return Missing("encoding or codec");
  const json::value& codec = codecs->front();
  const auto ssrc = GetInt(encodings->front(), "ssrc");
  const auto payload_type = GetInt(codec, "payloadType");
  const auto clock_rate = GetInt(codec, "clockRate");
  if (!ssrc || !payload_type || !clock_rate || *clock_rate <= 0) return Missing("ssrc, payloadType or clockRate");

  ConsumerInfo info;
  info.id = *id;
  info.producer_id = *producer;
  info.audio = *kind == "audio";
  if (const auto* known = media::FindCodec(GetString(codec, "mimeType").value_or(""))) info.codec = known->codec;
  info.ssrc = rtp::Ssrc(static_cast<std::uint32_t>(*ssrc));
  info.payload_type = static_cast<std::uint8_t>(*payload_type & 0x7F);
  info.clock_rate = static_cast<std::uint32_t>(*clock_rate);
  ParseRepair(*codecs, encodings->front(), info);
  info.nack = HasFeedback(codec, "nack", "");
  info.pli = HasFeedback(codec, "nack", "pli");
  if (HasFeedback(codec, "transport-cc", "")) info.transport_cc_id = ExtensionId(*parameters, rtp::kTransportCcUri);
  info.producer_paused = GetBool(data, "producerPaused").value_or(false);
  return info;
}

}  // namespace jb::client
