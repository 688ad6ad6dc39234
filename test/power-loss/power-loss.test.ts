import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MIGRATIONS } from '../../src/journal/sqlite/schema.ts'
import { filesIn } from '../../src/journal/sqlite/open/files.ts'
import { openJournal } from '../../src/journal/sqlite/open/open.ts'
import { seededRandom } from '../support/random.ts'
import { Disk, type CrashState } from './disk.ts'
import { readTrace, withoutCommitSyncs, type Deed } from './trace.ts'

/** Crash states in all; `npm run test:power-loss` makes it 20 000. */
const STATES = Number(process.env['CRASH_STATES'] ?? 500)
/** A disk in memory: here it is only read whether what is left can be read. */
const FOLDER = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const ORDER = ['queued', 'running', 'completed']

/** Opens what is left as a start would, and returns how far each task is known to have come. */
function reopen(folder: string, { files }: CrashState): ReadonlyMap<string, string> {
  for (const [name, content] of files) writeFileSync(join(folder, name), content)
  const { db } = openJournal(filesIn(folder), MIGRATIONS)
  const rows = db.prepare('SELECT id, status, last_seq FROM tasks ORDER BY id').all()
  const events = db
    .prepare('SELECT task_id AS id, count(*) AS count FROM events GROUP BY task_id ORDER BY id')
    .all()
  db.close()
  // A task and its events are written as one.
  expect(events.map(({ id, count }) => [id, count])).toEqual(
    rows.map(({ id, last_seq: count }) => [id, count]),
  )
  return new Map(rows.map(({ id, status }) => [String(id), String(status)]))
}

/** What was confirmed and is not there. */
function lostOf(marks: readonly string[], found: ReadonlyMap<string, string>): string[] {
  return marks.filter((mark) => {
    const [, id = '', status = ''] = mark.split(' ')
    return ORDER.indexOf(found.get(id) ?? '') < ORDER.indexOf(status)
  })
}

/** Loses power again and again while these deeds are done; the confirmed writes that are lost, state by state. */
function losses(deeds: readonly Deed[], states: number, look = reopen): string[][] {
  const disk = new Disk()
  const random = seededRandom(4)
  const lost: string[][] = []
  let next = 0
  const parent = mkdtempSync(join(FOLDER, 'headgate-power-'))
  onTestFinished(() => rmSync(parent, { recursive: true, force: true }))
  for (let state = 0; state < states; state += 1) {
    for (; next < (deeds.length * (state + 1)) / states; next += 1) disk.do(deeds[next]!)
    const left = disk.crash(random)
    const folder = mkdtempSync(join(parent, 'state-'))
    lost.push(lostOf(left.marks, look(folder, left)))
    rmSync(folder, { recursive: true })
  }
  return lost
}

const timeout = 60_000 + STATES * 50

test(
  `${STATES} losses of power: nothing confirmed is lost, and no journal is unreadable`,
  { timeout },
  () => {
    expect(losses(readTrace(), STATES).flat()).toEqual([])
  },
)

test('the control: with synchronous=NORMAL something confirmed is lost', { timeout }, () => {
  // A log with holes is refused as damaged: its tasks are not there either.
  const look = (folder: string, left: CrashState) => {
    try {
      return reopen(folder, left)
    } catch {
      return new Map<string, string>()
    }
  }
  const lost = losses(withoutCommitSyncs(readTrace()), STATES / 10, look)
  const states = lost.filter((each) => each.length > 0).length
  console.log({ states: STATES / 10, statesThatLoseSomething: states })
  expect(states).toBeGreaterThan(STATES / 100)
})
