// SPDX-License-Identifier: Apache-2.0
// Tests only: a server and a client endpoint joined by a lossy link in virtual time, and a client made
// of the bare TLS library that can do what our own does not.
#pragma once

#include <openssl/srtp.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/certificate_impl.h"
#include "crypto/datagram_pipe.h"
#include "crypto/dtls.h"
#include "crypto/fingerprint.h"

namespace jb::crypto {

class DtlsLink {
 public:
  static constexpr Time kStart{std::chrono::seconds(1000)};

  // Server's and client's, made once: keys cost more than handshakes.
  using CertificatePair = std::pair<std::shared_ptr<const Certificate>, std::shared_ptr<const Certificate>>;
  static const CertificatePair& Certificates() {
    static const CertificatePair pair{Certificate::Make(), Certificate::Make()};
    return pair;
  }

  explicit DtlsLink(DtlsOptions server_options = {}, DtlsOptions client_options = {}, bool exchange_fingerprints = true)
      : server(DtlsRole::kServer, Certificates().first, std::move(server_options)),
        client(DtlsRole::kClient, Certificates().second, std::move(client_options)) {
    if (exchange_fingerprints) ExchangeFingerprints();
  }

  void ExchangeFingerprints() {
    server.SetRemoteFingerprint({"sha-256", Certificates().second->fingerprint_sha256()});
    client.SetRemoteFingerprint({"sha-256", Certificates().first->fingerprint_sha256()});
  }

  void Lose(std::function<bool(const Bytes&)> lose) { lose_ = std::move(lose); }

  bool connected() const { return server.state() == DtlsState::kConnected && client.state() == DtlsState::kConnected; }

  // Everything that happens without time passing.
  void Run() {
    client.Start(now);
    for (int i = 0; i < 100; ++i) {
      const bool forth = Carry(client, server, true);
      const bool back = Carry(server, client, false);
      if (!forth && !back) return;
    }
  }

  // Jumps from deadline to deadline.
  void RunFor(Duration limit) {
    const Time end = now + limit;
    Run();
    while (true) {
      const Time next = std::min(server.NextDeadline().value_or(kNever), client.NextDeadline().value_or(kNever));
      if (next > end) break;
      now = std::max(now, next);
      server.HandleTimeout(now);
      client.HandleTimeout(now);
      Run();
    }
    now = end;
  }

  DtlsEndpoint server;
  DtlsEndpoint client;
  Time now = kStart;
  std::size_t largest_datagram = 0;
  std::size_t datagrams = 0;
  std::function<void(bool from_client)> on_send;
  std::function<void(bool from_client, const Bytes&)> on_datagram;
  std::function<void(std::vector<Bytes>&)> shuffle;

 private:
  bool Carry(DtlsEndpoint& from, DtlsEndpoint& to, bool from_client) {
    std::vector<Bytes> batch;
    Bytes datagram;
    while (from.PollTransmit(datagram)) batch.push_back(datagram);
    if (batch.empty()) return false;
    if (on_send) on_send(from_client);
    if (shuffle) shuffle(batch);
    for (const Bytes& d : batch) {
      ++datagrams;
      largest_datagram = std::max(largest_datagram, d.size());
      if (on_datagram) on_datagram(from_client, d);
      if (!lose_ || !lose_(d)) to.HandlePacket(d, now);
    }
    return true;
  }

  std::function<bool(const Bytes&)> lose_;
};

// A client without any of our protections.
class RawDtlsClient {
 public:
  explicit RawDtlsClient(std::size_t extension_size, bool with_certificate = true,
                         const char* srtp = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM")
      : context_(SSL_CTX_new(DTLS_client_method())), certificate_(DtlsLink::Certificates().second) {
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_QUERY_MTU);
    if (with_certificate) {
      SSL_CTX_use_certificate(context_.get(), certificate_->impl().x509.get());
      SSL_CTX_use_PrivateKey(context_.get(), certificate_->impl().key.get());
    }
    if (srtp != nullptr) SSL_CTX_set_tlsext_use_srtp(context_.get(), srtp);
    extension_.resize(extension_size, 0x55);
    if (extension_size > 0) {
      SSL_CTX_add_client_custom_ext(context_.get(), 0x4a42, AddExtension, nullptr, this, nullptr, nullptr);
    }
    ssl_.reset(SSL_new(context_.get()));
    BIO* bio = MakeDatagramBio(pipe_).release();
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_mtu(ssl_.get(), 1200);
    SSL_set_connect_state(ssl_.get());
  }

  std::vector<Bytes> Step(const std::vector<Bytes>& datagrams) {
    for (const Bytes& d : datagrams) {
      pipe_.input = d;
      done_ |= SSL_do_handshake(ssl_.get()) == 1;
    }
    if (datagrams.empty()) SSL_do_handshake(ssl_.get());
    return std::exchange(pipe_.output, {});
  }

  bool done() const { return done_; }
  std::string fingerprint() const { return certificate_->fingerprint_sha256(); }

 private:
  static int AddExtension(SSL*, unsigned, const unsigned char** out, std::size_t* size, int*, void* self) {
    const Bytes& extension = static_cast<RawDtlsClient*>(self)->extension_;
    *out = extension.data();
    *size = extension.size();
    return 1;
  }

  Bytes extension_;
  SslContextPtr context_;
  std::shared_ptr<const Certificate> certificate_;
  DatagramPipe pipe_;
  SslPtr ssl_;
  bool done_ = false;
};

inline std::vector<Bytes> Poll(DtlsEndpoint& endpoint) {
  std::vector<Bytes> out;
  Bytes d;
  while (endpoint.PollTransmit(d)) out.push_back(d);
  return out;
}
// What the server says to these.
inline std::vector<Bytes> Answers(DtlsEndpoint& server, const std::vector<Bytes>& datagrams) {
  for (const Bytes& d : datagrams) server.HandlePacket(d, DtlsLink::kStart);
  return Poll(server);
}

// A well-formed DTLS 1.2 ClientHello that offers only TLS_NULL_WITH_NULL_NULL: 67 bytes that make a
// server library fail for good.
inline Bytes ForgedNullCipherHello() {
  Bytes body{0xfe, 0xfd};
  body.insert(body.end(), 32, 7);            // random
  const Bytes rest{0, 0, 0, 2, 0, 0, 1, 0};  // session id, cookie, suites, compression
  body.insert(body.end(), rest.begin(), rest.end());
  const auto size = static_cast<std::uint8_t>(body.size());
  Bytes out{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(size + 12)};
  const Bytes message{1, 0, 0, size, 0, 0, 0, 0, 0, 0, 0, size};
  out.insert(out.end(), message.begin(), message.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

}  // namespace jb::crypto
