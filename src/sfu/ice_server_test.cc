// SPDX-License-Identifier: Apache-2.0
#include "sfu/ice_server.h"

#include <gtest/gtest.h>

#include <set>

#include "testing/seeded_random.h"

namespace jb::sfu {
namespace {

using namespace std::chrono_literals;

Tuple At(std::uint16_t port) { return {TransportProtocol::kUdp, *SocketAddress::Parse("192.0.2.5", port), 0}; }
constexpr Time kStart{std::chrono::seconds(10)};

struct Options {
  bool use_candidate = false;
  std::optional<std::uint32_t> nomination;
};

class IceServerTest : public ::testing::Test {
 protected:
  IceServer::Outcome Check(const Tuple& from, Time now, const Options& options) {
    return CheckWith(ice_.credentials(), from, now, options);
  }
  IceServer::Outcome Check(const Tuple& from, Time now) { return Check(from, now, {}); }
  IceServer::Outcome CheckWith(const IceCredentials& credentials, const Tuple& from, Time now,
                               const Options& options = {}) {
    stun::MessageWriter writer(request_, stun::MessageClass::kRequest, {});
    writer.AddUsername(credentials.username_fragment + ":peer");
    writer.AddPriority(7);
    writer.AddIceControlling(1);
    if (options.use_candidate) writer.AddUseCandidate();
    if (options.nomination) {
      std::array<std::uint8_t, 4> value;
      StoreU32(value.data(), *options.nomination);
      writer.AddRaw(static_cast<std::uint16_t>(stun::Attribute::kNomination), value);
    }
    writer.AddMessageIntegrity(credentials.password);
    const auto message = stun::Message::Parse(*writer.Finish());
    EXPECT_TRUE(message.ok());
    return ice_.HandleRequest(*message, from, reply_, now);
  }

