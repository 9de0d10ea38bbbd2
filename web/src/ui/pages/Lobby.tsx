// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useRef, useState, type FormEvent } from 'react';
import { canChooseOutput, setOutputDevice } from '../../call/audio-context';
import { openCamera, openMicrophone, type Devices } from '../../call/devices';
import { Meter } from '../../call/meter';
import { useFailureText, useT } from '../../i18n';
import { guessLanguage, hearsFor, speakChoices } from '../../i18n/languages';
import { Failure } from '../../protocol/failure';
import { rest } from '../../protocol/rest';
import type { Language, RoomInfo, ServerLanguages } from '../../protocol/types';
import type { JoinIntent } from '../../state/memory';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';
import { DeviceSelect, useDevices } from '../parts/DeviceSelect';
import { Icon } from '../parts/Icon';
import { HearSelect, SpeakSelect } from '../parts/LanguageSelect';
import { Brand, CopyLink, InterfaceLanguage, LevelMeter, Message, Waiting } from '../parts/small';
import { Avatar, Video } from '../parts/Video';
import { navigate } from '../route';
import type { LoadedLanguages } from './Room';

export interface LobbyTracks {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
}

interface Props {
  code: string;
  languages: LoadedLanguages;
  /** Why the last attempt to join was refused. */
  refusal: string | null;
  onJoin: (intent: JoinIntent, tracks: LobbyTracks) => void;
}

export function Lobby({ code, languages, refusal, onJoin }: Props) {
  const t = useT();
  const failureText = useFailureText();
  const room = useRoom(code, refusal);
  // A room that is not there is no reason to open a camera.
  const media = useLobbyMedia(room.info !== null);

  useEffect(() => {
    void import('../../call/session');  // ready when «Join» is pressed
  }, []);

  const gone = room.failure?.code === 'room_not_found';
  const failure = room.failure ?? languages.failure;
  return (
    <div className="page lobby">
      <header className="start-head">
        <Brand />
        <InterfaceLanguage />
      </header>
      {gone ? (
        <main className="card ended">
          <h1>{t('ended.error')}</h1>
          <Message tone="bad">{failureText(room.failure as Failure)}</Message>
          <button className="button primary wide" onClick={() => navigate('/')}>{t('common.home')}</button>
        </main>
      ) : (
        <main className="lobby-main">
          <Preview media={media} />
          <section className="card lobby-card">
            <div className="lobby-title">
              <h1>{t('lobby.title')}</h1>
              <RoomLine code={code} info={room.info} />
            </div>
            {failure && (
              <Message tone="bad">
                {failureText(failure)}{' '}
                <button className="link" onClick={() => { room.retry(); languages.retry(); }}>{t('common.retry')}</button>
              </Message>
            )}
            {!languages.value && !failure && <Waiting label={t('common.loading')} />}
            {languages.value && room.info && (
              <JoinForm code={code} info={room.info} server={languages.value} media={media} refusal={refusal}
                onJoin={onJoin} />
            )}
          </section>
        </main>
      )}
    </div>
  );
}

function RoomLine({ code, info }: { code: string; info: RoomInfo | null }) {
  const t = useT();
  const count = info?.participants ?? 0;
  const people = count === 0 ? t('lobby.nobody') : count === 1 ? t('lobby.one') : t('lobby.many', { count });
  return (
    <div className="room-line">
      <p>
        {info?.name && info.name !== info.code ? <strong>{info.name}</strong> : <span className="code">{code}</span>}
        {info && <span className="dim"> · {people}</span>}
      </p>
      <CopyLink code={code} />
    </div>
  );
}

interface JoinFormProps {
  code: string;
  info: RoomInfo;
  server: ServerLanguages;
  media: LobbyMedia;
  refusal: string | null;
  onJoin: Props['onJoin'];
}

