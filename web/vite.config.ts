// SPDX-License-Identifier: Apache-2.0
import react from '@vitejs/plugin-react';
import { defineConfig, loadEnv } from 'vite';

// In development the pages come from Vite and everything else from a gateway: JB_GATEWAY=http://127.0.0.1:3000 npm run dev
const gateway = loadEnv('', '.', 'JB_')['JB_GATEWAY'] ?? 'http://127.0.0.1:3000';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // The gateway sends a Content-Security-Policy without 'unsafe-inline' and without data: scripts or fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': gateway,
      '/socket.io': { target: gateway, ws: true },
    },
  },
});
