// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/media_worker.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <span>
#include <utility>

#include "base/log.h"
#include "crypto/random.h"
#include "io/clock.h"
#include "io/framed_tcp.h"
#include "io/udp_socket.h"

namespace jb::services {
namespace {

constexpr std::size_t kInjectBox = 4096;  // 80 s of one voice, or 1 s of 80 voices
constexpr Duration kPublishEvery = std::chrono::seconds(1);
const std::vector<double> kForwardBounds = {5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 5e-2};

// What a media loop tells Prometheus, as differences once a second.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(Metrics& metrics)
      : packets_in_(metrics.GetCounter("jbcalling_rtp_packets_total", kPackets, {{"direction", "in"}})),
        packets_out_(metrics.GetCounter("jbcalling_rtp_packets_total", kPackets, {{"direction", "out"}})),
        bytes_in_(metrics.GetCounter("jbcalling_rtp_bytes_total", kBytes, {{"direction", "in"}})),
        bytes_out_(metrics.GetCounter("jbcalling_rtp_bytes_total", kBytes, {{"direction", "out"}})),
        retransmitted_(
            metrics.GetCounter("jbcalling_rtp_retransmitted_total", "RTP packets sent again because a receiver asked")),
        recovered_(
            metrics.GetCounter("jbcalling_rtp_recovered_total", "RTP packets that were lost and came after all")),
        recovered_by_redundancy_(metrics.GetCounter("jbcalling_rtp_recovered_by_redundancy_total",
                                                    "Those of them that were in a later packet (RED)")),
        probation_(metrics.GetCounter("jbcalling_probation_packets_total",
                                      "RTP packets sent out that are padding, to measure a link")),
        piped_(metrics.GetCounter("jbcalling_piped_total", "Packets and requests handed to another media worker")),
        estimated_links_(metrics.GetGauge("jbcalling_estimated_links", "Receivers whose link's bandwidth is estimated")),
        available_(metrics.GetGauge("jbcalling_available_outgoing_bits_per_second",
                                    "What those links are believed to carry, together")),
        producers_(metrics.GetGauge("jbcalling_producers", "Producers open in the SFU")),
        consumers_(metrics.GetGauge("jbcalling_consumers", "Consumers open in the SFU")) {
    for (std::size_t i = 0; i < kReasons; ++i) {
      drops_.push_back(metrics.GetCounter("jbcalling_dropped_total",
                                          "Datagrams and packets that went no further, by reason",
                                          {{"reason", sfu::DropReasonName(static_cast<sfu::DropReason>(i))}}));
    }
  }

  // What was open here is open no more.
  ~WorkerMetrics() {
    producers_.Add(-static_cast<double>(last_.producers));
    consumers_.Add(-static_cast<double>(last_.consumers));
  }
  WorkerMetrics(const WorkerMetrics&) = delete;
  WorkerMetrics& operator=(const WorkerMetrics&) = delete;

  void Publish(const sfu::WorkerStats& now) {
    packets_in_.Add(Difference(now.packets_in, last_.packets_in));
    packets_out_.Add(Difference(now.packets_out, last_.packets_out));
    bytes_in_.Add(Difference(now.bytes_in, last_.bytes_in));
    bytes_out_.Add(Difference(now.bytes_out, last_.bytes_out));
    retransmitted_.Add(Difference(now.retransmitted, last_.retransmitted));
    recovered_.Add(Difference(now.recovered, last_.recovered));
    recovered_by_redundancy_.Add(Difference(now.recovered_by_redundancy, last_.recovered_by_redundancy));
    piped_.Add(Difference(now.piped_out, last_.piped_out));
    probation_.Add(Difference(now.probation_packets_out, last_.probation_packets_out));
    estimated_links_.Add(Difference(now.estimated_links, last_.estimated_links));
    available_.Add(Difference(now.available_outgoing_bps, last_.available_outgoing_bps));
    producers_.Add(Difference(now.producers, last_.producers));
    consumers_.Add(Difference(now.consumers, last_.consumers));
    for (std::size_t i = 0; i < kReasons; ++i) drops_[i].Add(Difference(now.drops[i], last_.drops[i]));
    last_ = now;
  }

