// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react';
import type { CallSession } from '../../call/session';
import { useT, useUi } from '../../i18n';
import { canRead, nameIn, shortName } from '../../i18n/languages';
import type { Language, Participant, ServerLanguages } from '../../protocol/types';
import { sameLanguage } from '../../call/captions';
import { SELF } from '../../call/quality-watch';
import { useStore } from '../../state/store';
import { Icon } from '../parts/Icon';
import { Avatar, Video } from '../parts/Video';
import { QualityMark } from './QualityMark';

interface TileProps {
  session: CallSession;
  participant: Participant;
  languages: ServerLanguages | null;
}

export function Tile({ session, participant, languages }: TileProps) {
  const t = useT();
  const ui = useUi();
  const camera = participant.producers.find(({ source }) => source === 'camera');
  const microphone = participant.producers.find(({ source }) => source === 'mic');
  const translation = participant.producers.find(({ source }) => source === 'translation');
  const track = useStore(session.store, (state) => (camera && !camera.paused ? state.videoTracks[camera.id] : undefined));
  const held = useStore(session.store, (state) => (camera ? undefined : state.heldPictures[participant.id]));
  const speaking = useStore(session.store, (state) => state.activeSpeakerId === participant.id);
  const sounding = useStore(session.store, (state) => state.sounding.includes(participant.id));
  const hears = useStore(session.store, (state) => state.hears);
  const shown = camera && { viewing: session.viewing, producerId: camera.id };
  const language = translation?.lang;
  const foreign = !sameLanguage(participant.speaks, hears);
  const untranslated = foreign && !language && languages !== null && !canRead(languages, participant.speaks, hears);
  return (
    <Frame
      session={session} id={participant.id} qualityOf={participant.id} name={participant.name} label={participant.name} speaks={participant.speaks}
      muted={!microphone || microphone.paused} speaking={speaking || sounding} hand={participant.handRaised}
      said={untranslated ? t('tile.untranslated', { language: nameIn(hears, ui) }) : null}
      mark={
        untranslated ? (
          <span className="untranslated-mark" title={t('tile.untranslated', { language: nameIn(hears, ui) })}>
            <Icon name="alert" size={14} />
            <span>{t('tile.untranslatedShort')}</span>
          </span>
        ) : language && (
          <TranslatedMark from={participant.speaks} to={language} sounding={sounding}
            title={t(sounding ? 'tile.translating' : 'tile.translated', { language: nameIn(language, ui) })} />
        )
      }
    >
      {track || held ? <Video track={(track ?? held) as MediaStreamTrack} label={participant.name} shown={shown} /> : <Avatar name={participant.name} />}
    </Frame>
  );
}

export function SelfTile({ session }: { session: CallSession }) {
  const t = useT();
  const state = useStore(session.store, (s) => ({
    id: s.selfId, name: s.name, speaks: s.speaks, camera: s.camera, hand: s.handRaised,
    muted: !s.hasMicrophone || (!s.microphoneOn && !s.pushToTalk), speaking: s.selfId !== null && s.activeSpeakerId === s.selfId,
  }));
  return (
    <Frame session={session} id={state.id ?? ''} qualityOf={SELF} name={state.name} label={`${state.name} (${t('common.you')})`}
      speaks={state.speaks} muted={state.muted} speaking={state.speaking && !state.muted} hand={state.hand} mark={null}>
      {state.camera ? <Video track={state.camera} mirrored label={t('common.you')} /> : <Avatar name={state.name} />}
    </Frame>
  );
}

interface FrameProps {
  session: CallSession;
  id: string;
  /** Whose connection the bars are about. */
  qualityOf: string;
  name: string;
  label: string;
  speaks: Language;
  muted: boolean;
  speaking: boolean;
  hand: boolean;
  /** More for the name that screen readers say. */
  said?: string | null;
  mark: ReactNode;
  children: ReactNode;
}

function Frame({ session, id, qualityOf, name, label, speaks, muted, speaking, hand, said: more, mark, children }: FrameProps) {
  const t = useT();
  const ui = useUi();
  const quality = useStore(session.store, (state) => state.qualities[qualityOf]);
  const reactions = useStore(session.store, (state) => state.reactions.filter((r) => r.participantId === id));
  const said = [label, t('tile.speaks', { language: nameIn(speaks, ui) })];
  if (muted) said.push(t('tile.muted'));
  if (hand) said.push(t('tile.hand'));
  if (more) said.push(more);
  return (
    <article className={`tile ${speaking ? 'speaking' : ''}`} aria-label={said.join(', ')} data-participant={id}>
      {children}
      {mark}
      {hand && <span className="tile-hand" title={t('tile.hand')}><Icon name="hand" size={20} /></span>}
      <div className="tile-reactions" aria-hidden="true">
        {reactions.map((reaction) => <span key={reaction.id}>{reaction.emoji}</span>)}
      </div>
      <footer className="plate">
        {muted && <span className="plate-muted" aria-hidden="true"><Icon name="micOff" size={15} /></span>}
        <span className="plate-name" aria-hidden="true">{label}</span>
        <span className="badge" aria-hidden="true">{shortName(speaks)}</span>
        {quality && <QualityMark quality={quality} name={name} own={qualityOf === SELF} />}
      </footer>
    </article>
  );
}

function TranslatedMark({ from, to, sounding, title }: { from: Language; to: Language; sounding: boolean; title: string }) {
  return (
    <span className={`translated-mark ${sounding ? 'sounding' : ''}`} title={title}>
      <span>{shortName(from)}</span>
      <span className="bars" aria-hidden="true"><i /><i /><i /><i /></span>
      <span>{shortName(to)}</span>
      <span className="sr-only">{title}</span>
    </span>
  );
}
