// SPDX-License-Identifier: Apache-2.0
// A socket of somebody who has proved nothing to the server. It sends one kind of datagram only, so that what comes
// back can be set against what it answers. Loop thread; borrows the fleet's loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "io/udp_fleet.h"

namespace jb::hostile {

class Stranger {
 public:
  // `datagrams`, at least one, are sent in turn; `server` says which address family.
  Stranger(io::UdpFleet& sockets, const SocketAddress& server, std::string kind, std::vector<Bytes> datagrams);
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  static constexpr std::size_t kVolley = 16;  // datagrams
  void Throw();

  const std::string& kind() const { return kind_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  std::uint64_t received() const { return received_; }
  std::uint64_t bytes_received() const { return bytes_received_; }
  // More bytes or datagrams came back than went out, or one that is larger than any it could answer.
  bool Amplified() const;

 private:
  const SocketAddress server_;
  const std::string kind_;
  const std::vector<Bytes> datagrams_;
  std::size_t largest_ = 0;  // of them
  std::size_t next_ = 0;
  std::unique_ptr<io::UdpSocket> socket_;
  std::uint64_t sent_ = 0, bytes_sent_ = 0, received_ = 0, bytes_received_ = 0;
  std::size_t largest_received_ = 0;
};

}  // namespace jb::hostile
