// SPDX-License-Identifier: Apache-2.0
// The usual picture: Alice sends, Bob receives.
#pragma once

#include <deque>
#include <utility>

#include "scenario/media_sender.h"

namespace jb::scenario {

class Call {
 public:
  explicit Call(std::uint64_t seed = 1);

  // Both transports, as far as DTLS.
  void Connect();
  // Produced as "mic" and "camera".
  MediaSender& Microphone(SenderOptions options = {});
  MediaSender& Camera(SenderOptions options = {});
  // "camera" in two streams, r0 below r1; `with_rtx`: with retransmission streams.
  std::pair<MediaSender&, MediaSender&> SimulcastCamera(bool with_rtx);
  // One that the test produced itself.
  MediaSender& AddSender(SenderOptions options) { return senders_.emplace_back(alice, std::move(options)); }
  // Consumed and resumed, by a client of those capabilities.
  MediaReceiver& Watch(const std::string& producer, const json::value& capabilities);
  MediaReceiver& Watch(const std::string& producer) { return Watch(producer, RecvCapabilities(world.worker())); }

  // 30 frames per second; receivers ask for what is missing.
  void SendVideo(MediaSender& camera, int frames, bool answer_pli);
  // Lets everybody repair what is still missing.
  void Settle(Duration span = 2s);
  std::uint64_t Drops(sfu::DropReason reason) { return world.worker().stats().drops[static_cast<std::size_t>(reason)]; }

  World world;
  TestPeer alice, bob;
  ConsumerId last_consumer;
  json::value last_consumed;

 private:
  std::deque<MediaSender> senders_;
  std::deque<MediaReceiver> receivers_;
  std::uint32_t next_consumer_ = 0;
};

}  // namespace jb::scenario
