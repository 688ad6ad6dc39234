import type { Submission } from '../../admission/submission.ts'
import type { Task } from '../../task/task.ts'
import type { Statements } from '../database/database.ts'
import type { Locked, Unfinished } from './known.ts'
import { nextRank, toTicketPriority } from './order.ts'
import { Turns, type TurnKey, type WeightOf } from './turns.ts'

/** Places that are counted where callers take turns; further back they are estimated. */
const MAX_COUNTED = 1000

export interface PlacesOptions {
  readonly headStartMs: number
  /** How many turns a caller gets for one of another; null: callers take no turns. */
  readonly weightOf: WeightOf | null
}

/** Where a newcomer stands. */
export interface Place {
  /** Its age. */
  readonly rank: number
  readonly ticket: number
  readonly tasksAhead: number
  readonly isEstimate: boolean
}

type Standing = Pick<Submission, 'priority' | 'caller' | 'delayMs'>

/** Where the next tasks stand, under the lock of admission. */
export class Places {
  readonly order: Locked & { readonly lastRanks: number[] }
  readonly #options: PlacesOptions
  readonly #unfinished: Unfinished
  #turns: Turns | null = null
  /** Of what waits already, by level and caller. */
  #counted: ReadonlyMap<string, number> = new Map()
  /** Of those who came before in this group. */
  readonly #tickets: number[] = []
  readonly #seen = new Set<string>()

  /** @param locked what is known of the order */
  constructor(locked: Locked, unfinished: Unfinished, options: PlacesOptions) {
    // With nothing left that has a place, places begin anew.
    const fresh = { baseMs: locked.now, lastRanks: locked.lastRanks.map(() => 0) }
    this.order = { ...locked, lastRanks: [...locked.lastRanks], ...(unfinished.isEmpty ? fresh : {}) }
    this.#unfinished = unfinished
    this.#options = options
  }

  /** What the turns of these callers are; nothing where callers take none. */
  async readTurns(tx: Statements, keys: readonly TurnKey[]): Promise<void> {
    const { weightOf } = this.#options
    if (weightOf === null) return
    const levels = [...new Set(keys.map(({ priority }) => priority))]
    const empty = levels.filter((level) => this.#unfinished.isEmptyLevel(level))
    this.#turns = await Turns.read(tx, weightOf, { keys, empty })
    this.#counted = await countAhead(tx, this.#turns, keys)
  }

  /** The place of a newcomer. */
  give(standing: Standing): Place {
    const { headStartMs } = this.#options
    const { priority } = standing
    const rank = nextRank(this.order, priority, this.order.now, headStartMs)
    this.order.lastRanks[priority] = rank
    const strict = this.#unfinished.of('queued', priority)
    if (this.#turns === null) {
      const ticket = toTicketPriority(rank, priority, headStartMs)
      return { rank, ticket, tasksAhead: strict, isEstimate: headStartMs > 0 }
    }
    // A task that is delayed takes its turn when it is due.
    const place = standing.delayMs > 0 ? 0 : this.#turns.take(standing)
    const ticket = toTicketPriority(place, priority, 0)
    return { rank, ticket, ...this.#countAhead(standing, ticket, strict) }
  }

  /** What orders a task that came to a higher level: it takes its turn among the callers there. */
  lift(task: Task, rank: number): number {
    return toTicketPriority(this.#turns?.take(task) ?? rank, task.priority, this.#options.headStartMs)
  }

  async writeTurns(tx: Statements): Promise<void> {
    await this.#turns?.write(tx)
  }

  #countAhead(key: TurnKey, ticket: number, strict: number): Pick<Place, 'tasksAhead' | 'isEstimate'> {
    const name = toName(key)
    const counted = this.#counted.get(name) ?? 0
    const count = counted + this.#tickets.filter((each) => each >= ticket).length
    // What others have between the first task of a caller and its next ones is not counted.
    const isEstimate = counted >= MAX_COUNTED || this.#seen.has(name)
    this.#seen.add(name)
    this.#tickets.push(ticket)
    return { tasksAhead: counted >= MAX_COUNTED ? strict : Math.min(count, strict), isEstimate }
  }
}

/** Counts what waits before the next task of each caller, as far as places are counted. */
async function countAhead(
  tx: Statements,
  turns: Turns,
  keys: readonly TurnKey[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Map(keys.map((key) => [toName(key), key]))
  const given = [...wanted].map(([name, key]) => ({
    name,
    ticket: toTicketPriority(turns.placeOf(key), key.priority, 0),
  }))
  const rows = await tx.query<{ name: string; count: number }>(
    `SELECT name, (SELECT count(*)::integer FROM (
        SELECT FROM headgate.tasks WHERE status = 'queued' AND tasks.ticket >= given.ticket
          LIMIT ${MAX_COUNTED}) AS few) AS count
      FROM json_to_recordset($1) AS given(name text, ticket integer)`,
    [JSON.stringify(given)],
  )
  return new Map(rows.map(({ name, count }) => [name, count]))
}

function toName({ priority, caller }: TurnKey): string {
  return `${priority} ${caller}`
}
