// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { captionLagSeconds, captionLines, sameLanguage } from '../../call/captions';
import type { CallSession } from '../../call/session';
import { useT, useUi, type Key } from '../../i18n';
import { nameIn, shortName } from '../../i18n/languages';
import type { Caption, ChatMessage, ServerLanguages } from '../../protocol/types';
import { preferences } from '../../state/preferences';
import { useStore } from '../../state/store';
import { Icon } from '../parts/Icon';
import { CopyLink } from '../parts/small';
import { Transcript } from '../parts/Transcript';
import { Avatar } from '../parts/Video';
import { speakerName } from './speaker';

export type PanelTab = 'captions' | 'chat' | 'people';

const TABS: { tab: PanelTab; label: Key }[] = [
  { tab: 'captions', label: 'captions.title' },
  { tab: 'chat', label: 'chat.title' },
  { tab: 'people', label: 'people.title' },
];

interface Props {
  session: CallSession;
  languages: ServerLanguages | null;
  tab: PanelTab;
  onTab: (tab: PanelTab | null) => void;
  unread: number;
  /** What is written and not sent yet; it outlives the panel. */
  draft: string;
  onDraft: (text: string) => void;
}

export function SidePanel({ session, languages, tab, onTab, unread, draft, onDraft }: Props) {
  const t = useT();
  const move = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
    const index = TABS.findIndex((entry) => entry.tab === tab) + (event.key === 'ArrowRight' ? 1 : -1);
    const next = TABS[(index + TABS.length) % TABS.length];
    if (next) onTab(next.tab);
    requestAnimationFrame(() => document.querySelector<HTMLElement>('.tabs [aria-selected=true]')?.focus());
  };
  return (
    <aside className="panel" aria-label={t('call.panel')}>
      <div className="panel-head">
        <div className="tabs" role="tablist" onKeyDown={move}>
          {TABS.map((entry) => (
            <button key={entry.tab} role="tab" aria-selected={entry.tab === tab} aria-controls="panel-body"
              tabIndex={entry.tab === tab ? 0 : -1} onClick={() => onTab(entry.tab)}>
              {t(entry.label)}
              {entry.tab === 'chat' && unread > 0 && <span className="count">{unread}</span>}
            </button>
          ))}
        </div>
        <button className="icon-button" onClick={() => onTab(null)} aria-label={t('common.close')} title={t('common.close')}>
          <Icon name="close" size={20} />
        </button>
      </div>
      <div className="panel-body" id="panel-body" role="tabpanel">
        {tab === 'captions' && <CaptionList session={session} languages={languages} />}
        {tab === 'chat' && <Chat session={session} text={draft} setText={onDraft} />}
        {tab === 'people' && <People session={session} />}
      </div>
    </aside>
  );
}

/** Keeps the end in view while new lines come, unless somebody scrolled up to read. */
function Follow({ of, label, children }: { of: unknown; label: string; children: ReactNode }) {
  const t = useT();
  const box = useRef<HTMLDivElement>(null);
  const [away, setAway] = useState(false);
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });
  useEffect(() => {
    if (!away) toEnd();
  }, [of, away]);
  const onScroll = () => {
    const element = box.current;
    if (element) setAway(element.scrollHeight - element.scrollTop - element.clientHeight > 60);
  };
  return (
    <div className="follow">
      <div className="scroll" ref={box} onScroll={onScroll} role="log" aria-live="off" aria-label={label} tabIndex={0}>
        {children}
      </div>
      {away && <button className="button small follow-latest" onClick={() => { setAway(false); toEnd(); }}>{t('captions.latest')}</button>}
    </div>
  );
}

function CaptionList({ session, languages }: { session: CallSession; languages: ServerLanguages | null }) {
  const t = useT();
  const { captions, hears, room, participants, speaks } = useStore(session.store, (state) => ({
    captions: state.captions, hears: state.hears, room: state.room, participants: state.participants, speaks: state.speaks,
  }));
  const captionsOn = useStore(preferences, (state) => state.captionsOn);
  const spoken = [speaks, ...participants.map((participant) => participant.speaks)];
  const none = languages !== null && !spoken.some((a) => languages.stt.some((b) => sameLanguage(a, b)));
  return (
    <>
      <Follow of={captions} label={t('captions.title')}>
        {captions.length === 0 && <p className="empty">{t(none ? 'captions.emptyNone' : 'captions.empty')}</p>}
        {captions.map((caption) => (
          <CaptionRow key={caption.id} caption={caption} hears={hears} name={speakerName(session.store.get(), caption)} />
        ))}
      </Follow>
      <div className="panel-foot">
        <label className="check">
          <input type="checkbox" checked={captionsOn} onChange={(event) => preferences.set({ captionsOn: event.target.checked })} />
          {t('captions.overlay')}
        </label>
        {room && (
          <Transcript className="icon-button" code={room.code} lang={hears} access={session.access} label={t('captions.download')}>
            <Icon name="download" size={20} />
          </Transcript>
        )}
      </div>
    </>
  );
}