  testing::SeededRandom random_{1};
  IceServer ice_{random_, 30s};
  std::array<std::uint8_t, 512> request_, reply_;
};

TEST_F(IceServerTest, CredentialsAreLongAndNeverRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    IceServer one(random_, 30s);
    EXPECT_EQ(one.credentials().username_fragment.size(), 32u);
    EXPECT_EQ(one.credentials().password.size(), 32u);
    EXPECT_TRUE(seen.insert(one.credentials().username_fragment).second);
    EXPECT_TRUE(seen.insert(one.credentials().password).second);
  }
}

TEST_F(IceServerTest, TheFirstValidatedAddressIsSelectedAndANominatedOneReplacesIt) {
  EXPECT_FALSE(ice_.selected());
  EXPECT_TRUE(Check(At(1), kStart).valid);
  EXPECT_EQ(ice_.selected(), At(1));
  EXPECT_TRUE(Check(At(2), kStart).valid);
  EXPECT_EQ(ice_.selected(), At(1));
  Check(At(2), kStart, {.use_candidate = true, .nomination = {}});
  EXPECT_EQ(ice_.selected(), At(2));
}

TEST_F(IceServerTest, OnlyAHigherNominationCounts) {
  Check(At(1), kStart, {.use_candidate = true, .nomination = 5});
  Check(At(2), kStart, {.use_candidate = true, .nomination = 4});
  EXPECT_EQ(ice_.selected(), At(1));
  Check(At(2), kStart, {.use_candidate = true, .nomination = {}});
  EXPECT_EQ(ice_.selected(), At(1));
  Check(At(2), kStart, {.use_candidate = true, .nomination = 6});
  EXPECT_EQ(ice_.selected(), At(2));
}

TEST_F(IceServerTest, TheNinthAddressEvictsTheOldestThatIsNotSelected) {
  for (std::uint16_t port = 1; port <= 8; ++port) {
    EXPECT_FALSE(Check(At(port), kStart + port * 1s).evicted);
  }
  Check(At(2), kStart + 20s);  // fresh again
  EXPECT_EQ(Check(At(9), kStart + 21s).evicted, At(3));
  EXPECT_TRUE(ice_.IsValid(At(1)));  // the oldest, but selected
  EXPECT_FALSE(ice_.IsValid(At(3)));
}

TEST_F(IceServerTest, ConsentRunsFromTheLastAuthenticatedCheck) {
  EXPECT_FALSE(ice_.NextDeadline());
  Check(At(1), kStart);
  Check(At(1), kStart + 10s);
  EXPECT_EQ(ice_.NextDeadline(), kStart + 40s);
  EXPECT_TRUE(ice_.HandleTimeout(kStart + 39s).empty());
  EXPECT_EQ(ice_.HandleTimeout(kStart + 40s), std::vector<Tuple>{At(1)});
  EXPECT_FALSE(ice_.selected());
  EXPECT_FALSE(ice_.NextDeadline());
}

TEST_F(IceServerTest, ARestartProlongsConsentAndKeepsBothCredentialsUntilTheNewOnesAreUsed) {
  Check(At(1), kStart);
  const IceCredentials old = ice_.credentials();
  ice_.Restart(kStart + 20s);
  EXPECT_EQ(ice_.NextDeadline(), kStart + 50s);
  EXPECT_EQ(ice_.UsernameFragments().size(), 2u);
  EXPECT_TRUE(CheckWith(old, At(1), kStart + 21s).valid);
  EXPECT_TRUE(ice_.TakeRetired().empty());
  EXPECT_TRUE(Check(At(1), kStart + 22s).valid);
  EXPECT_EQ(ice_.TakeRetired(), std::vector<std::string>{old.username_fragment});
  EXPECT_EQ(CheckWith(old, At(1), kStart + 23s).dropped, DropReason::kStunUnknownUser);
}

TEST_F(IceServerTest, ThePathOnWhichARestartedClientIsFirstHeardIsSelectedUntilAnotherIsNominated) {
  Check(At(1), kStart, {.use_candidate = true, .nomination = {}});
  Check(At(2), kStart);
  ice_.Restart(kStart + 1s);
  EXPECT_EQ(ice_.selected(), At(1));
  Check(At(3), kStart + 2s);
  EXPECT_EQ(ice_.selected(), At(3));
  Check(At(2), kStart + 2s);
  EXPECT_EQ(ice_.selected(), At(3));
  Check(At(1), kStart + 3s, {.use_candidate = true, .nomination = {}});
  EXPECT_EQ(ice_.selected(), At(1));
}

TEST_F(IceServerTest, TheOldPasswordWithTheNewFragmentIsRefused) {
  const IceCredentials old = ice_.credentials();
  ice_.Restart(kStart);
  const IceCredentials mixed{ice_.credentials().username_fragment, old.password};
  EXPECT_EQ(CheckWith(mixed, At(1), kStart).dropped, DropReason::kStunBadIntegrity);
  EXPECT_FALSE(ice_.IsValid(At(1)));
}

TEST_F(IceServerTest, AuthenticatedMediaMovesOnlyToAValidatedAddress) {
  Check(At(1), kStart);
  ice_.HandleAuthenticatedMedia(At(2));
  EXPECT_EQ(ice_.selected(), At(1));
  Check(At(2), kStart);
  ice_.HandleAuthenticatedMedia(At(2));
  EXPECT_EQ(ice_.selected(), At(2));
}

TEST_F(IceServerTest, LosingTheSelectedAddressFallsBackToTheMostRecentOther) {
  Check(At(1), kStart);
  Check(At(2), kStart + 2s);
  Check(At(3), kStart + 1s);
  ice_.RemoveTuple(At(1));
  EXPECT_EQ(ice_.selected(), At(2));
  ice_.RemoveTuple(At(2));
  ice_.RemoveTuple(At(3));
  EXPECT_FALSE(ice_.selected());
}

TEST_F(IceServerTest, AnAnswerCarriesTheAddressItCameFromAndIsSigned) {
  const auto outcome = Check(At(4321), kStart);
  const auto answer = stun::Message::Parse(outcome.reply);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->message_class(), stun::MessageClass::kSuccess);
  EXPECT_TRUE(answer->VerifyIntegrity(ice_.credentials().password));
  EXPECT_TRUE(answer->has_fingerprint());
  EXPECT_EQ(answer->xor_mapped_address(), At(4321).remote);
}

}  // namespace
}  // namespace jb::sfu