 private:
  static constexpr std::size_t kReasons = static_cast<std::size_t>(sfu::DropReason::kCount);
  static constexpr const char* kPackets = "RTP packets that authenticated (in) or were sent (out)";
  static constexpr const char* kBytes = "Bytes of those RTP packets";
  static double Difference(std::uint64_t now, std::uint64_t last) {
    return static_cast<double>(now) - static_cast<double>(last);
  }

  Counter packets_in_, packets_out_, bytes_in_, bytes_out_, retransmitted_, recovered_, recovered_by_redundancy_;
  Counter probation_, piped_;
  Gauge estimated_links_, available_, producers_, consumers_;
  std::vector<Counter> drops_;
  sfu::WorkerStats last_;
};

// How long forwarded packets were here: from the reading of a datagram to the system call that gave what came
// of it to the kernel. Counted here and published once a second: Prometheus's own histogram takes a lock for
// each value.
class ForwardDelay {
 public:
  explicit ForwardDelay(Metrics& metrics)
      : histogram_(metrics.GetHistogram("jbcalling_forward_seconds",
                                        "Packet read to what it became handed to the kernel", kForwardBounds)),
        counts_(kForwardBounds.size() + 1) {}

  void Count(double seconds, std::size_t packets) {
    const auto bucket = std::lower_bound(kForwardBounds.begin(), kForwardBounds.end(), seconds);
    counts_[static_cast<std::size_t>(bucket - kForwardBounds.begin())] += static_cast<double>(packets);
    sum_ += seconds * static_cast<double>(packets);
  }
  void Publish() {
    if (sum_ == 0) return;
    histogram_.ObserveCounted(counts_, sum_);
    counts_.assign(counts_.size(), 0);
    sum_ = 0;
  }

 private:
  Histogram histogram_;
  std::vector<double> counts_;
  double sum_ = 0;
};

// Everything that lives on the media loop.
class MediaLoop : public sfu::WorkerOutput {
 public:
  MediaLoop(io::Loop& loop, const MediaWorkerConfig& config, Metrics& metrics, TapMailbox& taps,
            std::function<void(const sfu::WorkerEvent&)> on_event)
      : loop_(loop),
        taps_(taps),
        on_event_(std::move(on_event)),
        metrics_(metrics),
        forward_delay_(metrics),
        tap_dropped_(
            metrics.GetCounter("jbcalling_tap_dropped_total", "Microphone packets the interpreter had no room for")),
        pipe_dropped_(metrics.GetCounter("jbcalling_pipe_dropped_total",
                                         "Packets and requests that another media worker was too busy to take")),
        pipes_(loop, [this] { DrainPipes(); }),
        worker_(WorkerConfigOf(config), random_, *this),
        driver_(loop, worker_, [this] { pipes_.Flush(); }),
        publish_(loop) {}

  Status<> Open(const MediaWorkerConfig& config) {
    for (SocketAddress address : config.listen) {
      address.port = config.port;
      JB_TRY_VOID(OpenUdp(address));
      JB_TRY_VOID(OpenTcp(address));
    }
    PublishLater();
    return kOk;
  }

  void Run(const std::function<void(sfu::Worker&, Time)>& work) {
    work(worker_, io::Now());
    Settle();
  }

  void Inject(const InjectedFrame& frame) {
    worker_.InjectOpus(frame.producer, frame.opus, frame.timestamp, frame.marker, frame.level_dbov, frame.voice,
                       io::Now());
    Settle();
  }

  PipePorts& pipes() { return pipes_; }
  const sfu::Worker& worker() const { return worker_; }

