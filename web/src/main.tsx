// SPDX-License-Identifier: Apache-2.0
import '@fontsource-variable/inter/wght.css';
import './ui/styles/base.css';
import './ui/styles/start.css';
import './ui/styles/call.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './ui/App';

// A page taken from the back/forward cache has lost its sockets: start over, which joins again.
window.addEventListener('pageshow', (event) => {
  if (event.persisted) window.location.reload();
});

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
