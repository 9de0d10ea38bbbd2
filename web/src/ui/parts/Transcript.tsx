// SPDX-License-Identifier: Apache-2.0
// Saves what was said. A link would not do: a room with a passcode asks for it, in a header.
import { useState, type ReactNode } from 'react';
import { useFailureText } from '../../i18n';
import { Failure } from '../../protocol/failure';
import { rest, type Access } from '../../protocol/rest';
import { recallOwnerToken } from '../../state/memory';
import { Message } from './small';

interface Props {
  code: string;
  lang: string;
  access: Access;
  className: string;
  label?: string;
  children: ReactNode;
}

export function Transcript({ code, lang, access, className, label, children }: Props) {
  const failureText = useFailureText();
  const [failure, setFailure] = useState<Failure | null>(null);
  const download = async () => {
    try {
      save(await rest.transcript(code, lang, { ...access, token: recallOwnerToken(code) ?? access.token }), `${code}.txt`);
      setFailure(null);
    } catch (error) {
      setFailure(Failure.of(error));
    }
  };
  return (
    <>
      <button type="button" className={className} onClick={() => void download()} aria-label={label} title={label}>
        {children}
      </button>
      {failure && <Message tone="bad">{failureText(failure)}</Message>}
    </>
  );
}

function save(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // Some browsers read it only after this turn.
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