 private:
  // A tuple has no local address, but an answer must leave from where the question arrived, or a NAT and
  // ICE itself discard it. So `connection` says it too: for UDP the socket, for TCP the server below the
  // number that the server gave the connection.
  static constexpr std::size_t kMaxListen = 256;
  static constexpr unsigned kListenBits = 8;
  static constexpr std::size_t kMaxBatch = 64;  // what the worker is given, and the sockets, at once

  Status<> OpenUdp(const SocketAddress& address) {
    const std::uint64_t index = udp_.size();
    if (index >= kMaxListen) return Fail("configuration", "media.listen names too many addresses");
    JB_TRY(auto udp, io::UdpSocket::OpenBatched(
                         loop_, address,
                         [this, index](std::span<const io::UdpIncoming> datagrams) { ReceiveUdp(index, datagrams); }));
    udp->set_on_batch_end([this] { Settle(); });
    udp_.push_back(std::move(udp));
    return kOk;
  }

  Status<> OpenTcp(const SocketAddress& address) {
    const std::uint64_t index = tcp_.size();
    const auto ours = [index](Tuple from) {
      from.connection = from.connection << kListenBits | index;
      return from;
    };
    JB_TRY(auto tcp, io::FramedTcpServer::Listen(
                         loop_, address,
                         [this, ours](const Tuple& from, ByteSpan data) {
                           const Tuple tuple = ours(from);
                           worker_.HandleDatagram(tuple, data, io::Now());
                           Settle();
                           return worker_.IsValidTuple(tuple);
                         },
                         [this, ours](const Tuple& from) {
                           worker_.HandleTupleClosed(ours(from), io::Now());
                           Settle();
                         }));
    tcp_.push_back(std::move(tcp));
    return kOk;
  }

  static sfu::WorkerConfig WorkerConfigOf(const MediaWorkerConfig& config) {
    sfu::WorkerConfig out;
    for (auto protocol : {TransportProtocol::kUdp, TransportProtocol::kTcp}) {
      for (SocketAddress address : config.announce) {
        address.port = config.port;
        out.announced.push_back({address, protocol});
      }
    }
    out.certificate = config.certificate;
    out.wall_clock_offset = io::WallNow().time_since_epoch() - io::Now().time_since_epoch();
    return out;
  }

  // After what the worker was given.
  void Settle() {
    pipes_.Flush();
    driver_.Update();
  }

  // How long a packet is here counts from when the other loop read it.
  void DrainPipes() {
    const Time now = io::Now();
    pipes_.Drain([&](std::span<const sfu::PipeMessage> messages, Time read_at) {
      read_at_ = read_at;
      worker_.HandlePipeMessages(messages, now);
    });
    read_at_.reset();
    Settle();
  }

  void ReceiveUdp(std::uint64_t index, std::span<const io::UdpIncoming> datagrams) {
    read_at_ = io::Now();
    while (!datagrams.empty()) {
      const std::size_t n = std::min(datagrams.size(), kMaxBatch);
      for (std::size_t i = 0; i < n; ++i) {
        incoming_[i] = {{TransportProtocol::kUdp, datagrams[i].from, index}, datagrams[i].bytes};
      }
      worker_.HandleDatagrams(std::span(incoming_).first(n), *read_at_);
      datagrams = datagrams.subspan(n);
    }
    read_at_.reset();
  }

  void SendDatagram(const Tuple& to, ByteView datagram) override {
    if (to.protocol == TransportProtocol::kTcp) {
      tcp_[to.connection % kMaxListen]->Send(to.connection >> kListenBits, datagram);
      return;
    }
    udp_[to.connection]->Send(to.remote, datagram);
  }

