// SPDX-License-Identifier: Apache-2.0
// Datagrams and time into a worker with live transports. The input is a list of steps: raw datagrams from
// strangers and from validated addresses, RTP and RTCP of the peers that authenticate, and steps of time.
// The worker is connected once per process, through a real handshake; each input starts from there.
#include <array>
#include <cstdlib>
#include <memory>

#include "crypto/certificate.h"
#include "crypto/srtp.h"
#include "proto/stun/message.h"
#include "sfu/worker.h"
#include "testing/seeded_random.h"

namespace {

using namespace jb;

constexpr std::size_t kMaxPacket = 1600;

Tuple At(std::uint16_t port) { return {TransportProtocol::kUdp, *SocketAddress::Parse("192.0.2.9", port), 0}; }
const Tuple kAlice = At(1), kBob = At(2), kStranger = At(3);

// One client: ICE and DTLS without a network in between.
class Client {
 public:
  Client(sfu::Worker& worker, std::string id, sfu::TransportDirection direction, const Tuple& tuple,
         const std::shared_ptr<const crypto::Certificate>& certificate)
      : worker_(worker),
        id_(std::move(id)),
        tuple_(tuple),
        certificate_(certificate),
        dtls_(crypto::DtlsRole::kClient, certificate) {
    const json::value options = *worker.CreateTransport(id_, direction, Time{});
    const json::value& ice = *GetMember(options, "iceParameters");
    fragment_ = std::string(*GetString(ice, "usernameFragment"));
    password_ = std::string(*GetString(ice, "password"));
    const json::value& print = GetArray(*GetMember(options, "dtlsParameters"), "fingerprints")->front();
    dtls_.SetRemoteFingerprint({"sha-256", std::string(*GetString(print, "value"))});
  }
  const TransportId& id() const { return id_; }
  const Tuple& tuple() const { return tuple_; }

  void Connect(Time now) {
    const json::value mine = json::object{
        {"role", "client"},
        {"fingerprints",
         json::array{json::object{{"algorithm", "sha-256"}, {"value", certificate_->fingerprint_sha256()}}}}};
    if (!worker_.ConnectTransport(id_, mine, now).ok()) std::abort();
    Check(now);
    dtls_.Start(now);
    Flush(now);
  }
  void Check(Time now) {
    stun::BindingRequest request;
    const std::string username = fragment_ + ":x";
    request.username = username;
    request.password = password_;
    request.use_candidate = true;
    std::array<std::uint8_t, 512> buffer;
    const ByteView written = *stun::WriteBindingRequest(buffer, request);
    worker_.HandleDatagram(tuple_, ByteSpan(buffer).first(written.size()), now);
  }
  void Receive(ByteView datagram) {
    if (!datagram.empty() && datagram[0] >= 20 && datagram[0] <= 63)
      inbox_.emplace_back(datagram.begin(), datagram.end());
  }
  // The handshake, a turn at a time: the worker must not be called from its own output.
  void Turn(Time now) {
    std::vector<Bytes> inbox = std::exchange(inbox_, {});
    for (const Bytes& datagram : inbox) dtls_.HandlePacket(datagram, now);
    Flush(now);
    if (dtls_.state() == crypto::DtlsState::kConnected && !srtp_) srtp_.emplace(dtls_.keys());
  }
  void SendRtp(ByteView packet, Time now) { Send(packet, false, now); }
  void SendRtcp(ByteView packet, Time now) { Send(packet, true, now); }

 private:
  void Flush(Time now) {
    Bytes datagram;
    while (dtls_.PollTransmit(datagram)) worker_.HandleDatagram(tuple_, datagram, now);
  }
  void Send(ByteView packet, bool rtcp, Time now) {
    if (!srtp_) return;
    Bytes buffer(packet.begin(), packet.end());
    buffer.resize(packet.size() + crypto::SrtpSession::kMaxOverhead);
    const auto size = rtcp ? srtp_->ProtectRtcp(buffer, packet.size()) : srtp_->ProtectRtp(buffer, packet.size());
    if (size.ok()) worker_.HandleDatagram(tuple_, ByteSpan(buffer).first(*size), now);
  }

