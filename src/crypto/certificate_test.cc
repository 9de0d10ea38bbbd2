// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <regex>

#include "crypto/openssl_ptr.h"

namespace jb::crypto {
namespace {

X509Ptr ParseCertificate(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

TEST(Certificate, HasAFreshFingerprintEachTime) {
  const auto a = Certificate::Make();
  const auto b = Certificate::Make();
  EXPECT_TRUE(std::regex_match(a->fingerprint_sha256(), std::regex("([0-9A-F]{2}:){31}[0-9A-F]{2}")));
  EXPECT_NE(a->fingerprint_sha256(), b->fingerprint_sha256());
}

TEST(LocalTlsCertificate, IsValidForItsNamesOnly) {
  const std::vector<std::string> names{"localhost", "calls.lan", "192.0.2.7", "2001:db8::7"};
  const auto pem = MakeLocalTlsCertificate(names);
  const X509Ptr x509 = ParseCertificate(pem.cert_pem);
  ASSERT_TRUE(x509);
  EXPECT_EQ(X509_check_host(x509.get(), "calls.lan", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(x509.get(), "other.lan", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(x509.get(), "192.0.2.7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(x509.get(), "2001:db8::7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(x509.get(), "192.0.2.8", 0), 0);
}

TEST(LocalTlsCertificate, IsSignedByTheKeyThatComesWithIt) {
  const auto pem = MakeLocalTlsCertificate({});
  const X509Ptr x509 = ParseCertificate(pem.cert_pem);
  BioPtr bio(BIO_new_mem_buf(pem.key_pem.data(), static_cast<int>(pem.key_pem.size())));
  const PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_TRUE(x509 && key);
  EXPECT_EQ(X509_check_private_key(x509.get(), key.get()), 1);
  EXPECT_EQ(X509_verify(x509.get(), key.get()), 1);
  EXPECT_EQ(X509_check_host(x509.get(), "localhost", 0, 0, nullptr), 1);
}

TEST(LocalTlsCertificate, TakesANameWithACommaAsOneName) {
  const std::vector<std::string> names{"a,DNS:evil.example", std::string(200, 'x')};
  const auto pem = MakeLocalTlsCertificate(names);
  const X509Ptr x509 = ParseCertificate(pem.cert_pem);
  ASSERT_TRUE(x509);
  EXPECT_NE(X509_check_host(x509.get(), "evil.example", 0, 0, nullptr), 1);
}

}  // namespace
}  // namespace jb::crypto
