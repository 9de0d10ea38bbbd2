// SPDX-License-Identifier: Apache-2.0
// The session over a server, devices and a media path that are played by the test.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConnectionEvents, EventHandlers } from '../signaling/client';
import { Failure } from '../protocol/failure';
import type { JoinReply, Participant, Requests } from '../protocol/types';

type Request = [event: string, data: unknown];
interface MediaHandlers {
  onTrack: (producerId: string, track: MediaStreamTrack) => void;
  onTrackGone: (producerId: string) => void;
  onBroken: () => void;
  onHealthy: () => void;
  onSilent: () => void;
}

const fake = vi.hoisted(() => {
  const storage = () => {
    const items = new Map<string, string>();
    return {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
      removeItem: (key: string) => void items.delete(key),
    };
  };
  const page = {
    location: { search: '' },
    addEventListener: (name: string, listener: () => void) => void fake.listeners.set(name, listener),
    removeEventListener: (name: string) => void fake.listeners.delete(name),
    setTimeout: (...given: Parameters<typeof setTimeout>) => setTimeout(...given),
    clearTimeout: (id: number) => clearTimeout(id),
  };
  const document = { visibilityState: 'visible', addEventListener: () => undefined, removeEventListener: () => undefined };
  Object.assign(globalThis, { document, window: page, localStorage: storage(), sessionStorage: storage() });
  if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: { language: 'en' } });
  return {
    requests: [] as Request[],
    answers: {} as Record<string, (data: unknown) => unknown>,
    connection: null as ConnectionEvents | null,
    events: null as EventHandlers | null,
    media: [] as FakeMedia[],
    refuse: {} as Record<string, () => void>,
    handlers: null as MediaHandlers | null,
    reconnects: 0,
    doubts: 0,
    told: [] as Request[],
    listeners: new Map<string, (event?: unknown) => void>(),
    openMicrophone: null as null | (() => Promise<MediaStreamTrack>),
  };
});

class FakeMedia {
  readonly sending = new Map<string, { track: MediaStreamTrack; paused: boolean }>();
  consumed: string[] = [];
  sent = (source: string) => this.sending.get(source)?.track ?? null;
  async publish(source: string, track: MediaStreamTrack, _bitrate: number, paused: boolean): Promise<void> {
    fake.refuse['publish']?.();
    this.sending.set(source, { track, paused });
  }
  async unpublish(source: string): Promise<void> {
    this.sending.delete(source);
  }
  async setPaused(source: string, paused: boolean): Promise<void> {
    const sent = this.sending.get(source);
    if (!sent || sent.paused === paused) return;
    fake.refuse['setPaused']?.();
    sent.paused = paused;
  }
  async consume({ id }: { id: string }): Promise<void> {
    this.consumed.push(id);
    fake.refuse['consume']?.();
  }
  /** `send` and `recv` are the ids of its transports. */
  readonly lost = new Set<string>();
  iceRestarts = 0;
  reopened = 0;
  get sends(): boolean {
    return !this.lost.has('send');
  }
  transportGone(id: string): boolean {
    if ((id !== 'send' && id !== 'recv') || this.lost.has(id)) return false;
    this.lost.add(id);
    if (id === 'send') this.sending.clear();
    else this.consumed = [];
    return true;
  }
  async reopen(): Promise<string[]> {
    fake.refuse['reopen']?.();
    const made = [...this.lost];
    this.lost.clear();
    this.reopened += made.length;
    return made;
  }
  async restartIce(): Promise<void> {
    ++this.iceRestarts;
    fake.refuse['restartIce']?.();
  }
  goOn = vi.fn((_: JoinReply): string[] => []);
  figures = async () => ({ received: new Map(), sent: null, receivedRttMs: null, sentRttMs: null });
  layersOf = () => null;
  layersChanged = () => undefined;
  drop = () => undefined;
  close = () => undefined;
}

