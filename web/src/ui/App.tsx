// SPDX-License-Identifier: Apache-2.0
import { Component, useEffect, type ReactNode } from 'react';
import { useT, useUi } from '../i18n';
import { Landing } from './pages/Landing';
import { Room } from './pages/Room';
import { Brand, Message } from './parts/small';
import { navigate, useRoute } from './route';

export function App() {
  const route = useRoute();
  const ui = useUi();
  useEffect(() => {
    document.documentElement.lang = ui;
  }, [ui]);
  return (
    <Boundary>
      {route.page === 'room' && <Room key={route.code} code={route.code} />}
      {route.page === 'notRoom' && <NotRoom />}
      {route.page === 'start' && <Landing />}
    </Boundary>
  );
}

/** A fault of ours: words and a way on instead of an empty page. The page below goes, and with it call and devices. */
class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Failed /> : this.props.children;
  }
}

function Failed() {
  const t = useT();
  return (
    <Ending title={t('app.failed')}>
      <p className="dim">{t('app.failedHelp')}</p>
      <div className="button-column">
        <button className="button primary wide" onClick={() => window.location.reload()}>{t('app.reload')}</button>
        {/* A whole new page: what failed should not be here any more. */}
        <button className="button wide" onClick={() => window.location.assign('/')}>{t('common.home')}</button>
      </div>
    </Ending>
  );
}

function NotRoom() {
  const t = useT();
  return (
    <Ending title={t('ended.error')}>
      <Message tone="bad">{t('landing.badCode')}</Message>
      <button className="button primary wide" onClick={() => navigate('/')}>{t('common.home')}</button>
    </Ending>
  );
}

function Ending({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="page centered">
      <Brand />
      <main className="card ended">
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  );
}
