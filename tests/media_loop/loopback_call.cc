// SPDX-License-Identifier: Apache-2.0
#include "media_loop/loopback_call.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <optional>
#include <stdexcept>

#include "client/remote_track.h"
#include "io/clock.h"
#include "proto/rtcp/nack.h"
#include "proto/rtp/packet.h"

namespace jb::media_loop {
namespace {

constexpr Duration kConnectWithin = std::chrono::seconds(20);
constexpr std::size_t kFramePacket = 1100;  // what VideoTrack puts into one packet
constexpr int kPortsTried = 50;

// A harness has nobody to answer to: what goes wrong ends the test.
[[noreturn]] void Die(const std::string& why) { throw std::runtime_error(why); }

// A key frame, and delta frames of equal size.
client::IvfClip Clip(const CallShape& shape) {
  client::IvfClip clip;
  clip.frame_interval = shape.frame_interval;
  for (int i = 0; i < 1000; ++i) {
    clip.frames.emplace_back(shape.packets_per_frame * kFramePacket, 0x42);
    clip.frames.back()[0] = i == 0 ? 0 : 1;
  }
  return clip;
}

}  // namespace

LoopbackCall::LoopbackCall(const CallShape& shape) : taps_(64, [] {}) {
  StartWorker();
  for (std::size_t i = 0; i < shape.speakers; ++i) {
    AddSpeaker(i, shape);
    for (std::size_t k = 0; k < shape.listeners_each; ++k) {
      AddListener("l" + std::to_string(i) + "-" + std::to_string(k), ProducerId("p" + std::to_string(i)));
    }
  }
}

LoopbackCall::~LoopbackCall() = default;

void LoopbackCall::StartWorker() {
  services::MediaWorkerConfig config;
  config.listen = {*SocketAddress::Parse("127.0.0.1", 0)};
  config.announce = config.listen;
  config.certificate = crypto::Certificate::Make();
  for (int i = 0; i < kPortsTried; ++i) {  // below those that the kernel gives out by itself
    config.port = static_cast<std::uint16_t>(22500 + (::getpid() * kPortsTried + i) % 500);
    auto worker = services::MediaWorker::Start(config, loop_, metrics_, taps_,
                                               {.on_event = [](std::size_t, const sfu::WorkerEvent&) {},
                                                .on_death = [](std::size_t, const std::string&) {}});
    if (worker.ok()) {
      worker_ = *std::move(worker);
      return;
    }
  }
  Die("no free port");
}

template <class T>
T LoopbackCall::Ask(std::function<Result<T>(sfu::Worker&, Time)> work) {
  std::optional<T> answer;
  worker_->Call<Result<T>>(std::move(work), [&](Result<T> result) {
    if (!result.ok()) Die(result.error().message);
    answer = *std::move(result);
  });
  if (!loop_.RunUntil([&] { return answer.has_value(); }, kConnectWithin)) Die("the media loop does not answer");
  return *std::move(answer);
}

// Without an answer, which would be made there and counted.
void LoopbackCall::OnMediaLoop(const std::function<void(sfu::Worker&)>& work) {
  std::promise<void> done;
  worker_->Run([&](sfu::Worker& worker, Time) {
    work(worker);
    done.set_value();
  });
  done.get_future().wait();
}

std::unique_ptr<client::PeerLink> LoopbackCall::Connect(
    const std::string& name, sfu::TransportDirection direction,
    std::function<void(client::PeerTransport::Kind, ByteView)> on_packet) {
  const TransportId id(name);
  auto remote = client::ParseRemoteTransport(Ask<json::object>(
      [id, direction](sfu::Worker& w, Time now) { return w.CreateTransport(id, direction, now); }));
  if (!remote.ok()) Die(remote.error().message);
  auto link = client::PeerLink::Open(
      loop_, *std::move(remote), certificate_, random_,
      {.on_packet = [on_packet = std::move(on_packet)](client::PeerTransport::Kind kind, ByteView packet,
                                                       Time) { on_packet(kind, packet); },
       .on_state = [](client::PeerState) {}});
  if (!link.ok()) Die(link.error().message);
  Ask<bool>([id, dtls = (*link)->transport().DtlsParameters()](sfu::Worker& w, Time now) -> Result<bool> {
    JB_TRY_VOID(w.ConnectTransport(id, dtls, now));
    return true;
  });
  (*link)->Start();
  if (!loop_.RunUntil([&] { return (*link)->connected(); }, kConnectWithin)) Die(name + " does not connect");
  return *std::move(link);
}

void LoopbackCall::AddSpeaker(std::size_t index, const CallShape& shape) {
  auto speaker = std::make_unique<Speaker>();
  speaker->track = std::make_unique<client::VideoTrack>(Clip(shape), "speaker", random_);
  speaker->timer = std::make_unique<io::Timer>(loop_);
  const std::string name = "s" + std::to_string(index);
  speaker->link = Connect(name, sfu::TransportDirection::kSend, [](client::PeerTransport::Kind, ByteView) {});
  Ask<json::object>([name, index, parameters = json::value(speaker->track->RtpParameters())](sfu::Worker& w, Time now) {
    return w.Produce(TransportId(name), ProducerId("p" + std::to_string(index)), sfu::MediaKind::kVideo, parameters,
                     false, now);
  });
  speakers_.push_back(std::move(speaker));
}

void LoopbackCall::AddListener(const std::string& name, const ProducerId& producer) {
  auto listener = std::make_unique<Listener>();
  Listener* self = listener.get();
  listener->link = Connect(name, sfu::TransportDirection::kRecv,
                           [this, self](client::PeerTransport::Kind kind, ByteView packet) {
                             if (kind == client::PeerTransport::Kind::kRtp) Hear(*self, packet);
                           });
  const json::value consumed = Ask<json::object>([name, producer](sfu::Worker& w, Time now) -> Result<json::object> {
    const ConsumerId id(name);
    JB_TRY(auto out, w.Consume(TransportId(name), id, producer, w.RouterRtpCapabilities(), now));
    JB_TRY_VOID(w.ResumeConsumer(id, now));
    return out;
  });
  const auto info = client::ParseConsumer(consumed);
  if (!info.ok()) Die(info.error().message);
  listener->ssrc = info->ssrc.value();
  listeners_.push_back(std::move(listener));
}

void LoopbackCall::Run(Duration span, Load load) {
  nack_each_ = load.nack_each;
  const Time now = io::Now();
  for (std::size_t i = 0; i < std::min(load.speakers, speakers_.size()); ++i) {
    Speaker& speaker = *speakers_[i];
    // Not all at the same moment.
    const Duration apart = std::chrono::milliseconds(33) * static_cast<int>(i) / static_cast<int>(speakers_.size());
    speaker.timer->StartAt(now + apart, [this, &speaker] { SendFrame(speaker); });
  }
  loop_.RunUntil([] { return false; }, span);
  for (auto& speaker : speakers_) speaker->timer->Cancel();
}

void LoopbackCall::SendFrame(Speaker& speaker) {
  speaker.track->Next(io::Now(), [&](ByteSpan buffer, std::size_t size, std::size_t) {
    speaker.link->SendRtp(buffer, size);
  });
  speaker.timer->StartAt(speaker.track->NextFrameAt(), [this, &speaker] { SendFrame(speaker); });
}

void LoopbackCall::Hear(Listener& listener, ByteView bytes) {
  const auto packet = rtp::PacketView::Parse(bytes);
  if (!packet.ok()) return;
  if (packet->ssrc().value() != listener.ssrc) {
    ++received_again_;
    return;
  }
  ++received_;
  if (nack_each_ == 0 || ++listener.packets % nack_each_ != 0) return;
  std::array<std::uint8_t, 64> buffer;
  ByteWriter writer(buffer);
  const rtp::SeqNum wanted = packet->sequence_number();
  rtcp::WriteNack(writer, rtp::Ssrc(1), rtp::Ssrc(listener.ssrc), std::span(&wanted, 1));
  listener.link->SendRtcp(buffer, writer.size());
}

}  // namespace jb::media_loop
