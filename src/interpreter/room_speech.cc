// SPDX-License-Identifier: Apache-2.0
// RoomInterpreter, part two: microphones → stt streams → captions.
#include <algorithm>

#include "interpreter/room_impl.h"
#include "interpreter/speech_text.h"

namespace jb::interpreter {
namespace {

// A service that opens more segments than this without finishing one is broken.
constexpr std::size_t kMaxSegments = 8;
// A speaker whose stream was refused or lost tries again, ever more rarely.
constexpr Duration kFirstStreamBackoff = 100ms;
constexpr Duration kMostStreamBackoff = 2s;

}  // namespace

void RoomInterpreter::Impl::HandleTappedPacket(const ProducerId& producer, const TappedAudio& packet, Time now) {
  Speaker* speaker = SpeakerOf(producer);
  if (!speaker || !speaker->mic->tapped) {
    ++stats_.packets_ignored;
    return;
  }
  ++stats_.packets;
  speaker->mic->sound->HandlePacket(packet, now);
  TellServiceState(now);
}

// ------------------------------------------------------------------------------- sound to the service

void RoomInterpreter::Impl::OnSpeech(const ParticipantId& id, std::span<const std::int16_t> pcm, Time arrival,
                                     Time now) {
  Speaker* speaker = FindSpeaker(id);
  SttStream* stream = speaker ? StreamFor(*speaker, now) : nullptr;
  const std::uint64_t ms = pcm.size() / 16;
  if (!stream) {
    stats_.stt_audio_dropped_ms += ms;
    return;
  }
  stats_.stt_audio_ms += ms;
  stream->NoteAudio(pcm.size(), arrival, now);
  sink_.SendSttAudio(stream->id(), pcm);
}

void RoomInterpreter::Impl::OnClauseEnd(const ParticipantId& id, Time voice_end, Time now) {
  Speaker* speaker = FindSpeaker(id);
  if (!speaker || !speaker->stream) return;
  SttStream& stream = streams_.at(*speaker->stream);
  if (!stream.has_unflushed_audio()) return;
  stream.NoteFlush(voice_end, now);
  sink_.FlushStt(stream.id());
}

// Streams are opened at the first speech and closed after a silence: a service has few sessions.
SttStream* RoomInterpreter::Impl::StreamFor(Speaker& speaker, Time now) {
  if (speaker.stream) return &streams_.at(*speaker.stream);
  if (now < speaker.next_stream_at || !breaker(Service::kStt).MayTry(now)) return nullptr;
  const StreamId id(++last_stream_);
  ++stats_.stt_streams;
  speaker.stream = id;
  const auto it = streams_.try_emplace(id, id, speaker.info.id, speaker.info.speaks, now).first;
  sink_.OpenStt(id, speaker.info.speaks);
  return &it->second;
}

// No more sound for it: it goes when its flushes are answered.
void RoomInterpreter::Impl::RetireStream(Speaker& speaker, Time now) {
  if (!speaker.stream) return;
  const StreamId id = *speaker.stream;
  speaker.stream.reset();
  SttStream& stream = streams_.at(id);
  stream.retiring = true;
  if (stream.has_unflushed_audio()) {
    stream.NoteFlush(now, now);
    sink_.FlushStt(id);
  }
  if (stream.IsDone()) ForgetStream(id, /*close=*/true, now);
}

void RoomInterpreter::Impl::ForgetStream(StreamId id, bool close, Time now) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  CommitOpenSegments(it->second, now);
  if (Speaker* speaker = FindSpeaker(it->second.speaker()); speaker && speaker->stream == id) speaker->stream.reset();
  streams_.erase(it);
  if (close) sink_.CloseStt(id);
}

void RoomInterpreter::Impl::HandleStreamTimeouts(Time now) {
  std::vector<StreamId> over;
  for (auto& [id, stream] : streams_) {
    const auto flush = stream.FlushDeadline(options_.stt_late, options_.stt_final_timeout);
    if (flush && now >= *flush) {
      breaker(Service::kStt).TimedOut(now);
      // First it is told, and only much later given up: a slow answer is better than none.
      if (!stream.flushes().front().late_told) {
        stream.NoteLate();
        continue;
      }
      ++stats_.timeouts;
      over.push_back(id);
    } else if (!flush && now >= stream.last_use() + options_.stt_idle) {
      over.push_back(id);
    }
  }
  for (const StreamId id : over) ForgetStream(id, /*close=*/true, now);
}

// ---------------------------------------------------------------------------- answers of the service

void RoomInterpreter::Impl::HandleSttEvent(StreamId id, const SttEvent& event, Time now) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  SttStream& stream = it->second;
  switch (event.kind) {
    case SttEvent::Kind::kOpened: break;
    case SttEvent::Kind::kPartial: HandlePartial(stream, event, now); break;
    case SttEvent::Kind::kFinal: HandleFinal(stream, event, now); break;
    case SttEvent::Kind::kClosed: HandleStreamLost(stream, now); break;
  }
  if (event.kind == SttEvent::Kind::kPartial || event.kind == SttEvent::Kind::kFinal) ForgiveStream(id);
  if (const auto still = streams_.find(id); still != streams_.end() && still->second.IsDone()) {
    ForgetStream(id, /*close=*/true, now);
  }
  StopLingering(now);
  TakeCaptions();
  TellServiceState(now);
}

