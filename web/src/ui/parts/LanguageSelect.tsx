// SPDX-License-Identifier: Apache-2.0
import { useT, useUi, type Key } from '../../i18n';
import { hearChoices, nameIn, nativeName, speakChoices } from '../../i18n/languages';
import type { Language, ServerLanguages } from '../../protocol/types';

interface Props {
  server: ServerLanguages;
  value: Language;
  onChange: (language: Language) => void;
}

export function SpeakSelect({ server, value, onChange }: Props) {
  const t = useT();
  const ui = useUi();
  const { recognised, unrecognised } = speakChoices(server);
  const note = recognised.includes(value) ? null : t('lobby.note.noRecogniser', { language: nameIn(value, ui) });
  return (
    <LanguageSelect
      id="speak" label={t('lobby.speak')} value={value} onChange={onChange} note={note}
      groups={[['lobby.group.recognised', recognised], ['lobby.group.unrecognised', unrecognised]]}
    />
  );
}

export function HearSelect({ server, value, onChange, speaks }: Props & { speaks: Language | null }) {
  const t = useT();
  const ui = useUi();
  const { voice, captions, chat } = hearChoices(server, speaks);
  const language = nameIn(value, ui);
  let note: string | null = null;
  if (captions.includes(value)) note = t('lobby.note.captionsOnly', { language });
  if (chat.includes(value)) note = t('lobby.note.chatOnly', { language });
  return (
    <LanguageSelect
      id="hear" label={t('lobby.hear')} value={value} onChange={onChange} note={note}
      groups={[['lobby.group.voice', voice], ['lobby.group.captions', captions], ['lobby.group.chat', chat]]}
    />
  );
}

interface SelectProps {
  id: string;
  label: string;
  value: Language;
  onChange: (language: Language) => void;
  groups: [Key, Language[]][];
  note: string | null;
}

function LanguageSelect({ id, label, value, onChange, groups, note }: SelectProps) {
  const t = useT();
  const shown = groups.filter(([, languages]) => languages.length > 0);
  const options = (languages: Language[]) =>
    languages.map((language) => (
      <option key={language} value={language} lang={language}>
        {nativeName(language)}
      </option>
    ));
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} aria-describedby={`${id}-note`}>
        {shown.length === 1 && shown[0]
          ? options(shown[0][1])
          : shown.map(([group, languages]) => (
              <optgroup key={group} label={t(group)}>
                {options(languages)}
              </optgroup>
            ))}
      </select>
      <p className="note" id={`${id}-note`} aria-live="polite">
        {note}
      </p>
    </div>
  );
}