  void SendDatagrams(std::span<const sfu::OutgoingDatagram> datagrams) override {
    pipes_.Flush();  // all of this turn is in the rings: the other loops need not wait for our system calls
    std::size_t waiting = 0;
    std::uint64_t socket = 0;
    const auto send = [&] {
      if (waiting > 0) udp_[socket]->SendAll(std::span(outgoing_).first(std::exchange(waiting, 0)));
    };
    for (const sfu::OutgoingDatagram& datagram : datagrams) {
      if (datagram.to->protocol == TransportProtocol::kTcp) {
        SendDatagram(*datagram.to, datagram.bytes);
        continue;
      }
      if (datagram.to->connection != socket || waiting == kMaxBatch) send();
      socket = datagram.to->connection;
      outgoing_[waiting++] = {&datagram.to->remote, datagram.bytes};
    }
    send();
    if (read_at_) forward_delay_.Count(ToSeconds(io::Now() - *read_at_), datagrams.size());
  }

  void HandleEvent(const sfu::WorkerEvent& event) override { on_event_(event); }

  void HandlePipeMessage(sfu::WorkerIndex to, const sfu::PipeMessage& message) override {
    if (!pipes_.Send(to, message, read_at_.value_or(io::Now()))) pipe_dropped_.Add();
  }

  void HandleTappedPacket(const ProducerId& producer, const sfu::TappedPacket& packet) override {
    const std::string& id = producer.value();
    if (packet.payload.size() > TappedFrame::kMaxPayload || id.size() > TappedFrame::kMaxId) return tap_dropped_.Add();
    const bool posted = taps_.PostInPlace([&](TappedFrame& frame) {
      std::memcpy(frame.id.data(), id.data(), id.size());
      frame.id_size = static_cast<std::uint8_t>(id.size());
      frame.sequence = packet.sequence;
      frame.timestamp = packet.timestamp;
      frame.level_dbov = packet.level_dbov;
      frame.arrival = packet.arrival;
      frame.size = static_cast<std::uint16_t>(packet.payload.size());
      std::memcpy(frame.payload.data(), packet.payload.data(), packet.payload.size());
    });
    if (!posted) tap_dropped_.Add();
  }

  void PublishLater() {
    publish_.StartIn(kPublishEvery, [this] {
      metrics_.Publish(worker_.stats());
      forward_delay_.Publish();
      PublishLater();
    });
  }

  io::Loop& loop_;
  TapMailbox& taps_;
  const std::function<void(const sfu::WorkerEvent&)> on_event_;
  crypto::SystemRandom random_;
  WorkerMetrics metrics_;
  ForwardDelay forward_delay_;
  Counter tap_dropped_, pipe_dropped_;
  PipePorts pipes_;
  std::vector<std::unique_ptr<io::UdpSocket>> udp_;
  std::vector<std::unique_ptr<io::FramedTcpServer>> tcp_;
  sfu::Worker worker_;
  io::Driver<sfu::Worker> driver_;
  io::Timer publish_;
  std::optional<Time> read_at_;  // set while what came by a UDP socket, here or on another loop, is being handled
  std::array<sfu::IncomingDatagram, kMaxBatch> incoming_;
  std::array<io::UdpOutgoing, kMaxBatch> outgoing_;
};

// The way from a media loop to the control loop, which the control loop may close. A mutex, because the one who
// holds the far end may be a thread that hangs; it is taken for events and answers, never for a packet.
class Outlet {
 public:
  explicit Outlet(io::Loop& control) : control_(&control) {}
  void Close() {
    closed_ = true;
    std::lock_guard lock(mutex_);
    control_ = nullptr;
  }
  static void Post(const std::shared_ptr<Outlet>& outlet, std::function<void()> fn) {
    std::lock_guard lock(outlet->mutex_);
    if (!outlet->control_) return;
    outlet->control_->Post([outlet, fn = std::move(fn)] {
      if (!outlet->closed_) fn();
    });
  }

 private:
  std::mutex mutex_;
  io::Loop* control_;    // guarded by mutex_
  bool closed_ = false;  // control loop only
};

class MediaWorkerImpl : public MediaWorker {
 public:
  MediaWorkerImpl(const MediaWorkerConfig& config, io::Loop& control, Handlers handlers)
      : index_(config.index),
        handlers_(std::move(handlers)),
        outlet_(std::make_shared<Outlet>(control)),
        thread_("media-" + std::to_string(config.index), [this](const std::string& what) { HandleException(what); }),
        injected_(kInjectBox, [this] { thread_.loop().Post([this] { DrainInjected(); }); }) {}

