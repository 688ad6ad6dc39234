import { spawnSync } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const MB = 1024 * 1024
/** Share of the memory that V8's heap may take; buffers and the program itself need the rest. */
const HEAP_SHARE = 0.7
const OWN_ENDING = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const CHILD = fileURLToPath(new URL(`./child.${OWN_ENDING}`, import.meta.url))

/**
 * How a child is started: it may read the program and one folder of data, and neither write, start
 * processes nor see the environment. Where Linux lets an ordinary user unshare the network, it has none.
 */
export function launchOf(memoryBytes: number, readableFolder: string): Launch {
  const heapMb = Math.floor((memoryBytes * HEAP_SHARE) / MB)
  const readable = [...programFolders(), readableFolder].map((folder) => `--allow-fs-read=${folder}`)
  const args = ['--permission', ...readable, `--max-old-space-size=${heapMb}`, '--no-warnings', CHILD]
  const node = process.execPath
  if (!canUnshareNetwork()) return { command: node, args, env: {} }
  return {
    command: 'unshare',
    args: ['--map-root-user', '--net', node, ...args],
    env: { PATH: '/usr/bin:/bin' },
  }
}

/** Our own tree, and the folder that our libraries were installed in, which may be above it. */
function programFolders(): string[] {
  const own = resolve(dirname(CHILD), '../../..')
  const library = fileURLToPath(import.meta.resolve('unpdf'))
  const modules = library.slice(0, library.lastIndexOf('node_modules') + 'node_modules'.length)
  return modules.startsWith(own) ? [own] : [own, modules]
}

let isUnshareAllowed: boolean | null = null

function canUnshareNetwork(): boolean {
  isUnshareAllowed ??=
    spawnSync('unshare', ['--map-root-user', '--net', 'true'], { stdio: 'ignore' }).status === 0
  return isUnshareAllowed
}