function JoinForm({ code, info, server, media, refusal, onJoin }: JoinFormProps) {
  const t = useT();
  const failureText = useFailureText();
  const name = useStore(preferences, (state) => state.name);
  const { speaks, hears, chosen, setSpeaks, setHears } = useLanguages(server);
  const [passcode, setPasscode] = useState('');
  const [problem, setProblem] = useState<string | null>(refusal && failureText({ code: refusal, message: refusal }));
  const full = info.participants !== undefined && info.participants >= info.maxParticipants;
  // Somebody left: what was said about a full room is true no more.
  useEffect(() => {
    if (!full && refusal === 'room_full') setProblem(null);
  }, [full, refusal]);

  const join = (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return setProblem(t('lobby.needName'));
    if (info.hasPasscode && !passcode) return setProblem(t('lobby.needPasscode'));
    // Only what was chosen is remembered: a guess may be made of half of what the server can do.
    preferences.set({ ...chosen, name: name.trim() });
    const voice = preferences.get().mix === 0 ? 'original' : 'translated';
    const intent = { code, name: name.trim(), speaks, hears, voice } as const;
    onJoin(passcode ? { ...intent, passcode } : intent, media.take());
  };

  return (
    <form onSubmit={join} noValidate>
      <div className="field">
        <label htmlFor="name">{t('landing.name')}</label>
        <input id="name" value={name} maxLength={60} autoComplete="name" placeholder={t('landing.namePlaceholder')}
          onChange={(event) => { preferences.set({ name: event.target.value }); setProblem(null); }} />
      </div>
      <div className="field-pair">
        <SpeakSelect server={server} value={speaks} onChange={setSpeaks} />
        <HearSelect server={server} value={hears} onChange={setHears} speaks={speaks} />
      </div>
      {info.hasPasscode && (
        <div className="field">
          <label htmlFor="passcode">{t('lobby.passcode')}</label>
          <input id="passcode" type="password" value={passcode} autoComplete="off"
            onChange={(event) => { setPasscode(event.target.value); setProblem(null); }} />
        </div>
      )}
      {full && <Message tone="bad">{t('failure.room_full')}</Message>}
      {problem && !full && <Message tone="bad">{problem}</Message>}
      <button className="button primary wide" disabled={media.opening}>
        {media.opening ? t('common.loading') : t(media.microphone ? 'lobby.join' : 'lobby.joinSilent')}
      </button>
      {media.unanswered && (
        <button className="button wide">{t(media.microphone ? 'lobby.joinUnseen' : 'lobby.joinSilent')}</button>
      )}
    </form>
  );
}

function useLanguages(server: ServerLanguages) {
  const stored = preferences.get();
  const { recognised, unrecognised } = speakChoices(server);
  const [chosen, setChosen] = useState<{ speaks?: Language; hears?: Language }>({});
  const guess = () => guessLanguage([...recognised, ...unrecognised], stored.speaks, navigator.languages);
  const speaks = chosen.speaks ?? guess() ?? 'en';
  const hears = hearsFor(server, speaks, chosen.hears ?? stored.hears);
  return {
    speaks, hears, chosen,
    setSpeaks: (language: Language) => setChosen((now) => ({ ...now, speaks: language })),
    setHears: (language: Language) => setChosen((now) => ({ ...now, hears: language })),
  };
}

const ROOM_POLL_MS = 5000;

function useRoom(code: string, refusal: string | null) {
  const [info, setInfo] = useState<RoomInfo | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let current = true;
    let timer = 0;
    const load = async () => {
      try {
        const loaded = await rest.room(code);
        if (!current) return;
        setInfo(loaded);
        setFailure(null);
      } catch (error) {
        if (!current) return;
        setFailure(Failure.of(error));
        // It does not come back, and every question counts as a wrong code.
        if (Failure.of(error).code === 'room_not_found') return setInfo(null);
      }
      // How many are inside changes while one waits here.
      timer = window.setTimeout(() => void load(), ROOM_POLL_MS);
    };
    void load();
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [code, attempt, refusal]);
  return { info, failure, retry: () => setAttempt((n) => n + 1) };
}

interface LobbyMedia extends LobbyTracks {
  level: number;
  opening: boolean;
  /** The browser asks for the device, and nobody has answered for a while. */
  unanswered: 'microphone' | 'camera' | null;
  devices: Devices;
  microphoneFailure: Failure | null;
  cameraFailure: Failure | null;
  retry: (what: 'microphone' | 'camera') => void;
  /** Hands the tracks to the call: they are not stopped when the lobby goes. */
  take: () => LobbyTracks;
}

/** Devices are opened once the room is known to be there. */
function useLobbyMedia(ready: boolean): LobbyMedia {
  const { microphoneId, cameraId, cameraOn } = useStore(preferences, (state) => ({
    microphoneId: state.microphoneId, cameraId: state.cameraId, cameraOn: state.cameraOn,
  }));
  const [attempts, setAttempts] = useState({ microphone: 0, camera: 0 });
  const taken = useRef(false);
  const microphone = useTrack(() => openMicrophone(preferences.get()), `${microphoneId}/${attempts.microphone}`, ready, taken);
  const camera = useTrack(() => openCamera(preferences.get()), `${cameraId}/${attempts.camera}`, ready && cameraOn, taken);
  const [level, setLevel] = useState(0);
  const devices = useDevices(microphone.track, camera.track);
  const slow = useAfter(PROMPT_AFTER_MS, microphone.opening || camera.opening);

  useEffect(() => {
    if (!microphone.track) return setLevel(0);
    const meter = new Meter(microphone.track, setLevel);
    return () => meter.close();
  }, [microphone.track]);

  const take = useCallback(() => {
    taken.current = true;
    return { microphone: microphone.track, camera: camera.track };
  }, [microphone.track, camera.track]);

  return {
    microphone: microphone.track, camera: camera.track, level, devices, take,
    opening: !ready || microphone.opening || camera.opening,
    unanswered: !slow ? null : microphone.opening ? 'microphone' : camera.opening ? 'camera' : null,
    microphoneFailure: microphone.failure, cameraFailure: camera.failure,
    retry: (what) => setAttempts((now) => ({ ...now, [what]: now[what] + 1 })),
  };
}

