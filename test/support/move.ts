import { once } from 'node:events'
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { actsOn } from '../journal/acts.ts'
import { PROCESS_ENV, ROOT, spawnBound } from './process.ts'

/** Starts `headgate move`. @param more of its environment */
export function startMove(args: readonly string[], more: Record<string, string> = {}) {
  const child = spawnBound(
    process.execPath,
    ['--conditions=headgate-source', 'src/cli/program.ts', 'move', ...args],
    { cwd: ROOT, env: { ...PROCESS_ENV, ...more }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, output }))
  return { child, exited }
}

/** A journal with as many tasks, half of them completed. */
export async function fillJournal(folder: string, tasks: number): Promise<void> {
  const journal = await openSqliteJournal({
    folder,
    reserveBytes: 0,
    writesPerCheckpoint: 4000,
    monotonic: () => performance.now(),
    onNote: () => undefined,
    onFatal: () => undefined,
  })
  const { admit, run } = actsOn(journal)
  for (let first = 0; first < tasks; first += 1000) {
    await Promise.all(
      Array.from({ length: Math.min(1000, tasks - first) }, (_, index) => {
        const id = `01999999-0000-7000-8000-${(first + index).toString(16).padStart(12, '0')}`
        const given = { id, type: 'echo', input: { n: first + index, text: '漢字 \0 "quoted" \ud800' } }
        return index % 2 === 0 ? run(given) : admit(given)
      }),
    )
  }
  await journal[Symbol.asyncDispose]()
}
