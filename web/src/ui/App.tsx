// SPDX-License-Identifier: Apache-2.0
import { useEffect } from 'react';
import { useUi } from '../i18n';
import { Landing } from './pages/Landing';
import { Room } from './pages/Room';
import { useRoomCode } from './route';

export function App() {
  const code = useRoomCode();
  const ui = useUi();
  useEffect(() => {
    document.documentElement.lang = ui;
  }, [ui]);
  return code ? <Room key={code} code={code} /> : <Landing />;
}