const PROMPT_AFTER_MS = 2000;

/** True once `on` has lasted that long. */
function useAfter(ms: number, on: boolean): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!on) return;
    const timer = window.setTimeout(() => setLate(true), ms);
    return () => window.clearTimeout(timer);
  }, [ms, on]);
  return late && on;
}

/** Opens a track while `wanted`, again when `key` changes, and stops it when it is no longer needed. */
function useTrack(open: () => Promise<MediaStreamTrack>, key: string, wanted: boolean, taken: { current: boolean }) {
  const [state, setState] = useState<TrackState>({ of: null, track: null, failure: null, opening: false });
  const opener = useRef(open);
  opener.current = open;
  const of = wanted ? key : null;
  useEffect(() => {
    if (of === null) return setState({ of, track: null, failure: null, opening: false });
    let current = true;
    let opened: MediaStreamTrack | null = null;
    setState((now) => ({ ...now, of, opening: true }));
    opener.current().then(
      (track) => {
        if (!current) return track.stop();
        opened = track;
        setState({ of, track, failure: null, opening: false });
      },
      (error: unknown) => current && setState({ of, track: null, failure: Failure.of(error), opening: false }),
    );
    return () => {
      current = false;
      if (!taken.current) opened?.stop();
    };
  }, [of, taken]);
  // From the very render that wants it, and not only from the effect after: nobody should join in between.
  return state.of === of ? state : { ...state, opening: wanted };
}

interface TrackState {
  /** What it is the state of. */
  of: string | null;
  track: MediaStreamTrack | null;
  failure: Failure | null;
  opening: boolean;
}

function Preview({ media }: { media: LobbyMedia }) {
  const t = useT();
  const failureText = useFailureText();
  const { name, cameraOn, microphoneOn } = useStore(preferences, (state) => ({
    name: state.name, cameraOn: state.cameraOn, microphoneOn: state.microphoneOn,
  }));
  const failures = [media.microphoneFailure, cameraOn ? media.cameraFailure : null];
  // One sentence is enough when both are refused for the same reason.
  const shown = failures.filter((failure, index) => failure && failures.findIndex((f) => f?.code === failure.code) === index);
  return (
    <section className="preview-column">
      <div className="preview">
        {media.camera ? (
          <Video track={media.camera} mirrored label={t('lobby.camera')} />
        ) : (
          <div className="preview-empty">
            <Avatar name={name || '?'} />
            {!media.opening && <span>{t('lobby.noCamera')}</span>}
          </div>
        )}
        <div className="preview-buttons">
          <button className={`round ${microphoneOn && media.microphone ? '' : 'off'}`} aria-label={t(microphoneOn ? 'call.mute' : 'call.unmute')} title={t(microphoneOn ? 'call.mute' : 'call.unmute')}
            onClick={() => (media.microphone ? preferences.set({ microphoneOn: !microphoneOn }) : media.retry('microphone'))}>
            <Icon name={microphoneOn && media.microphone ? 'mic' : 'micOff'} />
          </button>
          <button className={`round ${media.camera ? '' : 'off'}`} aria-label={t(cameraOn ? 'call.cameraOff' : 'call.cameraOn')} title={t(cameraOn ? 'call.cameraOff' : 'call.cameraOn')}
            onClick={() => (cameraOn && media.cameraFailure ? media.retry('camera') : preferences.set({ cameraOn: !cameraOn }))}>
            <Icon name={media.camera ? 'camera' : 'cameraOff'} />
          </button>
        </div>
        <LevelMeter level={microphoneOn ? media.level : 0} label={t('lobby.level')} />
      </div>
      {media.unanswered && (
        <Message tone="info">{t(media.unanswered === 'microphone' ? 'lobby.allowMicrophone' : 'lobby.allowCamera')}</Message>
      )}
      {shown.map((failure) => failure && <Message key={failure.code} tone="bad">{failureText(failure)}</Message>)}
      <div className="device-row">
        <DeviceSelect kind="microphone" devices={media.devices.microphones} />
        <DeviceSelect kind="camera" devices={media.devices.cameras} />
        {canChooseOutput() && (
          <DeviceSelect kind="speaker" devices={media.devices.speakers} onChange={(id) => void setOutputDevice(id)} />
        )}
      </div>
    </section>
  );
}
