import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Reading } from './reader.ts'

/** A file has to be read within this time. */
export const LIMIT_MS = 60_000

export interface TimedReading extends Reading {
  readonly ms: number
}

/** Reads files in child processes, one for each processor; one that is too slow is killed, and counts as not read. */
export async function readAll(
  paths: readonly string[],
  mediaType: string,
  heard: (path: string, reading: TimedReading) => void | Promise<void>,
): Promise<void> {
  const left = [...paths]
  const work = async () => {
    let child = start()
    for (let path = left.shift(); path !== undefined; path = left.shift()) {
      const reading = await readOne(child, { path, mediaType })
      if (reading.text === null && child.exitCode === null && reading.ms >= LIMIT_MS) child.kill('SIGKILL')
      if (child.exitCode !== null || child.killed) child = start()
      await heard(path, reading)
    }
    child.kill()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

function start(): ChildProcess {
  return fork(fileURLToPath(new URL('reader.ts', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
}

async function readOne(
  child: ChildProcess,
  file: { path: string; mediaType: string },
): Promise<TimedReading> {
  const startedAt = performance.now()
  const limit = AbortSignal.timeout(LIMIT_MS)
  const done = new AbortController()
  const signal = AbortSignal.any([limit, done.signal])
  const answered = once(child, 'message', { signal }).then(([reading]) => reading as Reading)
  const died = once(child, 'exit', { signal }).then(() => ({ text: null, error: 'its reader died' }))
  child.send(file)
  const reading = await Promise.race([answered, died]).catch(() => ({
    text: null,
    error: 'it took too long',
  }))
  done.abort()
  await Promise.allSettled([answered, died])
  return { ...reading, ms: performance.now() - startedAt }
}
