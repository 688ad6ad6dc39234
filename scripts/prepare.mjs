// Builds the page of the dashboard after an install; plain JavaScript, because it may meet any Node.js.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const vite = `${root}node_modules/vite/bin/vite.js`

if (existsSync(vite)) {
  const build = [vite, 'build', '--config', 'src/web/vite.config.ts', '--logLevel', 'warn']
  const { status } = spawnSync(process.execPath, build, { cwd: root, stdio: 'inherit' })
  process.exitCode = status ?? 1
} else {
  console.log(
    'The dashboard is not built: its tools are not installed (npm ci without --omit=dev, then npm run build:web).',
  )
}
