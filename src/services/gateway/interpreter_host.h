// SPDX-License-Identifier: Apache-2.0
// The interpreter loop: a thread that runs one RoomInterpreter per room in which people are, carries its
// requests to the speech services, and its voices to the media loops. The control loop commands it and
// hears of captions and tracks on the control loop. It forwards no original sound: a dead or slow
// interpreter costs translations, never the call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/random.h"
#include "interpreter/types.h"
#include "io/loop.h"
#include "services/gateway/media_worker.h"
#include "services/gateway/speech_clients.h"

namespace jb::services {

// All on the control loop. A room may have gone meanwhile.
class InterpreterObserver {
 public:
  virtual ~InterpreterObserver() = default;
  virtual void OnCaption(const RoomCode& room, const interpreter::Caption& caption) = 0;
  // The track is to be made with this id; sound for it may already be on its way.
  virtual void OnTrackWanted(const RoomCode& room, const interpreter::AddTranslatedTrack& track,
                             const ProducerId& id) = 0;
  virtual void OnTrackUnwanted(const RoomCode& room, const ProducerId& id) = 0;
  virtual void OnTap(const RoomCode& room, const ProducerId& producer, bool on) = 0;
  virtual void OnServiceState(const RoomCode& room, const interpreter::ServiceState& state) = 0;
};

class InterpreterHost {
 public:
  // Control loop. Everything given by reference outlives the host. Frames are injected through the
  // workers given by SetWorkers, which must come before any room.
  InterpreterHost(io::Loop& control, const SpeechUrls& urls, Metrics& metrics, InterpreterObserver& observer);
  ~InterpreterHost();
  InterpreterHost(const InterpreterHost&) = delete;
  InterpreterHost& operator=(const InterpreterHost&) = delete;

  TapMailbox& taps();
  // To be called before a worker goes: nothing is injected into it afterwards. nullptr: there is none.
  void SetWorkers(std::vector<MediaWorker*> workers);

  // Control loop; carried out later, in order.
  void AddRoom(const RoomCode& room, std::size_t worker, Time origin);
  // Its voices are injected there from now on.
  void MoveRoom(const RoomCode& room, std::size_t worker);
  void RemoveRoom(const RoomCode& room);
  void SetParticipant(const RoomCode& room, const interpreter::Participant& participant);
  void RemoveParticipant(const RoomCode& room, const ParticipantId& participant);
  void SetMicrophone(const RoomCode& room, const ParticipantId& participant, const ProducerId& producer, bool paused);
  void RemoveMicrophone(const RoomCode& room, const ProducerId& producer);
  void SetAvailability(const interpreter::Availability& availability);
  void SetExpectedLoss(const RoomCode& room, const ParticipantId& speaker, const Language& language, int percent);
  void SetServiceHealth(interpreter::Service service, bool up);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::services