vi.mock('../signaling/client', () => ({
  SignalingClient: class {
    constructor(connection: ConnectionEvents, events: EventHandlers) {
      fake.connection = connection;
      fake.events = events;
    }
    connect = () => undefined;
    connectNow = () => undefined;
    doubt = () => void ++fake.doubts;
    reconnect = () => void ++fake.reconnects;
    close = () => undefined;
    tell = (...told: Request) => void fake.told.push(told);
    async request(event: string, data: unknown): Promise<unknown> {
      fake.requests.push([event, data]);
      return fake.answers[event]?.(data) ?? {};
    }
  },
}));
vi.mock('./connection', () => ({
  MediaConnection: {
    open: async (_signaling: unknown, _joined: unknown, handlers: MediaHandlers) => {
      const media = new FakeMedia();
      fake.media.push(media);
      fake.handlers = handlers;
      return media;
    },
  },
}));
vi.mock('./devices', () => ({
  openMicrophone: () => fake.openMicrophone?.() ?? Promise.resolve(track()),
  openCamera: async () => track(),
  openScreen: async () => null,
  cameraBitrate: () => 1,
  SCREEN_BITRATE: 1,
}));
vi.mock('./meter', () => ({ Meter: class { close = () => undefined; } }));
vi.mock('./mixer', () => ({
  AudioMixer: class {
    add = () => undefined;
    remove = () => undefined;
    close = () => undefined;
    snapshot = () => [];
  },
}));

const { CallSession } = await import('./session');

class FakeTrack extends EventTarget {
  kind = 'audio';
  readyState = 'live';
  stop(): void {
    this.readyState = 'ended';
  }
}
const track = () => new FakeTrack() as unknown as MediaStreamTrack;

const joinReply = (change: Partial<JoinReply> = {}): JoinReply => ({
  self: { id: 'me', token: 'token' }, room: { code: 'room', name: 'Room' }, routerRtpCapabilities: {}, iceServers: [],
  participants: [], chat: [], captions: [], ...change,
});

const settle = () => vi.advanceTimersByTimeAsync(0);
const names = () => fake.requests.map(([event]) => event);
const refusal = (code: string) => () => {
  throw new Failure(code, code);
};

async function join(microphone: MediaStreamTrack | null = track()) {
  const session = new CallSession({ code: 'room', name: 'Ann', speaks: 'vi', hears: 'vi', voice: 'translated' }, { microphone, camera: null });
  fake.connection?.up();
  await settle();
  return session;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  Object.assign(fake, { requests: [], media: [], refuse: {}, openMicrophone: null, reconnects: 0, doubts: 0, told: [], handlers: null });
  fake.answers = { join: () => joinReply(), chat: () => ({ id: 'm1', at: 5 }) };
});
afterEach(() => void vi.useRealTimers());

describe('joining', () => {
  it('leaves first when the answer to an earlier try came too late, instead of being refused for ever', async () => {
    let tries = 0;
    fake.answers['join'] = () => {
      if (++tries === 1) throw new Failure('timeout', 'No answer to join.');
      if (!names().includes('leave')) throw new Failure('already_joined', 'You are in a room already.');
      return joinReply();
    };
    const session = await join();
    await vi.advanceTimersByTimeAsync(600);
    expect(names()).toEqual(['join', 'leave', 'join']);
    expect(session.store.get().link.phase).toBe('live');
  });

  it('stays in the call with its own language when what was heard is not offered any more', async () => {
    const session = await join();
    session.store.set({ hears: 'es' });
    await session.setLanguages({ hears: 'es' });
    fake.answers['join'] = (data) => {
      if ((data as Requests['join']['data']).hears === 'es') throw new Failure('unsupported_language', 'es');
      return joinReply();
    };
    fake.connection?.down();
    fake.connection?.up();
    await vi.advanceTimersByTimeAsync(20_000);
    const { link, hears, notices } = session.store.get();
    expect([link.phase, hears]).toEqual(['live', 'vi']);
    expect(notices.map(({ key }) => key)).toContain('notice.hearsGone');
  });
});

