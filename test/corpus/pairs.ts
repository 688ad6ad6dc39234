import { open, readFile } from 'node:fs/promises'
import { basename, dirname, relative } from 'node:path'
import { HEAD_BYTES, recognise } from '../../src/uploads/detect-media-type.ts'
import { reportRequest } from '../support/report.ts'
import { createParsers, forEachPath, LIMIT_MS } from './reading.ts'
import { mean, overlapOf, quantile, wordsOf } from './words.ts'

/** Beside a file: the text that is in it, in UTF-8. */
const EXPECTED = '.expected.txt'
/** A file is read right when as many of its words are found. */
const RIGHT = 0.98
const RIGHT_AIM = 0.95
const SHOWN = 10

interface Score {
  readonly path: string
  readonly recall: number
  /** What the report says, or why there is none. */
  readonly said: readonly string[]
}

/** Reads texts in encodings, Office files and others that have their text beside them; prints figures for each folder. */
export async function comparePairs(root: string, paths: readonly string[]): Promise<boolean> {
  const scores: Score[] = []
  const parsers = createParsers(root)
  await forEachPath(paths, parsers, async (path) => {
    const expected = wordsOf(await readFile(path + EXPECTED, 'utf8'))
    const source = { kind: 'file', path, mediaType: await recognise(path, await readHead(path)) } as const
    const signal = AbortSignal.timeout(LIMIT_MS)
    try {
      const text = await parsers.run({ kind: 'text', source, request: null }, () => undefined, signal)
      const job = { kind: 'report', source, request: reportRequest() } as const
      const { warnings } = await parsers.run(job, () => undefined, signal)
      scores.push({ path, recall: overlapOf(wordsOf(text), expected).recall, said: warnings })
    } catch (error) {
      scores.push({ path, recall: 0, said: [(error as Error).message] })
    }
  })
  const groups = Map.groupBy(scores, ({ path }) => relative(root, dirname(path)) || '.')
  for (const [name, all] of [...groups].toSorted(([a], [b]) => a.localeCompare(b))) print(name, all)
  for (const { path, recall, said } of scores.toSorted((a, b) => a.recall - b.recall).slice(0, SHOWN))
    if (recall < RIGHT) console.log(`  ${recall.toFixed(4)}  ${relative(root, path)}  ${said.join(' ')}`)
  print('all', scores)
  return scores.filter(isRight).length >= RIGHT_AIM * scores.length
}

function isRight({ recall }: Score): boolean {
  return recall >= RIGHT
}

function print(name: string, scores: readonly Score[]): void {
  const recalls = scores.map(({ recall }) => recall)
  const right = scores.filter(isRight).length
  const silent = scores.filter((score) => !isRight(score) && score.said.length === 0).length
  console.log(
    `${name}: ${scores.length} files, read right ${((100 * right) / scores.length).toFixed(1)} % (aim ≥ ${100 * RIGHT_AIM} %), ` +
      `word recall mean ${mean(recalls).toFixed(4)}, p10 ${quantile(recalls, 0.1).toFixed(4)}, wrong without a warning ${silent}`,
  )
}

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

export function hasExpected(path: string, files: ReadonlySet<string>): boolean {
  return !basename(path).endsWith(EXPECTED) && files.has(path + EXPECTED)
}
