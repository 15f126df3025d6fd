import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The server that `npm run dev` stands in front of. */
const server = process.env.COPRO_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { '@': here('./src'), '@i18n': here('../i18n'), '@api': here('../api') } },
  build: { manifest: true, assetsInlineLimit: 0, chunkSizeWarningLimit: 2000 },
  server: {
    fs: { allow: [here('..')] },
    proxy: { '/api': server, '/hooks': server, '/hooks-test': server },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test/setup.ts'],
    restoreMocks: true,
  },
});