describe('languages', () => {
  it('change when the server has agreed, and not when it refuses', async () => {
    const session = await join();
    fake.answers['setLanguages'] = refusal('unsupported_language');
    await session.setLanguages({ speaks: 'en' });
    expect(session.store.get().speaks).toBe('vi');
    expect(session.store.get().notices.map(({ key }) => key)).toEqual(['failure.unsupported_language']);
    fake.connection?.down();
    fake.connection?.up();
    await settle();
    expect(fake.requests.at(-1)).toMatchObject(['join', { speaks: 'vi', hears: 'vi' }]);

    delete fake.answers['setLanguages'];
    await session.setLanguages({ speaks: 'en', hears: 'en' });
    expect(session.store.get()).toMatchObject({ speaks: 'en', hears: 'en' });
  });
});

describe('the microphone', () => {
  it('is opened once, however often M is pressed while it opens', async () => {
    const session = await join(null);
    const opened: MediaStreamTrack[] = [];
    fake.openMicrophone = () => new Promise((resolve) => setTimeout(() => {
      opened.push(track());
      resolve(opened.at(-1) as MediaStreamTrack);
    }, 500));
    for (const on of [true, false, true]) session.setMicrophone(on);
    await vi.advanceTimersByTimeAsync(2000);
    expect(opened).toHaveLength(1);
    expect(session.store.get()).toMatchObject({ microphoneOn: true, hasMicrophone: true });
    expect(fake.media[0]?.sending.get('mic')).toMatchObject({ paused: false });
  });

  it('is released when it opens after the person has left', async () => {
    const session = await join(null);
    const late = track();
    fake.openMicrophone = () => new Promise((resolve) => setTimeout(() => resolve(late), 500));
    session.setMicrophone(true);
    session.leave();
    await vi.advanceTimersByTimeAsync(1000);
    expect(late.readyState).toBe('ended');
  });

  it('is shown as muted, with words, when it cannot be sent; the next press tries again', async () => {
    fake.refuse['publish'] = refusal('limit_reached');
    const session = await join();
    expect(session.store.get().microphoneOn).toBe(false);
    expect(session.store.get().notices.map(({ key }) => key)).toEqual(['failure.limit_reached']);
    delete fake.refuse['publish'];
    session.setMicrophone(true);
    await settle();
    expect(session.store.get().microphoneOn).toBe(true);
    expect(fake.media[0]?.sending.get('mic')).toMatchObject({ paused: false });
  });

  it('is shown as muted when unmuting fails', async () => {
    const session = await join();
    session.setMicrophone(false);
    await settle();
    fake.refuse['setPaused'] = refusal('timeout');
    session.setMicrophone(true);
    await settle();
    expect(session.store.get().microphoneOn).toBe(false);
    expect(session.store.get().notices.map(({ key }) => key)).toEqual(['failure.timeout']);
  });
});

describe('what is received', () => {
  const bob: Participant = {
    id: 'bob', name: 'Bob', speaks: 'en', hears: 'en', handRaised: false,
    producers: [{ id: 'voice', kind: 'audio', source: 'mic', paused: false }],
  };

  it('is tried once more, and then told', async () => {
    fake.answers['join'] = () => joinReply({ participants: [bob] });
    fake.refuse['consume'] = refusal('timeout');
    const session = await join();
    await vi.advanceTimersByTimeAsync(2500);
    expect(fake.media[0]?.consumed).toEqual(['voice', 'voice']);
    expect(session.store.get().notices).toMatchObject([{ key: 'notice.soundMissing', params: { name: 'Bob' } }]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.store.get().notices).toHaveLength(1);
  });

  it('is not complained about when it is gone by then', async () => {
    fake.answers['join'] = () => joinReply({ participants: [bob] });
    fake.refuse['consume'] = refusal('producer_not_found');
    const session = await join();
    fake.events?.producerRemoved({ participantId: 'bob', producerId: 'voice' });
    await vi.advanceTimersByTimeAsync(2500);
    expect(fake.media[0]?.consumed).toEqual(['voice']);
    expect(session.store.get().notices).toEqual([]);
  });
});

