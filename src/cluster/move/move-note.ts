import { z } from 'zod'
import { MOVE_NOTE } from '../../journal/sqlite/exported-tables.ts'
import { HeadgateError } from '../../task/errors.ts'
import type { Database, Statements } from '../database/database.ts'
import { listMembers } from '../members/members.ts'
import { parseMoveState, type Advance, type MoveState } from './ends.ts'

/** Where the tasks of the database were moved to, or are on their way to. */
export const MOVED_NOTE = 'moved'

const movedState = z.object({ where: z.string(), isDone: z.boolean() })

/**
 * Begins a move into a database without tasks, or takes up one that was cut off.
 * @throws HeadgateError `move-refused`
 */
export async function beginMove(db: Database, journal: string): Promise<MoveState> {
  const running = await listMembers(db)
  return db.transaction(async (tx) => {
    const text = await readNote(tx, MOVE_NOTE)
    const state = text === null ? null : parseMoveState(text)
    if (state?.journal === journal && state.stage === 'done') return state
    if (running.length > 0) throw inUse(running)
    if (state?.journal === journal) return state
    if (state !== null && state.stage !== 'done')
      throw refused(
        'A move of another journal into the database was cut off. Repeat that one, or drop the schema headgate',
      )
    const [found] = await tx.query('SELECT FROM headgate.tasks LIMIT 1')
    if (found !== undefined) throw refused('The database has tasks already. Take another one')
    const begun: MoveState = { journal, stage: 'tasks', place: 0 }
    await tx.query('INSERT INTO headgate.notes VALUES ($1, $2)', [MOVE_NOTE, JSON.stringify(begun)])
    return begun
  })
}

/**
 * Writes down how far a move has come.
 * @throws HeadgateError `move-refused` when another process moves the same journal.
 */
export async function advance(tx: Statements, { from, to }: Advance): Promise<void> {
  const isReplaced = await replaceNote(tx, MOVE_NOTE, [JSON.stringify(from), JSON.stringify(to)])
  if (!isReplaced) throw refused('Another move into the database is under way')
}

/**
 * Keeps processes away from a database whose tasks are moved to a folder. One that starts at this moment enters itself
 * before it looks for the note, and is found here.
 *
 * @param where the folder and its machine
 * @throws HeadgateError `move-refused`, `move-unfinished`, `journal-moved`
 */
export async function beginLeaving(db: Database, where: string): Promise<void> {
  const text = await readNote(db, MOVED_NOTE)
  const before = text === null ? null : movedState.parse(JSON.parse(text))
  if (before?.where === where) return
  if (before?.isDone === true) throw toMovedError(before)
  if (before === null) await assertNoMove(db)
  await db.query(
    'INSERT INTO headgate.notes VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text',
    [MOVED_NOTE, JSON.stringify({ where, isDone: false })],
  )
  const running = await listMembers(db)
  if (running.length === 0) return
  if (before === null) await db.query('DELETE FROM headgate.notes WHERE name = $1', [MOVED_NOTE])
  throw inUse(running)
}

/**
 * The tasks are all where they were moved to.
 * @throws HeadgateError `move-refused` when they are moved to another folder meanwhile.
 */
export async function endLeaving(db: Database, where: string): Promise<void> {
  const [begun, done] = [false, true].map((isDone) => JSON.stringify({ where, isDone }))
  if ((await readNote(db, MOVED_NOTE)) === done) return
  if (await replaceNote(db, MOVED_NOTE, [begun ?? '', done ?? ''])) return
  throw refused('The tasks of the database are moved to another folder by another process')
}

/**
 * Checks that the tasks of the database are all there, and nowhere else.
 * @throws HeadgateError `move-unfinished`, `journal-moved`
 */
export async function assertNoMove(db: Database): Promise<void> {
  const moved = await readNote(db, MOVED_NOTE)
  if (moved !== null) throw toMovedError(movedState.parse(JSON.parse(moved)))
  const text = await readNote(db, MOVE_NOTE)
  if (text === null || parseMoveState(text).stage === 'done') return
  const what = 'A move into the database was cut off, so that tasks are missing'
  throw new HeadgateError('move-unfinished', `${what}. Repeat it: headgate move`)
}

function toMovedError({ where, isDone }: z.output<typeof movedState>): HeadgateError {
  const fix = `To use the database again: DELETE FROM headgate.notes WHERE name = '${MOVED_NOTE}'`
  if (isDone)
    return new HeadgateError(
      'journal-moved',
      `The tasks of the database were moved to ${where}, where they run. ${fix}.`,
    )
  const what = `A move of the tasks of the database to ${where} was cut off`
  return new HeadgateError(
    'move-unfinished',
    `${what}. Repeat it: headgate move. ${fix}, and remove the folder.`,
  )
}

async function readNote(tx: Statements, name: string): Promise<string | null> {
  const sql = 'SELECT text FROM headgate.notes WHERE name = $1'
  return (await tx.query<{ text: string }>(sql, [name]))[0]?.text ?? null
}

async function replaceNote(
  tx: Statements,
  name: string,
  [from, to]: readonly [string, string],
): Promise<boolean> {
  const sql = 'UPDATE headgate.notes SET text = $3 WHERE name = $1 AND text = $2 RETURNING name'
  return (await tx.query(sql, [name, from, to])).length > 0
}

function inUse(running: readonly { readonly name: string }[]): HeadgateError {
  const names = running.map(({ name }) => name).join(', ')
  return refused(`Processes work over the database: ${names}. Stop them`)
}

function refused(what: string): HeadgateError {
  return new HeadgateError('move-refused', `${what}. Nothing was moved.`)
}