  sfu::Worker& worker_;
  TransportId id_;
  Tuple tuple_;
  std::shared_ptr<const crypto::Certificate> certificate_;
  crypto::DtlsEndpoint dtls_;
  std::optional<crypto::SrtpSession> srtp_;
  std::string fragment_, password_;
  std::vector<Bytes> inbox_;
};

constexpr std::string_view kAudio =
    R"({"mid":"0","codecs":[{"mimeType":"audio/opus","payloadType":111,"clockRate":48000,
  "channels":2,"rtcpFeedback":[{"type":"nack"}]}],"headerExtensions":[
  {"uri":"urn:ietf:params:rtp-hdrext:sdes:mid","id":4},{"uri":"urn:ietf:params:rtp-hdrext:ssrc-audio-level","id":1},
  {"uri":"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01","id":3}],
  "encodings":[{"ssrc":1}],"rtcp":{"cname":"c"}})";
constexpr std::string_view kVideo = R"({"mid":"1","codecs":[{"mimeType":"video/VP8","payloadType":96,"clockRate":90000,
  "rtcpFeedback":[{"type":"nack"},{"type":"nack","parameter":"pli"}]},
  {"mimeType":"video/rtx","payloadType":97,"clockRate":90000,"parameters":{"apt":96}}],"headerExtensions":[
  {"uri":"urn:ietf:params:rtp-hdrext:sdes:mid","id":4},{"uri":"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id","id":10},
  {"uri":"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id","id":11},
  {"uri":"urn:3gpp:video-orientation","id":13},
  {"uri":"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01","id":3}],
  "encodings":[{"rid":"a"},{"rid":"b"}],"rtcp":{"cname":"c"}})";

class Setup : public sfu::WorkerOutput {
 public:
  Setup() {
    static const auto ours = crypto::Certificate::Make();
    static const auto theirs = crypto::Certificate::Make();
    sfu::WorkerConfig config;
    config.certificate = ours;
    worker = std::make_unique<sfu::Worker>(std::move(config), random_, *this);
    alice = std::make_unique<Client>(*worker, "alice", sfu::TransportDirection::kSend, kAlice, theirs);
    bob = std::make_unique<Client>(*worker, "bob", sfu::TransportDirection::kRecv, kBob, theirs);
    Produce("audio", sfu::MediaKind::kAudio, kAudio);
    Produce("video", sfu::MediaKind::kVideo, kVideo);
    for (Client* client : {alice.get(), bob.get()}) client->Connect(now);
    for (int i = 0; i < 8; ++i) {
      alice->Turn(now);
      bob->Turn(now);
    }
    if (worker->transport_state(alice->id()) != sfu::TransportState::kConnected) std::abort();
    if (worker->transport_state(bob->id()) != sfu::TransportState::kConnected) std::abort();
  }

  Time now{std::chrono::seconds(100)};
  std::unique_ptr<sfu::Worker> worker;
  std::unique_ptr<Client> alice, bob;
  std::uint64_t bytes_to_stranger = 0;
  std::array<std::uint32_t, 2> consumer_ssrcs{};

 private:
  void Produce(const char* name, sfu::MediaKind kind, std::string_view parameters) {
    const ProducerId id(name);
    if (!worker->Produce(alice->id(), id, kind, *ParseJson(parameters), false, now).ok()) std::abort();
    const json::value caps = worker->RouterRtpCapabilities();
    const auto consumed = worker->Consume(bob->id(), ConsumerId(name), id, caps, now);
    if (!consumed.ok()) std::abort();
    consumer_ssrcs[kind == sfu::MediaKind::kVideo] = static_cast<std::uint32_t>(
        consumed->at("rtpParameters").at("encodings").at(0).at("ssrc").to_number<std::uint64_t>());
    if (!worker->ResumeConsumer(ConsumerId(name), now).ok()) std::abort();
    if (kind == sfu::MediaKind::kVideo) return;
    static_cast<void>(worker->SetTap(id, true));
    static_cast<void>(worker->SetSpeakerGroup(id, RoomCode("room")));
  }
  void SendDatagram(const Tuple& to, ByteView datagram) override {
    if (to == kStranger) bytes_to_stranger += datagram.size();
    if (alice && to == kAlice) alice->Receive(datagram);
    if (bob && to == kBob) bob->Receive(datagram);
  }
  void HandleEvent(const sfu::WorkerEvent&) override {}
  void HandleTappedPacket(const ProducerId&, const sfu::TappedPacket&) override {}

