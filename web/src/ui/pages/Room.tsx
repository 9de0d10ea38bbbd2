// SPDX-License-Identifier: Apache-2.0
// One room from its address: lobby, call, and what follows. A reload comes back into the call.
import { useCallback, useEffect, useRef, useState } from 'react';
import type { CallSession } from '../../call/session';
import { openCamera, openMicrophone } from '../../call/devices';
import { useFailureText, useT } from '../../i18n';
import { Failure } from '../../protocol/failure';
import { rest, type Access } from '../../protocol/rest';
import type { ServerLanguages } from '../../protocol/types';
import { isFinalRefusal } from '../../signaling/link';
import { recallCall, type JoinIntent } from '../../state/memory';
import { preferences } from '../../state/preferences';
import { Brand, Message, Waiting } from '../parts/small';
import { Transcript } from '../parts/Transcript';
import { navigate } from '../route';
import { Call } from './Call';
import { Lobby, type LobbyTracks } from './Lobby';

type Phase =
  | { name: 'lobby'; refusal: string | null }
  | { name: 'starting' }
  | { name: 'call'; session: CallSession }
  | { name: 'ended'; reason: string; hears: string; access: Access };

export function Room({ code }: { code: string }) {
  const [remembered] = useState(() => recallCall(code));
  const [phase, setPhase] = useState<Phase>(remembered ? { name: 'starting' } : { name: 'lobby', refusal: null });
  const session = useRef<CallSession | null>(null);
  const reopening = useRef<Reopening | null>(null);
  const here = useHere(() => {
    session.current?.leave();
    reopening.current?.skip();
  });
  const languages = useServerLanguages();

  const start = useCallback(async (intent: JoinIntent, tracks: LobbyTracks, failures: Failure[] = []) => {
    setPhase({ name: 'starting' });
    // The calling code (mediasoup-client) is loaded while people are still in the lobby; see Lobby.
    const loaded = await Promise.all([import('../../call/session'), import('../../call/hook')]).catch(() => null);
    if (!loaded || !here.current) {
      tracks.microphone?.stop();
      tracks.camera?.stop();
      return setPhase({ name: 'lobby', refusal: 'server_unreachable' });
    }
    const [{ CallSession }, { installHook }] = loaded;
    const made = new CallSession(intent, tracks);
    session.current = made;
    installHook(made);
    for (const { code, message } of failures) made.notify('bad', `failure.${code}`, { message });
    made.store.subscribe(() => {
      const { link, hears } = made.store.get();
      if (link.phase !== 'ended' || session.current !== made) return;
      session.current = null;
      installHook(null);
      const reason = link.reason ?? 'left';
      setPhase(
        isFinalRefusal(reason) && !link.wasLive
          ? { name: 'lobby', refusal: reason }
          : { name: 'ended', reason, hears, access: made.access },
      );
    });
    setPhase({ name: 'call', session: made });
  }, [here]);

  useEffect(() => {
    if (!remembered || reopening.current) return;
    reopening.current = reopenTracks();
    void reopening.current.done.then(({ tracks, failures }) => start(remembered, tracks, failures));
  }, [remembered, start]);

  switch (phase.name) {
    case 'starting':
      return <Starting reopening={reopening} />;
    case 'lobby':
      return <Lobby code={code} languages={languages} refusal={phase.refusal} onJoin={(...args) => void start(...args)} />;
    case 'call':
      return <Call session={phase.session} languages={languages} />;
    case 'ended':
      return <Ended code={code} reason={phase.reason} hears={phase.hears} access={phase.access}
        onAgain={() => setPhase({ name: 'lobby', refusal: null })} />;
  }
}

/**
 * Whether this page is still there, for what comes back after a wait; `onGone` once it is not. React's strict mode
 * unmounts once for practice, and mounts again before the timer.
 */
function useHere(onGone: () => void): { readonly current: boolean } {
  const here = useRef(true);
  const gone = useRef(onGone);
  gone.current = onGone;
  useEffect(() => {
    here.current = true;
    return () => {
      here.current = false;
      window.setTimeout(() => {
        if (!here.current) gone.current();
      }, 0);
    };
  }, []);
  return here;
}

const PROMPT_AFTER_MS = 2000;

