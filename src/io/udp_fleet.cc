// SPDX-License-Identifier: Apache-2.0
#include "io/udp_fleet.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cstring>
#include <utility>
#include <vector>

#include "io/asio_loop.h"
#include "io/clock.h"
#include "io/socket_util.h"
#include "io/udp_receive_batch.h"
#include "io/udp_send_batch.h"
#include "io/udp_sender.h"

namespace jb::io {
namespace {

constexpr std::size_t kBatch = 32;    // datagrams per recvmmsg; one client seldom has more waiting
constexpr int kEvents = 256;          // sockets per epoll_wait
constexpr int kRoundsPerTurn = 4;     // then timers and other sockets of the loop get their turn
constexpr std::chrono::microseconds kLookEvery(250);
constexpr std::size_t kControl = 64;  // bytes: one SCM_TIMESTAMPNS

std::optional<WallTime> KernelTime(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec at;
    std::memcpy(&at, CMSG_DATA(c), sizeof at);
    return WallTime(std::chrono::seconds(at.tv_sec) + std::chrono::microseconds(at.tv_nsec / 1000));
  }
  return std::nullopt;
}

}  // namespace

struct UdpFleet::Impl : std::enable_shared_from_this<UdpFleet::Impl> {
  struct Slot {
    int fd = -1;
    std::uint32_t generation = 0;  // of the slot's user: events of an earlier one mean nothing
    bool is_v6 = false;
    UdpSocket::Handler handler;
    std::function<void()> on_batch_end;
    UdpStats stats;
  };

  explicit Impl(Loop& loop) : context(ContextOf(loop)), next_look(loop), watch(epoll_create1(EPOLL_CLOEXEC)) {}
  ~Impl() { ::close(watch); }

  // Nobody sleeps on the epoll instance: whoever sends to the fleet from this machine would pay for each waking.
  void Wait() {
    next_look.StartIn(kLookEvery, [this] {
      const auto keep = shared_from_this();
      Turn();
      if (!closed) Wait();
    });
  }

  void Close() {
    closed = true;
    Flush();
    next_look.Cancel();
  }

