// SPDX-License-Identifier: Apache-2.0
// What the answer to `consume` tells about a stream: the part of mediasoup-client's consumer options that a
// receiver needs. A value; pure parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "media/payload/codec.h"
#include "proto/rtp/types.h"

namespace jb::client {

struct ConsumerInfo {
  std::string id;
  std::string producer_id;
  bool audio = false;
  std::optional<media::Codec> codec;  // nullopt: one that we do not know
  rtp::Ssrc ssrc;
  std::uint8_t payload_type = 0;
  std::uint32_t clock_rate = 48000;
  // Of retransmissions; nullopt: there are none.
  std::optional<rtp::Ssrc> rtx_ssrc;
  std::uint8_t rtx_payload_type = 0;
  bool nack = false;                  // lost packets may be asked for
  bool pli = false;                   // so may key frames
  std::uint8_t transport_cc_id = 0;   // of the header extension; 0: not negotiated
  bool producer_paused = false;
};

// "invalid_consumer" when something is missing; names what.
Result<ConsumerInfo> ParseConsumer(const json::value& ack_data);

}  // namespace jb::client
