import { z } from 'zod'
import { HeadgateError } from '../../task/errors.ts'
import type { Database, Statements } from '../database/database.ts'
import { listMembers } from '../members/members.ts'

const NOTE = 'move'

/** How far a move has come: written in the transaction of what was moved. */
const moveState = z.object({
  /** Id of the journal that is moved. */
  journal: z.string(),
  stage: z.enum(['tasks', 'rows', 'verify', 'done']),
  /** Of the last task that was moved, in the order of admission. */
  place: z.int(),
})
export type MoveState = z.output<typeof moveState>

/**
 * Begins a move into a database without tasks, or takes up one that was cut off.
 * @throws HeadgateError `move-refused`
 */
export async function beginMove(db: Database, journal: string): Promise<MoveState> {
  const running = await listMembers(db)
  return db.transaction(async (tx) => {
    const [note] = await tx.query<{ text: string }>('SELECT text FROM headgate.notes WHERE name = $1', [NOTE])
    const state = note === undefined ? null : parseState(note.text)
    if (state?.journal === journal && state.stage === 'done') return state
    if (running.length > 0) {
      const names = running.map(({ name }) => name).join(', ')
      throw refused(`Processes work over the database: ${names}. Stop them`)
    }
    if (state?.journal === journal) return state
    if (state !== null && state.stage !== 'done')
      throw refused(
        'A move of another journal into the database was cut off. Repeat that one, or drop the schema headgate',
      )
    const [found] = await tx.query('SELECT FROM headgate.tasks LIMIT 1')
    if (found !== undefined) throw refused('The database has tasks already. Take another one')
    const begun: MoveState = { journal, stage: 'tasks', place: 0 }
    await tx.query('INSERT INTO headgate.notes VALUES ($1, $2)', [NOTE, JSON.stringify(begun)])
    return begun
  })
}

/**
 * Writes down how far a move has come.
 * @throws HeadgateError `move-refused` when another process moves the same journal.
 */
export async function advance(tx: Statements, from: MoveState, to: MoveState): Promise<MoveState> {
  const moved = await tx.query(
    'UPDATE headgate.notes SET text = $3 WHERE name = $1 AND text = $2 RETURNING name',
    [NOTE, JSON.stringify(from), JSON.stringify(to)],
  )
  if (moved.length === 0) throw refused('Another move into the database is under way')
  return to
}

/**
 * Checks that no move into the database was cut off.
 * @throws HeadgateError `move-unfinished`
 */
export async function assertNoMove(db: Database): Promise<void> {
  const [note] = await db.query<{ text: string }>('SELECT text FROM headgate.notes WHERE name = $1', [NOTE])
  if (note === undefined || parseState(note.text).stage === 'done') return
  const what = 'A move into the database was cut off, so that tasks are missing'
  throw new HeadgateError('move-unfinished', `${what}. Repeat it: headgate move`)
}

function parseState(text: string): MoveState {
  return moveState.parse(JSON.parse(text))
}

function refused(what: string): HeadgateError {
  return new HeadgateError('move-refused', `${what}. Nothing was moved.`)
}
