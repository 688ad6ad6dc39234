import type { Priority } from '../../task/priority.ts'
import type { Statements } from '../database/database.ts'

/**
 * Callers take turns inside a level by start-time fair queueing (Goyal, Vin, Cheng 1996), as in the queue of one process,
 * but the place of a task is decided when it is admitted, so that a claim only takes the first ticket: a task begins where
 * the last one of its caller ends, or, when that is over, where the level is, which is the place of the task that was
 * taken last. Places are 1/128 of a turn, so that those of one caller differ also at a weight of 100.
 */
const PLACES_PER_TURN = 128

/** How many turns a caller gets for one of another. */
export type WeightOf = (caller: string) => number

/** Whose turn it is. */
export interface TurnKey {
  readonly priority: Priority
  readonly caller: string
}

/** Where a level is. Each process writes down what it has taken, so that none waits for another one. */
const LEVEL_AT = (priority: string) =>
  `coalesce((SELECT max(place) FROM headgate.turns_taken WHERE turns_taken.priority = ${priority}), 0)`

interface NextTurn {
  readonly key: TurnKey
  place: number
  isChanged: boolean
}

/** The turns of those that an admission knows; it begins with what is written down, and is written down at its end. */
export class Turns {
  readonly #weightOf: WeightOf
  readonly #next: ReadonlyMap<string, NextTurn>

  private constructor(weightOf: WeightOf, next: ReadonlyMap<string, NextTurn>) {
    this.#weightOf = weightOf
    this.#next = next
  }

  /** @param empty levels without an unfinished task: they begin anew */
  static async read(
    tx: Statements,
    weightOf: WeightOf,
    { keys, empty }: { readonly keys: readonly TurnKey[]; readonly empty: readonly Priority[] },
  ): Promise<Turns> {
    if (empty.length > 0) {
      await tx.query(
        `WITH level AS (SELECT unnest($1::text[])::smallint AS priority),
          turns AS (DELETE FROM headgate.turns USING level WHERE turns.priority = level.priority)
          DELETE FROM headgate.turns_taken USING level WHERE turns_taken.priority = level.priority`,
        [empty.map(String)],
      )
    }
    const wanted = new Map(
      keys.map(({ priority, caller }) => [toName({ priority, caller }), { priority, caller }]),
    )
    const rows = await tx.query<TurnKey & { readonly place: number }>(
      `SELECT given.priority, given.caller, greatest(turns.place, ${LEVEL_AT('given.priority')})::float8 AS place
        FROM json_to_recordset($1) AS given(priority smallint, caller text)
        LEFT JOIN headgate.turns ON turns.priority = given.priority AND turns.caller = given.caller`,
      [JSON.stringify([...wanted.values()])],
    )
    return new Turns(
      weightOf,
      new Map(rows.map(({ place, ...key }) => [toName(key), { key, place, isChanged: false }])),
    )
  }

  /** Where the next task of a caller would stand. */
  placeOf(key: TurnKey): number {
    return Math.floor(this.#next.get(toName(key))?.place ?? 0)
  }

  /** Takes it. */
  take(key: TurnKey): number {
    const place = this.placeOf(key)
    const turn = this.#next.get(toName(key))
    if (turn === undefined) throw new Error(`the turn of "${key.caller}" was not read`)
    turn.place += PLACES_PER_TURN / this.#weightOf(key.caller)
    turn.isChanged = true
    return place
  }

  async write(tx: Statements): Promise<void> {
    const changed = [...this.#next.values()].filter(({ isChanged }) => isChanged)
    if (changed.length === 0) return
    await tx.query(
      `INSERT INTO headgate.turns (priority, caller, place)
        SELECT priority, caller, place FROM json_to_recordset($1)
          AS given(priority smallint, caller text, place float8) ORDER BY priority, caller
        ON CONFLICT (priority, caller) DO UPDATE SET place = greatest(turns.place, excluded.place)`,
      [JSON.stringify(changed.map(({ key, place }) => ({ ...key, place })))],
    )
  }
}

/** Takes the next turn of a caller outside of an admission: for a task that was delayed, or comes from another level. */
export async function takeTurn(tx: Statements, key: TurnKey, weightOf: WeightOf): Promise<number> {
  const step = PLACES_PER_TURN / weightOf(key.caller)
  const [row] = await tx.query<{ place: number }>(
    `INSERT INTO headgate.turns AS turns (priority, caller, place)
      VALUES ($1::smallint, $2, ${LEVEL_AT('$1::smallint')} + $3::float8)
      ON CONFLICT (priority, caller) DO UPDATE
        SET place = greatest(turns.place, ${LEVEL_AT('$1::smallint')}) + $3::float8
      RETURNING place - $3::float8 AS place`,
    [key.priority, key.caller, step],
  )
  return Math.floor(row?.place ?? 0)
}

/**
 * Writes down how far a process has come in each level: part of a statement that starts tasks.
 *
 * @param member the parameter of it; @param started the rows that were started, with `priority` and `ticket`
 */
export function toTurnsTaken(member: string, started: string): string {
  return `INSERT INTO headgate.turns_taken (member, priority, place)
    SELECT ${member}::integer, priority, max((priority - 2)::bigint * 1073741824 + 1073741823 - ticket)
      FROM ${started} AS taken GROUP BY priority ORDER BY priority
    ON CONFLICT (member, priority) DO UPDATE SET place = greatest(turns_taken.place, excluded.place)`
}

/** Forgets callers whose turns are over: they begin where the level is. */
export async function forgetTurns(db: Statements): Promise<void> {
  await db.query(
    `DELETE FROM headgate.turns USING (
        SELECT priority, max(place) AS place FROM headgate.turns_taken GROUP BY priority) AS level
      WHERE turns.priority = level.priority AND turns.place <= level.place`,
  )
}

function toName({ priority, caller }: TurnKey): string {
  return `${priority} ${caller}`
}