  testing::SeededRandom random_{1};
};

// Little structure: enough that most packets reach the code behind the header checks.
Bytes MakeRtp(ByteView raw, std::uint16_t sequence) {
  Bytes out(12);
  const std::uint8_t choice = raw.empty() ? 0 : raw[0];
  out[0] = static_cast<std::uint8_t>(0x80 | (choice & 0x3f));
  constexpr std::uint8_t kTypes[] = {111, 96, 97, 110};
  out[1] = static_cast<std::uint8_t>(kTypes[(choice >> 6) & 3] | (raw.size() & 0x80));
  StoreU16(out.data() + 2, sequence);
  StoreU32(out.data() + 8, raw.size() > 1 ? raw[1] % 8u : 1u);
  if (raw.size() > 2) out.insert(out.end(), raw.begin() + 2, raw.end());
  return out;
}

Bytes MakeRtcp(ByteView raw, const std::array<std::uint32_t, 2>& ssrcs) {
  Bytes out(raw.begin(), raw.end());
  out.resize(std::max<std::size_t>(8, out.size() / 4 * 4));
  out[0] = static_cast<std::uint8_t>(0x80 | (out[0] & 0x3f));
  out[1] = static_cast<std::uint8_t>(200 + out[1] % 8);
  if ((out[2] & 1) == 0) StoreU16(out.data() + 2, static_cast<std::uint16_t>(out.size() / 4 - 1));
  if (out.size() >= 12 && (out[8] & 3) != 3) StoreU32(out.data() + 8, ssrcs[out[8] & 1]);
  return out;
}

void Step(Setup& setup, std::uint8_t op, ByteView raw, std::uint16_t& sequence) {
  Bytes copy(raw.begin(), raw.end());
  switch (op % 10) {
    case 0: setup.worker->HandleDatagram(kStranger, copy, setup.now); break;
    case 1: setup.worker->HandleDatagram(kAlice, copy, setup.now); break;
    case 2: setup.worker->HandleDatagram(kBob, copy, setup.now); break;
    case 3:
    case 4:
    case 5: setup.alice->SendRtp(MakeRtp(raw, sequence++), setup.now); break;
    case 6: setup.alice->SendRtcp(MakeRtcp(raw, setup.consumer_ssrcs), setup.now); break;
    case 7: setup.bob->SendRtcp(MakeRtcp(raw, setup.consumer_ssrcs), setup.now); break;
    case 8: sequence = static_cast<std::uint16_t>(sequence + (raw.empty() ? 1 : raw[0] * 64)); break;
    default:
      setup.now += std::chrono::milliseconds(raw.empty() ? 1 : raw[0] * raw[0]);
      setup.worker->HandleTimeout(setup.now);
      setup.alice->Turn(setup.now);
      setup.bob->Turn(setup.now);
      if (raw.size() > 1) setup.alice->Check(setup.now);
      if (raw.size() > 2) setup.bob->Check(setup.now);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Setup setup;
  ByteReader in(ByteView(data, size));
  std::uint16_t sequence = 65'530;
  for (int steps = 0; steps < 400 && in.remaining() >= 2; ++steps) {
    const std::uint8_t op = in.U8();
    const std::size_t length = std::min<std::size_t>({in.U8() * (op & 0x80 ? 7u : 1u), in.remaining(), kMaxPacket});
    Step(setup, op & 0x7f, in.Take(length), sequence);
  }
  if (setup.bytes_to_stranger != 0) std::abort();
  return 0;
}