/** Between a reload and the call. A question of the browser that nobody answers must not hold it up for ever. */
function Starting({ reopening }: { reopening: { current: Reopening | null } }) {
  const t = useT();
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setSlow(true), PROMPT_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, []);
  const waiting = slow ? reopening.current?.waiting() : null;
  if (!waiting) return <div className="page centered"><Waiting label={t('call.connecting')} /></div>;
  return (
    <div className="page centered">
      <main className="card ended">
        <Waiting label={t('call.connecting')} />
        <Message tone="info">{t(waiting === 'microphone' ? 'lobby.allowMicrophone' : 'lobby.allowCamera')}</Message>
        <button className="button wide" onClick={() => reopening.current?.skip()}>
          {t(waiting === 'microphone' ? 'lobby.joinSilent' : 'lobby.joinUnseen')}
        </button>
      </main>
    </div>
  );
}

interface Reopening {
  done: Promise<{ tracks: LobbyTracks; failures: Failure[] }>;
  /** What is not open yet. */
  waiting: () => 'microphone' | 'camera' | null;
  /** Goes on without what is not open yet. */
  skip: () => void;
}

/** The devices after a reload, as they were before. */
function reopenTracks(): Reopening {
  const wanted = preferences.get();
  const failures: Failure[] = [];
  const tracks: LobbyTracks = { microphone: null, camera: null };
  const pending = new Set<'microphone' | 'camera'>(wanted.cameraOn ? ['microphone', 'camera'] : ['microphone']);
  let skip = () => undefined as void;
  const done = new Promise<void>((resolve) => {
    const settle = (what: 'microphone' | 'camera', opening: Promise<MediaStreamTrack>) =>
      opening.then(
        (track) => {
          if (!pending.has(what)) return track.stop();
          tracks[what] = track;
        },
        (error: unknown) => pending.has(what) && failures.push(Failure.of(error)),
      ).then(() => {
        pending.delete(what);
        if (pending.size === 0) resolve();
      });
    void settle('microphone', openMicrophone(wanted));
    if (wanted.cameraOn) void settle('camera', openCamera(wanted));
    skip = () => {
      pending.clear();
      resolve();
    };
  });
  return {
    done: done.then(() => ({ tracks, failures })),
    waiting: () => (pending.has('microphone') ? 'microphone' : pending.has('camera') ? 'camera' : null),
    skip: () => skip(),
  };
}

export interface LoadedLanguages {
  value: ServerLanguages | null;
  failure: Failure | null;
  retry: () => void;
}

const RETRY_MS = 4000;
const RETRY_SLOWLY_MS = 30_000;
const QUICK_RETRIES = 10;

function useServerLanguages(): LoadedLanguages {
  const [value, setValue] = useState<ServerLanguages | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    let timer = 0;
    rest.languages().then(
      (loaded) => {
        if (!current) return;
        setValue(loaded);
        setFailure(null);
        // Right after its start the server may not know its services yet; or it has not all of them.
        const missing = [loaded.stt, loaded.translation, loaded.tts].some((offered) => offered.length === 0);
        const delay = attempt < QUICK_RETRIES ? RETRY_MS : RETRY_SLOWLY_MS;
        if (missing) timer = window.setTimeout(() => setAttempt((n) => n + 1), delay);
      },
      (error: unknown) => {
        if (!current) return;
        setFailure(Failure.of(error));
        timer = window.setTimeout(() => setAttempt((n) => n + 1), RETRY_MS);
      },
    );
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [attempt]);
  const retry = useCallback(() => setAttempt((n) => n + 1), []);
  return { value, failure, retry };
}

interface EndedProps {
  code: string;
  reason: string;
  hears: string;
  access: Access;
  onAgain: () => void;
}

function Ended({ code, reason, hears, access, onAgain }: EndedProps) {
  const t = useT();
  const failureText = useFailureText();
  const gone = reason === 'room_closed' || reason === 'room_not_found';
  const title =
    reason === 'left' ? t('ended.left') : reason === 'room_closed' ? t('ended.closed') : failureText({ code: reason, message: reason });
  return (
    <div className="page centered">
      <Brand />
      <main className="card ended">
        <h1>{title}</h1>
        <div className="button-column">
          {!gone && <button className="button primary wide" onClick={onAgain}>{t('ended.again')}</button>}
          {!gone && (
            <Transcript className="button wide" code={code} lang={hears} access={access}>{t('ended.transcript')}</Transcript>
          )}
          <button className="button wide" onClick={() => navigate('/')}>{t('common.home')}</button>
        </div>
      </main>
    </div>
  );
}
