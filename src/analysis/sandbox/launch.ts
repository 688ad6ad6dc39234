import { spawnSync } from 'node:child_process'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ownFile } from '../../own-file.ts'

export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const MB = 1024 * 1024
/** Share of the memory that V8's heap may take; buffers and the program itself need the rest. */
const HEAP_SHARE = 0.7
const CHILD = fileURLToPath(ownFile('./child', import.meta.url))

/**
 * How a child is started: it may read the program and one folder of data, and neither write, start
 * processes nor see the environment. Where Linux lets an ordinary user do so, it has no network, and it dies
 * with its parent, however that ends.
 */
export function createLaunch(memoryBytes: number, readableFolder: string): Launch {
  const heapMb = Math.floor((memoryBytes * HEAP_SHARE) / MB)
  const readable = [...programFolders(), readableFolder].map((folder) => `--allow-fs-read=${folder}`)
  const args = ['--permission', ...readable, `--max-old-space-size=${heapMb}`, '--no-warnings', CHILD]
  const [command = process.execPath, ...rest] = [...findWrapper(), process.execPath, ...args]
  return { command, args: rest, env: { PATH: '/usr/bin:/bin' } }
}

/** Our own tree, and the folder that our libraries were installed in, which may be above it. */
function programFolders(): string[] {
  const own = resolve(dirname(CHILD), '../../..')
  const library = fileURLToPath(import.meta.resolve('@hyzyla/pdfium'))
  // The outermost folder: with pnpm the others lie in folders of their own inside it.
  const modules = library.slice(0, library.indexOf('node_modules') + 'node_modules'.length)
  return modules.startsWith(own) ? [own] : [own, modules]
}

const DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL']
/** Programs of util-linux that start the child more tightly; the first of these that works is used. */
const WRAPPERS = [['unshare', '--map-root-user', '--net', ...DIES_WITH_PARENT], DIES_WITH_PARENT]
let found: readonly string[] | null = null

function findWrapper(): readonly string[] {
  found ??= WRAPPERS.find(([command = '', ...args]) => isWorking(command, args)) ?? []
  return found
}

function isWorking(command: string, args: readonly string[]): boolean {
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0
}