  std::size_t Add(int fd, bool is_v6, UdpSocket::Handler handler) {
    std::size_t index = 0;
    while (index < slots.size() && slots[index]->fd >= 0) ++index;
    if (index == slots.size()) slots.push_back(std::make_unique<Slot>());
    Slot& slot = *slots[index];
    slot.fd = fd;
    slot.is_v6 = is_v6;
    slot.handler = std::move(handler);
    slot.stats = {};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = (std::uint64_t{slot.generation} << 32) | index;
    epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event);
    return index;
  }

  // The handler may be running: it stays until the slot has another user.
  void Remove(std::size_t index) {
    Slot& slot = *slots[index];
    if (sender == &slot) Flush();
    ::close(slot.fd);
    slot.fd = -1;
    ++slot.generation;
  }

  void Turn() {
    std::array<epoll_event, kEvents> events;
    for (int round = 0; round < kRoundsPerTurn && !closed; ++round) {
      const int n = epoll_wait(watch, events.data(), kEvents, 0);
      for (int i = 0; i < n && !closed; ++i) {
        const std::uint64_t data = events[static_cast<std::size_t>(i)].data.u64;
        Read(static_cast<std::uint32_t>(data), static_cast<std::uint32_t>(data >> 32));
      }
      if (n < kEvents) break;
    }
    Flush();
  }

  void Read(std::size_t index, std::uint32_t generation) {
    Slot& slot = *slots[index];
    if (slot.fd < 0 || slot.generation != generation) return;
    const std::size_t n = in.Read(slot.fd);
    const auto is_open = [&] { return !closed && slot.fd >= 0 && slot.generation == generation; };
    for (std::size_t i = 0; i < n && is_open(); ++i) {
      ++slot.stats.received;
      if (in.truncated(i)) {
        ++slot.stats.oversized;
        continue;
      }
      arrival = KernelTime(in.header(i));
      slot.handler(in.from(i), in.bytes(i));
    }
    arrival.reset();
    if (is_open() && slot.on_batch_end) slot.on_batch_end();
  }

  void Send(Slot& slot, const SocketAddress& to, ByteView datagram) {
    if (closed || slot.fd < 0 || datagram.size() > kMaxDatagram) {
      ++slot.stats.send_dropped;
      return;
    }
    if (sender != &slot) Flush();
    sender = &slot;
    if (out.Push(to, datagram)) {
      Flush();
    } else if (!flush_posted) {
      flush_posted = true;
      asio::post(context, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->flush_posted = false;
          self->Flush();
        }
      });
    }
  }

  void Flush() {
    if (sender == nullptr) return;
    Slot& slot = *std::exchange(sender, nullptr);
    if (!out.empty()) out.Flush(slot.fd, SenderOf(slot), slot.stats);
  }

  void SendAll(Slot& slot, std::span<const UdpOutgoing> datagrams) {
    if (closed || slot.fd < 0) {
      slot.stats.send_dropped += datagrams.size();
      return;
    }
    if (sender == &slot) Flush();
    SenderOf(slot).Send(slot.fd, datagrams, slot.stats);
  }

  UdpSender& SenderOf(const Slot& slot) { return slot.is_v6 ? sender_v6 : sender_v4; }

  asio::io_context& context;
  Timer next_look;
  const int watch;  // the epoll instance
  std::vector<std::unique_ptr<Slot>> slots;
  bool closed = false;

  UdpReceiveBatch<kBatch, kControl> in;
  std::optional<WallTime> arrival;

  UdpSendBatch out;
  UdpSender sender_v4{false}, sender_v6{true};
  Slot* sender = nullptr;  // whose datagrams are in the batch
  bool flush_posted = false;
};

namespace {

class FleetSocket final : public UdpSocket {
 public:
  FleetSocket(std::shared_ptr<UdpFleet::Impl> fleet, std::size_t index, const SocketAddress& local)
      : fleet_(std::move(fleet)), index_(index), slot_(*fleet_->slots[index]), local_(local) {}
  ~FleetSocket() override { fleet_->Remove(index_); }
  void Send(const SocketAddress& to, ByteView datagram) override { fleet_->Send(slot_, to, datagram); }
  void Flush() override {
    if (fleet_->sender == &slot_) fleet_->Flush();
  }
  void SendAll(std::span<const UdpOutgoing> datagrams) override { fleet_->SendAll(slot_, datagrams); }
  void set_on_batch_end(std::function<void()> fn) override { slot_.on_batch_end = std::move(fn); }
  const SocketAddress& local_address() const override { return local_; }
  const UdpStats& stats() const override { return slot_.stats; }

 private:
  const std::shared_ptr<UdpFleet::Impl> fleet_;
  const std::size_t index_;
  UdpFleet::Impl::Slot& slot_;
  const SocketAddress local_;
};

}  // namespace

UdpFleet::UdpFleet(Loop& loop) : impl_(std::make_shared<Impl>(loop)) { impl_->Wait(); }
UdpFleet::~UdpFleet() { impl_->Close(); }

WallTime UdpFleet::arrival() const { return impl_->arrival.value_or(WallNow()); }

Result<std::unique_ptr<UdpSocket>> UdpFleet::Open(const SocketAddress& bind, UdpSocket::Handler handler,
                                                  const UdpOptions& options) {
  JB_TRY(const int fd, OpenBound(bind, SOCK_DGRAM));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(int));
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options.send_buffer, sizeof(int));
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  const std::size_t index = impl_->Add(fd, bind.is_v6, std::move(handler));
  return std::unique_ptr<UdpSocket>(std::make_unique<FleetSocket>(impl_, index, LocalAddressOf(fd)));
}

}  // namespace jb::io
