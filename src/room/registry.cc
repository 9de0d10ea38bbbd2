// SPDX-License-Identifier: Apache-2.0
#include "room/registry.h"

namespace jb::room {
namespace {

// Crockford's base 32 in lower case: no i, l, o, u.
constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kGroups = 3, kGroupLength = 5;  // 15 characters of 5 bits = 75 bits

}  // namespace

std::string MakeRoomCode(Random& random) {
  const std::string letters = random.Text(kGroups * kGroupLength, kAlphabet);
  std::string code;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (i != 0 && i % kGroupLength == 0) code.push_back('-');
    code.push_back(letters[i]);
  }
  return code;
}

std::string NormalizeRoomCode(std::string_view typed) {
  std::string letters;
  for (char c : typed) {
    if (c == '-' || c == ' ') continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == 'o') c = '0';
    if (c == 'i' || c == 'l') c = '1';
    if (kAlphabet.find(c) == std::string_view::npos) return {};
    letters.push_back(c);
    if (letters.size() > kGroups * kGroupLength) return {};
  }
  if (letters.size() != kGroups * kGroupLength) return {};
  std::string code;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (i != 0 && i % kGroupLength == 0) code.push_back('-');
    code.push_back(letters[i]);
  }
  return code;
}

Result<RoomEntry*> Registry::Create(const CreateRequest& request, WallTime wall, Time now) {
  if (rooms_.size() >= limits_.max_rooms) {
    return Fail("too_many_rooms", "This server holds no more rooms at present. Try again later.");
  }
  std::string code = MakeRoomCode(random_);
  RoomLimits limits = limits_.room;
  if (request.max_participants) limits.max_participants = *request.max_participants;
  RoomEntry entry;
  entry.room = std::make_unique<Room>(RoomCode(code), request.name, wall, now, limits);
  entry.owner_token = random_.Id() + random_.Id();
  entry.passcode = request.passcode;
  entry.empty_since = now;
  return &rooms_.emplace(std::move(code), std::move(entry)).first->second;
}

RoomEntry* Registry::Find(std::string_view code) {
  const auto it = rooms_.find(NormalizeRoomCode(code));
  return it == rooms_.end() ? nullptr : &it->second;
}

void Registry::Remove(const RoomCode& code) { rooms_.erase(code.value()); }

void Registry::MarkEmpty(const RoomCode& code, Time now) {
  if (RoomEntry* entry = Find(code.value())) entry->empty_since = now;
}

void Registry::Expire(Time now) {
  std::erase_if(rooms_, [&](const auto& item) {
    const RoomEntry& entry = item.second;
    return entry.room->size() == 0 && now - entry.empty_since >= limits_.empty_room_kept;
  });
}

}  // namespace jb::room
