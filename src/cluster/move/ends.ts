import { z } from 'zod'
import type { NamedUpload } from '../../journal/sqlite/export.ts'
import type { ExportedTable } from '../../journal/sqlite/exported-tables.ts'
import type { ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import type { Row } from '../../journal/rows.ts'

/** How far a move has come: written in the transaction of what was moved. */
const moveState = z.object({
  /** Id of the journal that is moved. */
  journal: z.string(),
  stage: z.enum(['tasks', 'rows', 'verify', 'done']),
  /** Of the last task that was moved, in the order of admission. */
  place: z.int(),
})
export type MoveState = z.output<typeof moveState>

/** From one state of a move to the next. */
export interface Advance {
  readonly from: MoveState
  readonly to: MoveState
}

/** Tables whose rows are counted at the end. */
export type CountedTable = 'tasks' | Exclude<ExportedTable, 'notes'>

/** A journal that nobody works over, read from its beginning to its end. */
export interface MoveSource {
  /** The same each time it is moved. */
  readonly id: string
  /**
   * From now on nobody starts over it until the move is done.
   * @throws HeadgateError `move-refused`, `move-unfinished`, `journal-moved`
   */
  begin(): void | Promise<void>
  count(table: CountedTable): number | Promise<number>
  /** Pages of tasks in the order of their admission, those behind a place. */
  tasks(
    after: number,
    limit: number,
  ): Iterable<readonly ExportedTask[]> | AsyncIterable<readonly ExportedTask[]>
  /** The uploads that tasks name. */
  uploads(): Iterable<NamedUpload> | AsyncIterable<NamedUpload>
  /** All rows of a table, a page at a time; of the notes those that belong to the tasks. */
  rows(table: ExportedTable, limit: number): Iterable<readonly Row[]> | AsyncIterable<readonly Row[]>
  /** How many tasks have ended with each status since the first start, and how many were `rejected` and `retried`. */
  totals(): ReadonlyMap<string, number> | Promise<ReadonlyMap<string, number>>
  /** It is done: nobody starts over it any more, because its tasks would run twice. */
  markMoved(): void | Promise<void>
}

/** Where a journal is moved to. Each method that takes an {@link Advance} is one transaction with it. */
export interface MoveTarget {
  /**
   * Begins a move, or takes up one of the same journal that was cut off.
   * @throws HeadgateError `move-refused`
   */
  begin(journal: string): MoveState | Promise<MoveState>
  /** @throws HeadgateError `move-refused` when another process moves the same journal; so do all that take an advance. */
  advance(step: Advance): void | Promise<void>
  writeTasks(page: readonly ExportedTask[], step: Advance): void | Promise<void>
  /** Writes rows; those that are there stay, a note is replaced. */
  writeRows(table: ExportedTable, rows: readonly Row[]): void | Promise<void>
  writeTotals(totals: ReadonlyMap<string, number>, step: Advance): void | Promise<void>
  count(table: CountedTable): number | Promise<number>
  /** How many tasks can run, or wait to. */
  countUnfinished(): number | Promise<number>
  /** Digests of tasks, by their ids, as `toDigest` makes them. */
  digests(ids: readonly string[]): ReadonlyMap<string, string> | Promise<ReadonlyMap<string, string>>
}

export function parseMoveState(text: string): MoveState {
  return moveState.parse(JSON.parse(text))
}
