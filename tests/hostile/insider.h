// SPDX-License-Identifier: Apache-2.0
// An attacker who has joined the room: a transport with keys of its own, one producer on it, and what can be done with
// them. Everything it sends is authentic SRTP; what it says is not. Loop thread; borrows the loop and the Random.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/ice_agent.h"
#include "client/peer_link.h"
#include "client/signaling.h"
#include "io/udp_fleet.h"
#include "proto/rtp/types.h"

namespace jb::hostile {

class Insider {
 public:
  Insider(io::Loop& loop, io::UdpFleet& sockets, Random& random, std::string url, std::string room);

  void Start() { signaling_.Connect(); }
  void Leave();
  bool ready() const { return producing_ && link_ && link_->connected(); }
  const std::string& error() const { return error_; }
  SocketAddress server() const { return *link_->transport().selected(); }
  // The server's side of its ICE credentials: a stranger could have seen the ufrag on the wire.
  const client::IceCredentials& ice() const { return ice_; }

  // The stream that it announced: 160-byte payloads, as they go over the wire. Kept, to be replayed.
  void SendHonest();
  const Bytes& AnyCaptured();

  // Authentic, dishonest.
  void Replay();
  void SendTruncated();
  void SendFromOtherSsrc();  // new SSRCs with the mid that it announced
  void SendWithOtherMid();   // new SSRCs with mids and rids that it did not
  void FloodRtcp();          // NACK, PLI, FIR, BYE, REMB and malformed ones, about its own stream and about others

 private:
  void Ask(std::string_view event, json::object data, std::function<void(const json::value&)> done);
  void Join(const std::string& room);
  void OpenTransport(const json::value& options);
  void Produce();
  Bytes Packet(rtp::Ssrc ssrc, std::string_view mid, std::string_view rid);
  rtp::Ssrc AnySsrc();
  void SendRtp(Bytes packet);

  io::Loop& loop_;
  io::UdpFleet& sockets_;
  Random& random_;
  const std::shared_ptr<const crypto::Certificate> certificate_;
  client::Signaling signaling_;
  std::unique_ptr<client::PeerLink> link_;
  io::UdpSocket* socket_ = nullptr;  // of link_
  client::IceCredentials ice_;
  bool producing_ = false;
  std::string error_;
  const rtp::Ssrc ssrc_;
  std::map<std::uint32_t, std::uint16_t> next_seq_;  // by SSRC: SRTP protects a number once
  std::vector<rtp::Ssrc> pool_;                      // SSRCs to hijack with
  std::deque<Bytes> captured_;
};

}  // namespace jb::hostile
