import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

/** The dashboard, as files that the server sends: `npm run build:web`. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // The server puts its own path before them.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../dist/web', import.meta.url)),
    // While it is built anew again and again, a server may read it.
    emptyOutDir: !process.argv.includes('--watch'),
    modulePreload: { polyfill: false },
    target: 'es2022',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
})