function CaptionRow({ caption, hears, name }: { caption: Caption; hears: string; name: string }) {
  const t = useT();
  const { main, original } = captionLines(caption, hears);
  const lag = captionLagSeconds(caption);
  const seconds = lag?.toFixed(1) ?? '';
  return (
    <div className={`caption ${caption.final ? '' : 'partial'}`} data-caption={caption.id} data-final={caption.final}>
      <div className="caption-head">
        <strong>{name}</strong>
        <span className="badge">{shortName(caption.lang)}</span>
        {caption.final && lag !== null && (
          <span className={`lag ${lag > 2 ? 'slow' : ''}`} title={t('captions.lag', { seconds })}>{seconds} s</span>
        )}
        {!caption.final && <span className="typing" title={t('captions.partial')}><i /><i /><i /></span>}
      </div>
      <p lang={original ? hears : caption.lang}>{main}</p>
      {original && <small lang={caption.lang}>{original}</small>}
    </div>
  );
}

function Chat({ session, text, setText }: { session: CallSession; text: string; setText: (text: string) => void }) {
  const t = useT();
  const { chat, hears, selfId } = useStore(session.store, (state) => ({
    chat: state.chat, hears: state.hears, selfId: state.selfId,
  }));
  const [busy, setBusy] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.focus(), []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const trimmed = text.trim();
    if (!trimmed || busy) return;
    setBusy(true);
    if (await session.sendChat(trimmed)) setText('');
    setBusy(false);
    box.current?.focus();
  };
  return (
    <>
      <Follow of={chat} label={t('chat.title')}>
        {chat.length === 0 && <p className="empty">{t('chat.empty')}</p>}
        {chat.map((message) => (
          <ChatBubble key={message.id} message={message} hears={hears} own={message.from === selfId} />
        ))}
      </Follow>
      <form className="chat-form" onSubmit={(event) => void send(event)}>
        <input ref={box} value={text} maxLength={2000} placeholder={t('chat.placeholder')} aria-label={t('chat.placeholder')}
          onChange={(event) => setText(event.target.value)} />
        <button className="icon-button accent" aria-label={t('chat.send')} title={t('chat.send')} disabled={!text.trim() || busy}>
          <Icon name="send" size={20} />
        </button>
      </form>
    </>
  );
}

function ChatBubble({ message, hears, own }: { message: ChatMessage; hears: string; own: boolean }) {
  const ui = useUi();
  const translated = own || sameLanguage(message.lang, hears) ? undefined : message.translations[hears];
  const time = new Intl.DateTimeFormat(ui, { hour: '2-digit', minute: '2-digit' }).format(message.at);
  return (
    <div className={`bubble ${own ? 'own' : ''}`} data-message={message.id}>
      <div className="bubble-head">
        {!own && <strong>{message.name}</strong>}
        <time>{time}</time>
        {translated && <span className="badge">{shortName(message.lang)} → {shortName(hears)}</span>}
      </div>
      <p lang={translated ? hears : message.lang}>{translated ?? message.text}</p>
      {translated && <small lang={message.lang}>{message.text}</small>}
    </div>
  );
}

function People({ session }: { session: CallSession }) {
  const t = useT();
  const ui = useUi();
  const { participants, name, speaks, hears, room, handRaised, microphoneOn } = useStore(session.store, (state) => ({
    participants: state.participants, name: state.name, speaks: state.speaks, hears: state.hears, room: state.room,
    handRaised: state.handRaised, microphoneOn: state.microphoneOn,
  }));
  const rows = [
    { id: 'self', name, label: `${name} (${t('common.you')})`, speaks, hears, hand: handRaised, muted: !microphoneOn },
    ...participants.map((participant) => ({
      id: participant.id, name: participant.name, label: participant.name, speaks: participant.speaks, hears: participant.hears,
      hand: participant.handRaised,
      muted: !participant.producers.some(({ source, paused }) => source === 'mic' && !paused),
    })),
  ];
  return (
    <>
      <ul className="scroll people">
        {rows.map((row) => (
          <li key={row.id}>
            <Avatar name={row.name} />
            <div>
              <strong>{row.label}</strong>
              <small>
                {t('tile.speaks', { language: nameIn(row.speaks, ui) })} · {t('people.hears', { language: nameIn(row.hears, ui) })}
              </small>
            </div>
            {row.hand && <span className="hand" title={t('tile.hand')}><Icon name="hand" size={18} /></span>}
            {row.muted && <span className="dim" title={t('tile.muted')}><Icon name="micOff" size={18} /></span>}
          </li>
        ))}
      </ul>
      {room && <div className="panel-foot"><span>{t('people.invite')}</span><CopyLink code={room.code} /></div>}
    </>
  );
}
