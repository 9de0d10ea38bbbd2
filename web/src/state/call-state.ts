// SPDX-License-Identifier: Apache-2.0
// Everything the call page shows. Written by call/session.ts, read by ui/.
import type { Caption, ChatMessage, Language, Participant, Producer, ServiceState } from '../protocol/types';
import type { Qualities } from '../call/quality-watch';
import { initialLink, type LinkState } from '../signaling/link';
import { createStore, type Store } from './store';

export interface Reaction {
  id: number;
  participantId: string;
  emoji: string;
}

export type NoticeTone = 'info' | 'good' | 'bad';
export interface Notice {
  id: number;
  tone: NoticeTone;
  /** A key of the language table with its parameters. */
  key: string;
  params?: Record<string, string>;
}

export interface CallState {
  link: LinkState;
  room: { code: string; name: string } | null;
  selfId: string | null;
  name: string;
  speaks: Language;
  hears: Language;
  /** The others, in the order they came. */
  participants: readonly Participant[];
  /** Remote video by producer. */
  videoTracks: Readonly<Record<string, MediaStreamTrack>>;
  /** By participant: the last picture of a camera that is being received anew. */
  heldPictures: Readonly<Record<string, MediaStreamTrack>>;
  /** By participant, and `self`: how the connection fares. Missing: nothing is known. */
  qualities: Qualities;
  microphoneOn: boolean;
  /** Space is held: speaking although muted. */
  pushToTalk: boolean;
  speakingWhileMuted: boolean;
  hasMicrophone: boolean;
  camera: MediaStreamTrack | null;
  /** The camera is on or on its way: opening one takes a while. */
  cameraWanted: boolean;
  screen: MediaStreamTrack | null;
  handRaised: boolean;
  activeSpeakerId: string | null;
  captions: readonly Caption[];
  chat: readonly ChatMessage[];
  reactions: readonly Reaction[];
  services: ServiceState | null;
  /** Participants whose translated voice sounds just now. */
  sounding: readonly string[];
  mix: number;
  /** The browser holds sound back until the page is touched. */
  audioBlocked: boolean;
  notices: readonly Notice[];
}

export function initialCallState(name: string, speaks: Language, hears: Language, mix: number): CallState {
  return {
    link: initialLink,
    room: null,
    selfId: null,
    name,
    speaks,
    hears,
    participants: [],
    videoTracks: {},
    heldPictures: {},
    qualities: {},
    microphoneOn: false,
    pushToTalk: false,
    speakingWhileMuted: false,
    hasMicrophone: false,
    camera: null,
    cameraWanted: false,
    screen: null,
    handRaised: false,
    activeSpeakerId: null,
    captions: [],
    chat: [],
    reactions: [],
    services: null,
    sounding: [],
    mix,
    audioBlocked: false,
    notices: [],
  };
}

export type CallStore = Store<CallState>;
export const createCallStore = (state: CallState): CallStore => createStore(state);

// Changes to the list of participants: each returns a new list, or the same one when nothing changes.

export function upsertParticipant(list: readonly Participant[], participant: Participant): readonly Participant[] {
  const index = list.findIndex((known) => known.id === participant.id);
  if (index < 0) return [...list, participant];
  const next = list.slice();
  next[index] = participant;
  return next;
}

export function withoutParticipant(list: readonly Participant[], id: string): readonly Participant[] {
  return list.some((known) => known.id === id) ? list.filter((known) => known.id !== id) : list;
}

export function changeProducers(
  list: readonly Participant[],
  participantId: string,
  change: (producers: Producer[]) => Producer[],
): readonly Participant[] {
  return list.map((participant) =>
    participant.id === participantId ? { ...participant, producers: change(participant.producers) } : participant,
  );
}

export function withProducer(producer: Producer): (producers: Producer[]) => Producer[] {
  return (producers) => [...producers.filter((known) => known.id !== producer.id), producer];
}

export function withoutProducer(id: string): (producers: Producer[]) => Producer[] {
  return (producers) => producers.filter((known) => known.id !== id);
}

export function withPaused(id: string, paused: boolean): (producers: Producer[]) => Producer[] {
  return (producers) => producers.map((known) => (known.id === id ? { ...known, paused } : known));
}

/** Chat: our own message may come back as an event and as the ack; the id keeps it single. */
export function applyChat(list: readonly ChatMessage[], message: ChatMessage): readonly ChatMessage[] {
  const index = list.findIndex((known) => known.id === message.id);
  if (index < 0) return [...list, message].sort((a, b) => a.at - b.at).slice(-500);
  const known = list[index] as ChatMessage;
  if (Object.keys(known.translations).length > Object.keys(message.translations).length) return list;
  const next = list.slice();
  next[index] = message;
  return next;
}

/** Our messages of an earlier join carry the id that we had then: they are ours all the same. */
export function claimChat(
  list: readonly ChatMessage[], sent: ReadonlySet<string>, selfId: string | null,
): readonly ChatMessage[] {
  if (!selfId || !list.some(({ id, from }) => from !== selfId && sent.has(id))) return list;
  return list.map((message) => (sent.has(message.id) ? { ...message, from: selfId } : message));
}

const NOTICES_KEPT = 4;

/** One more notice: the same one is said once, and what went wrong outlives who came and went. */
export function withNotice(list: readonly Notice[], notice: Notice): readonly Notice[] {
  const text = ({ key, params }: Notice) => JSON.stringify([key, params]);
  const next = [...list.filter((known) => text(known) !== text(notice)), notice];
  while (next.length > NOTICES_KEPT) {
    const passing = next.findIndex(({ tone }) => tone !== 'bad');
    next.splice(passing >= 0 && passing < next.length - 1 ? passing : 0, 1);
  }
  return next;
}
