// SPDX-License-Identifier: Apache-2.0
// The shapes of docs/protocol.md sections 2 and 3. Types only: nothing here runs.
import type { types as ms } from 'mediasoup-client';

/** A BCP-47 tag, lower case as the server writes it. */
export type Language = string;
export type MediaKind = 'audio' | 'video';
export type SentSource = 'mic' | 'camera' | 'screen' | 'screenAudio';
export type Source = SentSource | 'translation';
export type Voice = 'translated' | 'original';

export interface Producer {
  id: string;
  kind: MediaKind;
  source: Source;
  paused: boolean;
  /** Of a translated voice: the language heard. */
  lang?: Language;
  /** Of a translated voice: the speaker's microphone producer. */
  translatedFrom?: string;
}

export interface Participant {
  id: string;
  name: string;
  speaks: Language;
  hears: Language;
  handRaised: boolean;
  producers: Producer[];
}

export interface Caption {
  id: string;
  rev: number;
  speakerId: string;
  speakerName?: string;
  final: boolean;
  lang: Language;
  text: string;
  translations: Record<Language, string>;
  startMs: number;
  endMs: number;
  stageMs: { stt?: number; translation?: number; tts?: number };
  /** From the end of the speaker's voice until the caption was sent. */
  lagMs?: number;
}

export interface ChatMessage {
  id: string;
  from: string;
  name: string;
  text: string;
  lang: Language;
  translations: Record<Language, string>;
  /** Milliseconds since 1970. */
  at: number;
}

export type ServiceName = 'stt' | 'translation' | 'tts';
export type ServiceCondition = 'up' | 'degraded' | 'down';
export type ServiceState = Record<ServiceName, ServiceCondition> & { messages?: Partial<Record<ServiceName, string>> };

export type TransportOptions = Pick<
  ms.TransportOptions,
  'id' | 'iceParameters' | 'iceCandidates' | 'dtlsParameters'
>;

export interface JoinRequest {
  room: string;
  name: string;
  speaks: Language;
  hears: Language;
  voice: Voice;
  passcode?: string;
  /** Of an earlier join of this tab: its ghost, if one is left, makes room. */
  resume?: string;
  /** Our place is kept for a while when the socket is lost. */
  hold: true;
  /** Go on with what that earlier join has, if it is still there. */
  continue?: true;
}

export interface JoinReply {
  self: { id: string; token?: string };
  room: { code: string; name: string };
  routerRtpCapabilities: ms.RtpCapabilities;
  iceServers: RTCIceServer[];
  /** The join before goes on, over this socket: what of it is still there. */
  continued?: { transports: string[]; producers: string[]; consumers: string[] };
  participants: Participant[];
  chat: ChatMessage[];
  captions: Caption[];
  services?: ServiceState;
}

export interface ConsumeReply {
  id: string;
  producerId: string;
  kind: MediaKind;
  rtpParameters: ms.RtpParameters;
  type: string;
  producerPaused: boolean;
}

/** Client → server: what is sent, and what a good ack carries. */
export interface Requests {
  join: { data: JoinRequest; reply: JoinReply };
  leave: { data: object; reply: unknown };
  createTransport: { data: { direction: 'send' | 'recv' }; reply: TransportOptions & { iceServers?: RTCIceServer[] } };
  connectTransport: { data: { transportId: string; dtlsParameters: ms.DtlsParameters }; reply: unknown };
  closeTransport: { data: { transportId: string }; reply: unknown };
  restartIce: { data: { transportId: string }; reply: { iceParameters: ms.IceParameters; iceServers?: RTCIceServer[] } };
  produce: {
    data: { transportId: string; kind: MediaKind; rtpParameters: ms.RtpParameters; source: SentSource; paused: boolean };
    reply: { id: string };
  };
  pauseProducer: { data: { producerId: string }; reply: unknown };
  resumeProducer: { data: { producerId: string }; reply: unknown };
  closeProducer: { data: { producerId: string }; reply: unknown };
  consume: { data: { producerId: string; rtpCapabilities: ms.RtpCapabilities }; reply: ConsumeReply };
  pauseConsumer: { data: { consumerId: string }; reply: unknown };
  resumeConsumer: { data: { consumerId: string }; reply: unknown };
  closeConsumer: { data: { consumerId: string }; reply: unknown };
  requestKeyFrame: { data: { consumerId: string }; reply: unknown };
  setPreferredLayers: {
    data: { consumerId: string; spatialLayer: number; temporalLayer?: number };
    reply: unknown;
  };
  setLanguages: { data: { speaks?: Language; hears?: Language; voice?: Voice }; reply: unknown };
  setState: { data: { handRaised?: boolean }; reply: unknown };
  react: { data: { emoji: string }; reply: unknown };
  chat: { data: { text: string }; reply: { id: string; at: number } };
}

/** Server → client. */
export interface Events {
  participantJoined: Participant;
  participantUpdated: Participant;
  participantLeft: { id: string; reason: string };
  producerAdded: { participantId: string; producer: Producer };
  producerRemoved: { participantId: string; producerId: string };
  producerPaused: { participantId: string; producerId: string };
  producerResumed: { participantId: string; producerId: string };
  consumerClosed: { consumerId: string };
  consumerPaused: { consumerId: string };
  consumerResumed: { consumerId: string };
  /** null: nothing is sent. */
  consumerLayersChanged: { consumerId: string; spatialLayer: number | null; temporalLayer: number | null };
  transportClosed: { transportId: string; reason: string };
  activeSpeaker: { participantId: string | null };
  caption: Caption;
  chatMessage: ChatMessage;
  reaction: { participantId: string; emoji: string };
  serviceState: ServiceState;
  roomClosed: { reason: string };
}

export type Ack<T> = { ok: true; data: T } | { ok: false; error: { code: string; message: string } };

export interface RoomInfo {
  code: string;
  name: string;
  url: string;
  createdAt: string;
  hasPasscode: boolean;
  maxParticipants: number;
  participants?: number;
}

export interface CreatedRoom extends RoomInfo {
  ownerToken: string;
}

export interface ServerLanguages {
  stt: Language[];
  translation: { from: Language; to: Language }[];
  tts: Language[];
}
