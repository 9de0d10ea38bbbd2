// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>

#include "base/result.h"
#include "base/socket_address.h"
#include "crypto/certificate_impl.h"
#include "crypto/fingerprint.h"

namespace jb::crypto {
namespace {

constexpr long kDay = 24 * 60 * 60;  // seconds

// Browsers refuse HTTPS certificates that live longer than 398 days, even self-signed ones they trust.
constexpr long kTlsLifetime = 397 * kDay;
// A process that runs longer keeps its calls: WebRTC peers check the fingerprint, not the dates.
constexpr long kDtlsLifetime = 365 * kDay;

PkeyPtr MakeP256Key() {
  PkeyPtr key(EVP_EC_gen("P-256"));
  JB_CHECK(key != nullptr);
  return key;
}

void SetRandomSerial(X509* x509) {
  std::array<std::uint8_t, 16> serial;
  JB_CHECK(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1);
  serial[0] = (serial[0] & 0x7f) | 0x40;  // positive, and always 16 bytes
  std::unique_ptr<BIGNUM, Freer<BN_free>> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  JB_CHECK(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr);
}

// Unsigned; valid from yesterday, for clocks that are slow.
X509Ptr MakeCertificateFrame(EVP_PKEY* key, std::string_view common_name, long lifetime) {
  X509Ptr x509(X509_new());
  X509* x = x509.get();
  JB_CHECK(x != nullptr && X509_set_version(x, X509_VERSION_3) == 1);
  SetRandomSerial(x);
  JB_CHECK(X509_gmtime_adj(X509_getm_notBefore(x), -kDay) != nullptr);
  JB_CHECK(X509_gmtime_adj(X509_getm_notAfter(x), lifetime) != nullptr);
  JB_CHECK(X509_set_pubkey(x, key) == 1);
  X509_NAME* name = X509_get_subject_name(x);
  JB_CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1);
  JB_CHECK(X509_set_issuer_name(x, name) == 1);
  return x509;
}

void AddExtension(X509* x509, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  JB_CHECK(extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1);
}

GENERAL_NAME* MakeAlternativeName(const std::string& name) {
  GENERAL_NAME* out = GENERAL_NAME_new();
  JB_CHECK(out != nullptr);
  if (const auto address = SocketAddress::Parse(name, 0)) {
    const ByteView ip = address->ip_bytes();
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, ip.data(), static_cast<int>(ip.size()));
    GENERAL_NAME_set0_value(out, GEN_IPADD, value);
  } else {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, name.data(), static_cast<int>(name.size()));
    GENERAL_NAME_set0_value(out, GEN_DNS, value);
  }
  return out;
}

// Built from values, not from OpenSSL's configuration text: a name with a comma stays one name.
void AddAlternativeNames(X509* x509, std::span<const std::string> names) {
  std::unique_ptr<GENERAL_NAMES, Freer<GENERAL_NAMES_free>> all(sk_GENERAL_NAME_new_null());
  for (const std::string& name : names) sk_GENERAL_NAME_push(all.get(), MakeAlternativeName(name));
  JB_CHECK(X509_add1_ext_i2d(x509, NID_subject_alt_name, all.get(), 0, 0) == 1);
}

template <class Write>
std::string ToPem(Write write) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  JB_CHECK(bio != nullptr && write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

std::shared_ptr<const Certificate> Certificate::Make() {
  auto impl = std::make_unique<Impl>();
  impl->key = MakeP256Key();
  // The name says nothing about the machine: peers of a call can read it.
  impl->x509 = MakeCertificateFrame(impl->key.get(), "WebRTC", kDtlsLifetime);
  JB_CHECK(X509_sign(impl->x509.get(), impl->key.get(), EVP_sha256()) > 0);
  impl->server = MakeDtlsContext(DTLS_server_method(), impl->x509.get(), impl->key.get());
  impl->client = MakeDtlsContext(DTLS_client_method(), impl->x509.get(), impl->key.get());
  return std::shared_ptr<const Certificate>(new Certificate(std::move(impl)));
}

Certificate::Certificate(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)), fingerprint_(FormatFingerprint(DigestOf(impl_->x509.get(), EVP_sha256()))) {}

Certificate::~Certificate() = default;

TlsCertificatePem MakeLocalTlsCertificate(std::span<const std::string> names) {
  constexpr std::size_t kMaxCommonName = 64;  // X.520 ub-common-name
  const PkeyPtr key = MakeP256Key();
  const std::string localhost = "localhost";
  if (names.empty()) names = {&localhost, 1};
  const std::string_view common_name = std::string_view(names.front()).substr(0, kMaxCommonName);
  const X509Ptr x509 = MakeCertificateFrame(key.get(), common_name, kTlsLifetime);
  AddExtension(x509.get(), NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(x509.get(), NID_key_usage, "critical,digitalSignature");
  AddExtension(x509.get(), NID_ext_key_usage, "serverAuth");
  AddAlternativeNames(x509.get(), names);
  JB_CHECK(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
  TlsCertificatePem out;
  out.cert_pem = ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); });
  out.key_pem = ToPem(
      [&](BIO* bio) { return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  return out;
}

}  // namespace jb::crypto
