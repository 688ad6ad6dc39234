import { once } from 'node:events'
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
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

/** A task type, and the numbers that its handler has got. */
export function echoType() {
  const seen: number[] = []
  const echo = defineTask({
    type: 'echo',
    input: z.object({ n: z.number() }),
    run: ({ n }) => {
      seen.push(n)
      return { n }
    },
  })
  return { seen, echo }
}

/** A journal with as many tasks, half of them completed. */
export async function fillWithEchoes(folder: string, tasks: number): Promise<void> {
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
