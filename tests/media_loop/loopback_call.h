// SPDX-License-Identifier: Apache-2.0
// A media worker as in the server, with its own thread and sockets, and clients on loopback with real ICE, DTLS and
// SRTP: speakers who send video, and listeners of each. The clients live on the caller's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/peer_link.h"
#include "client/video_track.h"
#include "crypto/certificate.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "services/gateway/media_worker.h"

namespace jb::media_loop {

struct CallShape {
  std::size_t speakers = 1;
  std::size_t listeners_each = 10;
  std::size_t packets_per_frame = 4;
  Duration frame_interval = std::chrono::milliseconds(33);
};

class LoopbackCall {
 public:
  explicit LoopbackCall(const CallShape& shape);
  ~LoopbackCall();

  struct Load {
    std::size_t speakers = ~std::size_t{0};  // the first so many of them send
    std::size_t nack_each = 0;               // listeners ask for every so-manieth packet again; 0: for none
  };
  void Run(Duration span, Load load);
  // Runs on the media loop and waits for it.
  void OnMediaLoop(const std::function<void(sfu::Worker&)>& work);
  Duration MediaLoopCpu() { return worker_->CpuTime(); }

  std::uint64_t received() const { return received_; }            // media, by all listeners
  std::uint64_t received_again() const { return received_again_; }  // RTX

 private:
  struct Speaker {
    std::unique_ptr<client::VideoTrack> track;
    std::unique_ptr<client::PeerLink> link;
    std::unique_ptr<io::Timer> timer;
  };
  struct Listener {
    std::unique_ptr<client::PeerLink> link;
    std::uint32_t ssrc = 0;
    std::uint64_t packets = 0;
  };

  void StartWorker();
  template <class T>
  T Ask(std::function<Result<T>(sfu::Worker&, Time)> work);
  std::unique_ptr<client::PeerLink> Connect(const std::string& name, sfu::TransportDirection direction,
                                            std::function<void(client::PeerTransport::Kind, ByteView)> on_packet);
  void AddSpeaker(std::size_t index, const CallShape& shape);
  void AddListener(const std::string& name, const ProducerId& producer);
  void SendFrame(Speaker& speaker);
  void Hear(Listener& listener, ByteView packet);

  io::Loop loop_{"clients"};
  Metrics metrics_;
  crypto::SystemRandom random_;
  std::shared_ptr<const crypto::Certificate> certificate_ = crypto::Certificate::Make();
  services::TapMailbox taps_;
  std::unique_ptr<services::MediaWorker> worker_;
  std::vector<std::unique_ptr<Speaker>> speakers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t nack_each_ = 0;
  std::uint64_t received_ = 0, received_again_ = 0;
};

}  // namespace jb::media_loop
