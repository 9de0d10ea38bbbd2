// SPDX-License-Identifier: Apache-2.0
import { useEffect, useId, useRef, useState, type ReactNode } from 'react';

interface Props {
  button: (props: { onClick: () => void; 'aria-expanded': boolean; 'aria-controls': string }) => ReactNode;
  label: string;
  align?: 'center' | 'end';
  children: (close: () => void) => ReactNode;
}

/** A small panel over its button; closes on Escape, on a click elsewhere and when the focus leaves it. */
export function Popover({ button, label, align = 'center', children }: Props) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const close = () => setOpen(false);

  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      setOpen(false);
      root.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', onKey, { capture: true });
    root.current?.querySelector<HTMLElement>('.popover button, .popover input, .popover select')?.focus();
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', onKey, { capture: true });
    };
  }, [open]);

  return (
    <div className="popover-root" ref={root}>
      {button({ onClick: () => setOpen(!open), 'aria-expanded': open, 'aria-controls': id })}
      {open && (
        <div className={`popover popover-${align}`} id={id} role="dialog" aria-label={label}>
          {children(close)}
        </div>
      )}
    </div>
  );
}
