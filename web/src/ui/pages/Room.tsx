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
import { Brand, Waiting } from '../parts/small';
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
  const t = useT();
  const [remembered] = useState(() => recallCall(code));
  const [phase, setPhase] = useState<Phase>(remembered ? { name: 'starting' } : { name: 'lobby', refusal: null });
  const session = useRef<CallSession | null>(null);
  const languages = useServerLanguages();

  const start = useCallback(async (intent: JoinIntent, tracks: LobbyTracks) => {
    setPhase({ name: 'starting' });
    // The calling code (mediasoup-client) is loaded while people are still in the lobby; see Lobby.
    const loaded = await Promise.all([import('../../call/session'), import('../../call/hook')]).catch(() => null);
    if (!loaded) {
      tracks.microphone?.stop();
      tracks.camera?.stop();
      return setPhase({ name: 'lobby', refusal: 'server_unreachable' });
    }
    const [{ CallSession }, { installHook }] = loaded;
    const made = new CallSession(intent, tracks);
    session.current = made;
    installHook(made);
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
  }, []);

  const resumed = useRef(false);
  useEffect(() => {
    if (!remembered || resumed.current) return;
    resumed.current = true;
    void reopenTracks().then((tracks) => start(remembered, tracks));
  }, [remembered, start]);
  // The address changed to another room or to the start page: the call is left.
  useEffect(() => () => {
    leaveSoon(code, session);
  }, [code]);

  switch (phase.name) {
    case 'starting':
      return <div className="page centered"><Waiting label={t('call.connecting')} /></div>;
    case 'lobby':
      return <Lobby code={code} languages={languages} refusal={phase.refusal} onJoin={(...args) => void start(...args)} />;
    case 'call':
      return <Call session={phase.session} languages={languages.value} />;
    case 'ended':
      return <Ended code={code} reason={phase.reason} hears={phase.hears} access={phase.access}
        onAgain={() => setPhase({ name: 'lobby', refusal: null })} />;
  }
}

/** React's strict mode unmounts once for practice: only a page that really goes leaves the call. */
function leaveSoon(code: string, session: { current: CallSession | null }): void {
  window.setTimeout(() => {
    if (!window.location.pathname.includes(code)) session.current?.leave();
  }, 0);
}

async function reopenTracks(): Promise<LobbyTracks> {
  const wanted = preferences.get();
  const [microphone, camera] = await Promise.all([
    openMicrophone(wanted).catch(() => null),
    wanted.cameraOn ? openCamera(wanted).catch(() => null) : null,
  ]);
  return { microphone, camera };
}

export interface LoadedLanguages {
  value: ServerLanguages | null;
  failure: Failure | null;
  retry: () => void;
}

const RETRY_MS = 4000;

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
        // Right after its start the server may not know its services yet.
        if (loaded.stt.length === 0) timer = window.setTimeout(() => setAttempt((n) => n + 1), RETRY_MS);
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
  return { value, failure, retry: () => setAttempt((n) => n + 1) };
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
