import { availableParallelism } from 'node:os'
import { Parsers } from '../../src/analysis/sandbox/parsers.ts'

/** A file has to be read within this time. */
export const LIMIT_MS = 60_000
const MB = 1024 * 1024

export interface Reading {
  readonly text: string | null
  /** Why there is no text. */
  readonly error: string | null
  readonly ms: number
}

interface Files {
  readonly folder: string
  readonly paths: readonly string[]
  readonly mediaType: string
}

/** The product's own reading processes, one for each processor. */
export function createParsers(folder: string): Parsers {
  const limits = { memoryBytes: 768 * MB, cpuMs: LIMIT_MS }
  return new Parsers({ ...limits, maxIdle: availableParallelism(), readableFolder: folder })
}

/** Does work for each path, as many at once as there are processors, and stops the reading processes. */
export async function forEachPath(
  paths: readonly string[],
  parsers: Parsers,
  work: (path: string) => Promise<void>,
): Promise<void> {
  // Idle children alone keep no process alive.
  const alive = setInterval(() => undefined, LIMIT_MS)
  const left = [...paths]
  const workAll = async () => {
    for (let path = left.shift(); path !== undefined; path = left.shift()) await work(path)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, workAll))
  await parsers.stop()
  clearInterval(alive)
}

/** Reads files under `folder` by the product's own reading processes, one for each processor. */
export async function readAll(
  { folder, paths, mediaType }: Files,
  heard: (path: string, reading: Reading) => void | Promise<void>,
): Promise<void> {
  const parsers = createParsers(folder)
  await forEachPath(paths, parsers, async (path) => {
    const startedAt = performance.now()
    const source = { kind: 'file', path, mediaType } as const
    const reading = await parsers
      .run({ kind: 'text', source, request: null }, () => undefined, AbortSignal.timeout(LIMIT_MS))
      .then(
        (text) => ({ text, error: null }),
        (error: Error) => ({ text: null, error: error.message }),
      )
    await heard(path, { ...reading, ms: performance.now() - startedAt })
  })
}