  // The loop is stopped before what lives on it goes: it may have ended already, by an exception, and would
  // then carry out nothing that is posted.
  ~MediaWorkerImpl() override {
    outlet_->Close();
    thread_.Stop();
    media_.reset();
  }

  Status<> Open(const MediaWorkerConfig& config, Metrics& metrics, TapMailbox& taps) {
    Status<> opened = kOk;
    io::RunOn(thread_.loop(), [&] {
      media_ = std::make_unique<MediaLoop>(thread_.loop(), config, metrics, taps,
                                           [this](const sfu::WorkerEvent& event) { HandleEvent(event); });
      opened = media_->Open(config);
      pipe_signal_ = media_->pipes().signal();
      capabilities_ = media_->worker().RouterRtpCapabilities();
    });
    return opened;
  }

  void Run(std::function<void(sfu::Worker&, Time)> work) override {
    thread_.loop().Post([this, work = std::move(work)] { media_->Run(work); });
  }

  void LetGo() override {
    outlet_->Close();
    thread_.loop().Stop();
  }
  bool Ended() const override { return thread_.ended(); }

  bool Inject(InjectedFrame frame) override { return injected_.Post(std::move(frame)); }
  void ConnectPipeOut(sfu::WorkerIndex to, std::shared_ptr<PipeRing> ring,
                      std::shared_ptr<io::Wakeup::Signal> signal) override {
    thread_.loop().Post([this, to, ring = std::move(ring), signal = std::move(signal)] {
      media_->pipes().ConnectOut(to, ring, signal);
    });
  }
  void ConnectPipeIn(sfu::WorkerIndex from, std::shared_ptr<PipeRing> ring) override {
    thread_.loop().Post([this, from, ring = std::move(ring)] { media_->pipes().ConnectIn(from, ring); });
  }
  std::shared_ptr<io::Wakeup::Signal> pipe_signal() const override { return pipe_signal_; }
  const json::object& router_rtp_capabilities() const override { return capabilities_; }
  Duration CpuTime() override { return thread_.CpuTime(); }

 protected:
  void Answer(std::function<void()> fn) override { Outlet::Post(outlet_, std::move(fn)); }

 private:
  // Media loop.
  void HandleEvent(const sfu::WorkerEvent& event) {
    Outlet::Post(outlet_, [this, event] { handlers_.on_event(index_, event); });
  }
  void HandleException(const std::string& what) {
    // A copy of the handler: whoever hears of it destroys this object.
    Outlet::Post(outlet_, [on_death = handlers_.on_death, index = index_, what] { on_death(index, what); });
  }
  void DrainInjected() {
    for (InjectedFrame& frame : injected_.TakeAll()) media_->Inject(frame);
  }

  const std::size_t index_;
  const Handlers handlers_;
  const std::shared_ptr<Outlet> outlet_;
  io::LoopThread thread_;
  Mailbox<InjectedFrame> injected_;
  std::unique_ptr<MediaLoop> media_;  // media loop only, while it runs
  std::shared_ptr<io::Wakeup::Signal> pipe_signal_;
  json::object capabilities_;
};

}  // namespace

void MediaWorker::FailCalls() {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& [call, fail] : waiting) {
    fail({"transport_not_found", "The media worker of that transport has ended. Make a new transport."});
  }
}

Result<std::unique_ptr<MediaWorker>> MediaWorker::Start(const MediaWorkerConfig& config, io::Loop& control,
                                                        Metrics& metrics, TapMailbox& taps, Handlers handlers) {
  auto worker = std::make_unique<MediaWorkerImpl>(config, control, std::move(handlers));
  JB_TRY_VOID(worker->Open(config, metrics, taps));
  return std::unique_ptr<MediaWorker>(std::move(worker));
}

}  // namespace jb::services
