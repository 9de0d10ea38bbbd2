// SPDX-License-Identifier: Apache-2.0
// Media over TCP, RFC 4571: each packet after its length in two bytes. Listens and accepts; never
// connects (ICE-lite is passive: RFC 6544). Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "io/loop.h"

namespace jb::io {

// Cuts a byte stream into RFC 4571 frames. Sans-IO; holds at most one frame.
//
//   0                   1
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 ...
//  +-------------------------------+--------------
//  |        length, big-endian     |  packet
//  +-------------------------------+--------------
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_frame) : max_frame_(max_frame) {}
  // Calls `on_frame` with each whole frame, which it may change in place; stops early when it answers
  // false. Answers false when a length is zero or exceeds the limit: the stream is then lost.
  bool Push(ByteSpan bytes, const std::function<bool(ByteSpan)>& on_frame);

 private:
  std::size_t FillPartial(ByteView bytes);

  const std::size_t max_frame_;
  Bytes partial_;  // the start of a frame, with its length
};

struct FramedTcpOptions {
  std::size_t max_frame = 2048;  // bytes; a longer length closes the connection
  // When they are all taken a newcomer takes the place of the oldest that has proved nothing; when all
  // have, it is closed at once. At most a sixteenth of the descriptors this process may have (file_limit.h).
  std::size_t max_connections = 1024;
  std::size_t max_queued_bytes = 256 * 1024;          // per connection; frames beyond it are dropped and counted
  Duration proof_timeout = std::chrono::seconds(10);  // a newcomer has so long to prove who it is
  Duration idle_timeout = std::chrono::seconds(60);   // and so long to do it again: twice the consent of ICE
};

struct FramedTcpStats {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;       // over max_connections: newcomers, or those they replaced
  std::uint64_t bad_length = 0;    // connections closed for it
  std::uint64_t send_dropped = 0;  // frames a slow peer did not take
};

class FramedTcpServer {
 public:
  // `from.connection` is unique over the life of the server and never 0. The frame is valid during the
  // call and may be changed in place. Answers whether the peer has proved that it belongs here: bytes
  // alone, which anybody can send, hold no place.
  using FrameHandler = std::function<bool(const Tuple& from, ByteSpan frame)>;
  // Once per connection that delivered a frame; not for Close() and not at destruction.
  using ClosedHandler = std::function<void(const Tuple& from)>;

  static Result<std::unique_ptr<FramedTcpServer>> Listen(Loop& loop, const SocketAddress& bind, FrameHandler on_frame,
                                                         ClosedHandler on_closed, const FramedTcpOptions& options = {});
  virtual ~FramedTcpServer() = default;  // closes all connections

  // Unknown connections are ignored: they may just have closed.
  virtual void Send(std::uint64_t connection, ByteView packet) = 0;
  virtual void Close(std::uint64_t connection) = 0;

  virtual const SocketAddress& local_address() const = 0;
  virtual const FramedTcpStats& stats() const = 0;
};

}  // namespace jb::io