describe('a media worker that ended', () => {
  const picture = Object.assign(new FakeTrack(), { kind: 'video' }) as unknown as MediaStreamTrack;
  const bob: Participant = {
    id: 'bob', name: 'Bob', speaks: 'en', hears: 'en', handRaised: false,
    producers: [{ id: 'camera', kind: 'video', source: 'camera', paused: false }],
  };
  const lose = (...ids: string[]) => ids.forEach((transportId) => fake.events?.transportClosed({ transportId, reason: 'workerLost' }));

  async function call(participants: Participant[] = [bob]) {
    fake.answers['join'] = () => joinReply({ participants });
    const session = await join();
    fake.handlers?.onHealthy();
    if (participants.length > 0) fake.handlers?.onTrack('camera', picture);
    return session;
  }

  it('costs nobody their place: everything is sent and received again within the same join', async () => {
    const session = await call();
    lose('send', 'recv');
    expect(session.store.get().link.phase).toBe('repairing');
    expect(session.store.get().videoTracks).toHaveProperty('camera');
    await settle();
    expect(names().filter((name) => name === 'join')).toHaveLength(1);
    expect(fake.media).toHaveLength(1);
    expect(fake.media[0]?.reopened).toBe(2);
    expect(fake.media[0]?.sent('mic')).not.toBeNull();
    expect(new Set(fake.media[0]?.consumed)).toEqual(new Set(['camera']));
    fake.handlers?.onHealthy();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.store.get()).toMatchObject({ link: { phase: 'live' }, microphoneOn: true, notices: [] });
    expect(names().filter((name) => name === 'join')).toHaveLength(1);
  });

  it('leaves the last picture of the others in its place until the next one comes', async () => {
    const session = await call();
    lose('recv');
    fake.events?.producerRemoved({ participantId: 'bob', producerId: 'camera' });
    expect(session.store.get().heldPictures).toEqual({ bob: picture });
    fake.events?.producerAdded({ participantId: 'bob', producer: { id: 'camera 2', kind: 'video', source: 'camera', paused: false } });
    fake.handlers?.onTrack('camera 2', picture);
    expect(session.store.get().heldPictures).toEqual({});
  });

  it('does not leave it for ever, and not at all when only a camera is switched off', async () => {
    const session = await call();
    fake.events?.producerRemoved({ participantId: 'bob', producerId: 'camera' });
    expect(session.store.get().heldPictures).toEqual({});
    fake.events?.producerAdded({ participantId: 'bob', producer: { id: 'camera', kind: 'video', source: 'camera', paused: false } });
    lose('recv');
    fake.events?.producerRemoved({ participantId: 'bob', producerId: 'camera' });
    await vi.advanceTimersByTimeAsync(4000);
    expect(session.store.get().heldPictures).toEqual({});
  });

  it('is joined again when its transports cannot be made, or carry nothing', async () => {
    await call();
    fake.refuse['reopen'] = refusal('transport_not_found');
    lose('send');
    await settle();
    expect(names().filter((name) => name === 'join')).toHaveLength(2);
    delete fake.refuse['reopen'];
    lose('send');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(names().filter((name) => name === 'join')).toHaveLength(3);
  });

  it('is over at once for who has nothing to send and nobody to receive', async () => {
    fake.answers['join'] = () => joinReply();
    const session = await join(null);
    lose('send', 'recv');
    await settle();
    expect(session.store.get().link.phase).toBe('live');
  });

  it('is not a transport that we do not know', async () => {
    const session = await call();
    lose('another');
    expect(session.store.get().link.phase).toBe('live');
  });
});

describe('a page that woke, or came to another network', () => {
  it('looks for its path anew without a word', async () => {
    const session = await join();
    fake.listeners.get('online')?.();
    await settle();
    expect(fake.media[0]?.iceRestarts).toBe(1);
    expect(session.store.get().link.phase).toBe('live');
  });

  it('takes another socket when the one it has does not answer', async () => {
    await join();
    fake.refuse['restartIce'] = refusal('timeout');
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(fake.reconnects).toBe(1);
  });

  it('doubts its socket too, when a path that was busy falls silent', async () => {
    await join();
    fake.handlers?.onSilent();
    expect([fake.media[0]?.iceRestarts, fake.doubts]).toEqual([1, 1]);
  });

  it('says so when its path is not found, and joins again in the end', async () => {
    const session = await join();
    fake.handlers?.onHealthy();
    fake.refuse['restartIce'] = refusal('transport_not_found');
    fake.listeners.get('online')?.();
    await settle();
    expect(session.store.get().link.phase).toBe('live');
    expect(names().filter((name) => name === 'join')).toHaveLength(2);
  });
});

