import type { ExportedTable } from '../../journal/sqlite/exported-tables.ts'
import type { ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import type { JournalImport } from '../../journal/sqlite/import.ts'
import type { Row } from '../../journal/rows.ts'
import { HeadgateError } from '../../task/errors.ts'
import { toDigest } from './digest.ts'
import { parseMoveState, type Advance, type CountedTable, type MoveState, type MoveTarget } from './ends.ts'

/** The journal of a data folder as the target of a move. */
export class SqliteTarget implements MoveTarget {
  readonly #journal: JournalImport

  constructor(journal: JournalImport) {
    this.#journal = journal
  }

  begin(journal: string): MoveState {
    const { state } = this.#journal
    const known = state === null ? null : parseMoveState(state)
    if (known?.journal === journal) return known
    if (known !== null && known.stage !== 'done')
      throw refused(
        'A move of another database into the folder was cut off. Repeat that one, or take another folder',
      )
    if (!this.#journal.isEmpty) throw refused('The folder has tasks already. Take another one')
    const begun: MoveState = { journal, stage: 'tasks', place: 0 }
    this.#journal.write((tx) => tx.saveState(JSON.stringify(begun)))
    return begun
  }

  advance({ to }: Advance): void {
    this.#journal.write((tx) => tx.saveState(JSON.stringify(to)))
  }

  writeTasks(page: readonly ExportedTask[], { to }: Advance): void {
    this.#journal.write((tx) => {
      tx.addTasks(page)
      tx.saveState(JSON.stringify(to))
    })
  }

  writeRows(table: ExportedTable, rows: readonly Row[]): void {
    this.#journal.write((tx) => tx.addRows(table, rows))
  }

  writeTotals(totals: ReadonlyMap<string, number>, { to }: Advance): void {
    this.#journal.write((tx) => {
      tx.saveTotals(totals)
      tx.saveState(JSON.stringify(to))
    })
  }

  count(table: CountedTable): number {
    return this.#journal.count(table)
  }

  countUnfinished(): number {
    return this.#journal.countUnfinished()
  }

  digests(ids: readonly string[]): ReadonlyMap<string, string> {
    const tasks = this.#journal.read(ids)
    return new Map(tasks.map((task) => [task.row.id, toDigest(task)]))
  }
}

function refused(what: string): HeadgateError {
  return new HeadgateError('move-refused', `${what}. Nothing was moved.`)
}
