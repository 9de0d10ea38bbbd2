// SPDX-License-Identifier: Apache-2.0
// Registry: the rooms of this gateway by code; makes codes that cannot be guessed, checks passcodes and
// owner tokens, forgets rooms nobody uses. Sans-IO and single-threaded: control loop.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "room/room.h"

namespace jb::room {

struct RegistryLimits {
  std::size_t max_rooms = 10'000;
  Duration empty_room_kept = std::chrono::hours(24);
  RoomLimits room;
};

struct CreateRequest {
  std::string name;
  std::optional<std::string> passcode;
  std::optional<std::size_t> max_participants;
};

struct RoomEntry {
  std::unique_ptr<Room> room;
  std::string owner_token;
  std::optional<std::string> passcode;
  std::size_t worker = 0;  // the media worker that is the room's home, chosen anew when the room opens
  Time empty_since;        // meaningful while the room is empty
};

// Three groups of five characters of a 32-letter alphabet without look-alikes: 75 random bits.
std::string MakeRoomCode(Random& random);
// What a person typed, as the code was made: case, spaces and missing dashes do not matter.
std::string NormalizeRoomCode(std::string_view typed);

class Registry {
 public:
  Registry(RegistryLimits limits, Random& random) : limits_(limits), random_(random) {}

  // Fails with too_many_rooms. The entry stays valid until the room is removed.
  Result<RoomEntry*> Create(const CreateRequest& request, WallTime wall, Time now);
  RoomEntry* Find(std::string_view code);
  void Remove(const RoomCode& code);
  // To be told when the last participant has left.
  void MarkEmpty(const RoomCode& code, Time now);
  // Removes rooms that have been empty too long; call it now and then.
  void Expire(Time now);
  std::size_t size() const { return rooms_.size(); }
  const std::map<std::string, RoomEntry>& rooms() const { return rooms_; }

 private:
  const RegistryLimits limits_;
  Random& random_;
  std::map<std::string, RoomEntry> rooms_;
};

}  // namespace jb::room
