// SPDX-License-Identifier: Apache-2.0
#include "hostile/insider.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/load_target.h"
#include "hostile/forgeries.h"
#include "proto/rtcp/bye.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/remb.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/header_layout.h"

namespace jb::hostile {
namespace {

constexpr std::uint8_t kMidId = 4;
constexpr std::uint8_t kRidId = 10;
constexpr std::uint8_t kPayloadType = 111;
constexpr std::size_t kPayload = 160;
constexpr std::size_t kPool = 2048;      // SSRCs; SRTP of ours keeps state for each
constexpr std::size_t kCaptured = 4096;  // packets; more than any replay window

}  // namespace

Insider::Insider(io::Loop& loop, io::UdpFleet& sockets, Random& random, std::string url, std::string room)
    : loop_(loop),
      sockets_(sockets),
      random_(random),
      certificate_(crypto::Certificate::Make()),
      signaling_(loop, std::move(url), false,
                 {.on_connected = [this, room = std::move(room)] { Join(room); },
                  .on_event = [](std::string_view, const json::value&) {},
                  .on_ended = [this](const Error& reason) { error_ = reason.message; }}),
      ssrc_(random.U32()) {
  for (std::size_t i = 0; i < kPool; ++i) pool_.emplace_back(random.U32());
}

void Insider::Ask(std::string_view event, json::object data, std::function<void(const json::value&)> done) {
  signaling_.Request(event, std::move(data), [this, done = std::move(done)](Result<json::value> answer) {
    if (!answer.ok()) {
      error_ = answer.error().message;
    } else {
      done(*answer);
    }
  });
}

void Insider::Join(const std::string& room) {
  Ask("join", {{"room", room}, {"name", "mallory"}, {"speaks", "zxx"}, {"hears", "zxx"}, {"voice", "original"}},
      [this](const json::value&) {
        Ask("createTransport", {{"direction", "send"}}, [this](const json::value& options) { OpenTransport(options); });
      });
}

void Insider::OpenTransport(const json::value& options) {
  auto remote = client::ParseRemoteTransport(options);
  if (!remote.ok()) {
    error_ = remote.error().message;
    return;
  }
  std::erase_if(remote->candidates, [](const auto& c) { return !client::IsOfThisMachine(c.address); });
  ice_ = remote->ice;
  auto opened = client::PeerLink::Open(
      loop_, std::move(remote).value(), certificate_, random_,
      {.on_packet = [](client::PeerTransport::Kind, ByteSpan, Time) {}, .on_state = [](client::PeerState) {}},
      [this](const SocketAddress& bind, io::UdpSocket::Handler handler) {
        auto socket = sockets_.Open(bind, std::move(handler));
        if (socket.ok()) socket_ = socket->get();
        return socket;
      });
  if (!opened.ok()) {
    error_ = opened.error().message;
    return;
  }
  link_ = std::move(opened).value();
  json::object connect{{"transportId", link_->transport().id()},
                       {"dtlsParameters", link_->transport().DtlsParameters()}};
  Ask("connectTransport", std::move(connect), [this](const json::value&) {
    link_->Start();
    Produce();
  });
}

void Insider::Produce() {
  json::object opus{{"mimeType", "audio/opus"}, {"payloadType", kPayloadType},      {"clockRate", 48000},
                    {"channels", 2},            {"parameters", json::object()},     {"rtcpFeedback", json::array()}};
  json::array extensions{json::object{{"uri", rtp::kMidUri}, {"id", kMidId}, {"encrypt", false}},
                         json::object{{"uri", rtp::kRidUri}, {"id", kRidId}, {"encrypt", false}}};
  json::object parameters{{"mid", "0"},
                          {"codecs", json::array{std::move(opus)}},
                          {"headerExtensions", std::move(extensions)},
                          {"encodings", json::array{json::object{{"ssrc", ssrc_.value()}}}},
                          {"rtcp", {{"cname", "mallory"}, {"reducedSize", true}}}};
  json::object request{{"transportId", link_->transport().id()},
                       {"kind", "audio"},
                       {"rtpParameters", std::move(parameters)},
                       {"source", "mic"}};
  Ask("produce", std::move(request), [this](const json::value&) { producing_ = true; });
}

void Insider::Leave() {
  if (link_) link_->Close();
  signaling_.Disconnect();
}

// With room for SRTP behind it.
Bytes Insider::Packet(rtp::Ssrc ssrc, std::string_view mid, std::string_view rid) {
  rtp::HeaderLayout layout;
  layout.Reserve(kMidId, static_cast<std::uint8_t>(mid.size()));
  if (!rid.empty()) layout.Reserve(kRidId, static_cast<std::uint8_t>(rid.size()));
  Bytes out(layout.size() + kPayload + crypto::SrtpSession::kMaxOverhead);
  rtp::HeaderFields fields;
  fields.payload_type = rtp::PayloadType(kPayloadType);
  fields.sequence_number = rtp::SeqNum(next_seq_[ssrc.value()]++);
  fields.timestamp = rtp::Timestamp(random_.U32());
  fields.ssrc = ssrc;
  layout.Write(out, fields);
  layout.Set(out, kMidId, AsBytes(mid));
  if (!rid.empty()) layout.Set(out, kRidId, AsBytes(rid));
  return out;
}

void Insider::SendRtp(Bytes packet) { link_->SendRtp(packet, packet.size() - crypto::SrtpSession::kMaxOverhead); }

void Insider::SendHonest() {
  Bytes packet = Packet(ssrc_, "0", "");
  const auto wire = link_->transport().ProtectRtp(packet, packet.size() - crypto::SrtpSession::kMaxOverhead);
  if (!wire) return;
  captured_.emplace_back(wire->begin(), wire->end());
  if (captured_.size() > kCaptured) captured_.pop_front();
  socket_->Send(server(), *wire);
}

const Bytes& Insider::AnyCaptured() {
  return captured_[random_.Between(0, static_cast<std::uint32_t>(captured_.size() - 1))];
}

void Insider::Replay() { socket_->Send(server(), AnyCaptured()); }

void Insider::SendTruncated() { socket_->Send(server(), Truncated(random_, AnyCaptured())); }

rtp::Ssrc Insider::AnySsrc() { return pool_[random_.Between(0, kPool - 1)]; }

void Insider::SendFromOtherSsrc() { SendRtp(Packet(AnySsrc(), "0", "")); }

void Insider::SendWithOtherMid() {
  static constexpr std::array<std::string_view, 4> kMids{"1", "2", "probator", "mid-of-another"};
  static constexpr std::array<std::string_view, 3> kRids{"", "r0", "r2"};
  SendRtp(Packet(AnySsrc(), kMids[random_.Between(0, 3)], kRids[random_.Between(0, 2)]));
}

void Insider::FloodRtcp() {
  std::array<std::uint8_t, 1200> buffer;
  ByteWriter out(ByteSpan(buffer).first(buffer.size() - crypto::SrtpSession::kMaxOverhead));
  const rtp::Ssrc about = random_.Between(0, 1) == 0 ? ssrc_ : AnySsrc();
  std::array<rtp::SeqNum, 200> numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = rtp::SeqNum(static_cast<std::uint16_t>(3 * i));
  const rtcp::FirEntry fir{about, static_cast<std::uint8_t>(random_.U32())};
  switch (random_.Between(0, 5)) {
    case 0: rtcp::WriteNack(out, ssrc_, about, numbers); break;
    case 1: rtcp::WritePli(out, {ssrc_, about}); break;
    case 2: rtcp::WriteFir(out, ssrc_, {&fir, 1}); break;
    case 3: rtcp::WriteBye(out, {&about, 1}); break;
    case 4: rtcp::WriteRemb(out, ssrc_, 1, {&about, 1}); break;
    default: {  // transport-wide feedback that claims far more than it holds
      rtcp::WriteHeader(out, rtcp::PacketType::kTransportFeedback, rtcp::kFormatTransportWide, 16);
      out.U32(ssrc_.value());
      out.U32(about.value());
      out.U32(0x0000FFFF);
      out.U32(random_.U32());
    }
  }
  if (out.ok()) link_->SendRtcp(buffer, out.size());
}

}  // namespace jb::hostile