describe('a socket that was lost', () => {
  const continued = { transports: ['send', 'recv'], producers: [], consumers: [] };
  const lose = async () => {
    fake.connection?.down();
    fake.connection?.up();
    await settle();
  };

  it('is followed by another one in the same join, over the same media', async () => {
    const session = await join();
    fake.answers['join'] = () => joinReply({ continued });
    await lose();
    expect(fake.requests.filter(([event]) => event === 'join').map(([, data]) => data)).toMatchObject([
      { hold: true }, { hold: true, resume: 'token', continue: true }]);
    expect(fake.requests[0]?.[1]).not.toHaveProperty('continue');
    expect(fake.media).toHaveLength(1);
    expect(fake.media[0]).toMatchObject({ iceRestarts: 1 });
    expect(fake.media[0]?.goOn).toHaveBeenCalledOnce();
    expect(session.store.get()).toMatchObject({ selfId: 'me', link: { phase: 'live' } });
  });

  it('is followed by a new join where the server has nothing any more', async () => {
    const session = await join();
    fake.answers['join'] = () => joinReply({ self: { id: 'me again', token: 'another' } });
    await lose();
    expect(fake.media).toHaveLength(2);
    expect(fake.media[0]?.goOn).not.toHaveBeenCalled();
    expect(session.store.get().selfId).toBe('me again');
  });

  it('leaves only those transports to be made anew that are gone', async () => {
    await join();
    fake.answers['join'] = () => joinReply({ continued: { ...continued, transports: ['recv'] } });
    fake.media[0]?.goOn.mockReturnValue(['send']);
    await lose();
    expect(fake.told).toEqual([['closeTransport', { transportId: 'send' }]]);
    expect(fake.media[0]?.reopened).toBe(1);
    expect(fake.media).toHaveLength(1);
  });

  it('is tried again in the same join when the answer was lost with it', async () => {
    await join();
    fake.answers['join'] = refusal('not_connected');
    await lose();
    fake.answers['join'] = () => joinReply({ continued });
    await lose();
    expect(fake.requests.at(-1)?.[0] === 'leave' || names().includes('leave')).toBe(false);
    expect(fake.media[0]?.goOn).toHaveBeenCalledOnce();
  });

  it('is not missed by a page that goes away: it says so', async () => {
    await join();
    fake.listeners.get('pagehide')?.();
    expect(fake.told).toEqual([['leave', {}]]);
  });
});

describe('people who come and go', () => {
  const bob = (id: string): Participant => ({ id, name: 'Bob', speaks: 'en', hears: 'en', handRaised: false, producers: [] });

  it('are told, but not when their page was only loaded again', async () => {
    const session = await join();
    const told = () => session.store.get().notices.map(({ key }) => key);
    fake.events?.participantJoined(bob('one'));
    expect(told()).toEqual(['notice.joined']);
    await vi.advanceTimersByTimeAsync(10_000);
    fake.events?.participantLeft({ id: 'one', reason: 'replaced' });
    fake.events?.participantJoined(bob('two'));
    expect(told()).toEqual([]);
    expect(session.store.get().participants.map(({ id }) => id)).toEqual(['two']);
    fake.events?.participantLeft({ id: 'two', reason: 'left' });
    fake.events?.participantJoined(bob('three'));
    expect(told()).toEqual(['notice.left', 'notice.joined']);
  });
});

describe('our chat messages', () => {
  it('are ours after joining again under another id', async () => {
    const session = await join();
    await session.sendChat('hello');
    fake.answers['join'] = () => joinReply({
      self: { id: 'me again' },
      chat: [{ id: 'm1', from: 'me', name: 'Ann', text: 'hello', lang: 'vi', translations: {}, at: 5 }],
    });
    fake.connection?.down();
    fake.connection?.up();
    await settle();
    expect(session.store.get().chat).toMatchObject([{ id: 'm1', from: 'me again' }]);
  });
});
