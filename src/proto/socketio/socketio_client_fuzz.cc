// SPDX-License-Identifier: Apache-2.0
// A hostile server: any frames into the Socket.IO client. 0xFF starts a text frame, 0xFE a binary one.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/socketio/client.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jb::socketio;
  jb::Time now{1s};
  Client client({}, now);
  int ends = 0;
  const auto drain = [&] {
    while (auto output = client.Poll()) {
      JB_CHECK(ends == 0);  // the end is the last word
      if (std::get_if<Client::Ended>(&*output)) ++ends;
      if (auto* event = std::get_if<Client::Event>(&*output); event && event->ack) {
        client.Acknowledge(*event->ack, {});
      }
    }
  };
  std::size_t at = 0;
  while (at < size && !client.ended()) {
    const bool binary = data[at] == 0xFE;
    if (data[at] >= 0xFE) ++at;
    const std::size_t start = at;
    while (at < size && data[at] < 0xFE) ++at;
    const std::string_view frame = jb::AsText({data + start, at - start});
    binary ? client.HandleBinary(frame, now) : client.HandleText(frame, now);
    if (client.connected()) client.EmitWithAck("q", {}, now);
    drain();
    now += 1s;
    client.HandleTimeout(now);
    drain();
  }
  client.HandleClosed(now);
  if (ends == 0) drain();
  JB_CHECK(ends == 1 && !client.NextDeadline());
  return 0;
}