void RoomInterpreter::Impl::HandleStreamLost(const SttStream& stream, Time now) {
  ++stats_.request_errors;
  breaker(Service::kStt).Failed(now);
  if (Speaker* speaker = FindSpeaker(stream.speaker())) {
    speaker->stream_backoff = std::clamp(speaker->stream_backoff * 2, kFirstStreamBackoff, kMostStreamBackoff);
    speaker->next_stream_at = now + speaker->stream_backoff;
  }
  ForgetStream(stream.id(), /*close=*/false, now);
}

void RoomInterpreter::Impl::ForgiveStream(StreamId id) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  if (Speaker* speaker = FindSpeaker(it->second.speaker())) speaker->stream_backoff = {};
}

CaptionKey RoomInterpreter::Impl::CaptionOf(SttStream& stream, const SttEvent& event, Time now) {
  const auto known = stream.segments.find(event.segment);
  if (known != stream.segments.end()) return known->second;
  if (stream.segments.size() >= kMaxSegments) {
    captions_.Withdraw(stream.segments.begin()->second, now);
    stream.segments.erase(stream.segments.begin());
  }
  const Time start = std::min(stream.ArrivalOf(event.start_s), now);
  const CaptionKey key = captions_.Open(stream.speaker(), stream.lang(), start, now);
  stream.segments[event.segment] = key;
  return key;
}

void RoomInterpreter::Impl::HandlePartial(SttStream& stream, const SttEvent& event, Time now) {
  breaker(Service::kStt).Succeeded(Duration{}, now);
  const std::string text = CleanRecognized(event.text);
  if (text.empty()) return;
  captions_.SetPartial(CaptionOf(stream, event, now), text, std::min(stream.ArrivalOf(event.end_s), now), now);
}

void RoomInterpreter::Impl::HandleFinal(SttStream& stream, const SttEvent& event, Time now) {
  const auto flush = event.flush ? stream.AnswerFlush(*event.flush) : std::nullopt;
  const Time end = std::min(stream.ArrivalOf(event.end_s), now);
  const Time asked = flush ? flush->sent : end;
  // Without a flush nobody asked: the recogniser cut a long clause, and how long ago its words ended says nothing.
  breaker(Service::kStt).Succeeded(flush ? now - asked : Duration{}, now);
  const std::string text = CleanRecognized(event.text);
  const auto known = stream.segments.find(event.segment);
  if (text.empty()) {
    if (known == stream.segments.end()) return;
    captions_.Withdraw(known->second, now);
    stream.segments.erase(known);
    return;
  }
  if (flush) Sample(MetricKind::kStageStt, now - asked);
  const CaptionKey key = CaptionOf(stream, event, now);
  stream.segments.erase(event.segment);
  Commit(stream, key,
         {.text = text,
          .end = end,
          .voice_end = flush ? flush->voice_end : end,
          .stt_ms = ToMs(now - asked),
          .awaited = {}},
         now);
}

// The one way from words to work: a sentence is counted once, and translated once per language.
void RoomInterpreter::Impl::Commit(SttStream& stream, CaptionKey key, CaptionBook::Settled settled, Time now) {
  ++stats_.sentences;
  const std::string text = settled.text;
  const Time spoken = settled.voice_end;
  settled.awaited = LanguagesHeard(stream.speaker(), stream.lang(), /*voice_only=*/false);
  const std::set<Language> awaited = settled.awaited;
  captions_.Settle(key, std::move(settled), now);
  for (const Language& to : awaited) RequestTranslation(key, stream.speaker(), text, stream.lang(), to, spoken, now);
}

// The stream ends in the middle of a sentence: what was heard of it stands.
void RoomInterpreter::Impl::CommitOpenSegments(SttStream& stream, Time now) {
  for (const auto& [segment, key] : std::exchange(stream.segments, {})) {
    const std::string text = captions_.PartialText(key);
    if (text.empty()) captions_.Withdraw(key, now);
    else Commit(stream, key, {.text = text, .end = now, .voice_end = now, .stt_ms = 0, .awaited = {}}, now);
  }
}

void RoomInterpreter::Impl::TakeCaptions() {
  while (auto emitted = captions_.Poll()) {
    if (emitted->caption.final) {
      ++stats_.captions_final;
      if (!emitted->caption.text.empty()) Sample(MetricKind::kCaptionFinal, emitted->latency);
    } else if (!emitted->settled) {
      ++stats_.captions_partial;
      Sample(MetricKind::kCaptionPartial, emitted->latency);
    }
    outputs_.push_back(std::move(emitted->caption));
  }
  stats_.captions_cut = captions_.cut();
}

}  // namespace jb::interpreter
