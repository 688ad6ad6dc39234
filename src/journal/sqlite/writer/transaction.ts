import type { DatabaseSync } from 'node:sqlite'
import { Statements, type SqlValue } from '../statements.ts'

/** The transaction that is open: its statements, and what it counts. */
export class Transaction {
  readonly #statements: Statements
  /** Ends in this transaction, by status. */
  readonly #ends = new Map<string, number>()
  /** Tasks that have steps; null: to be looked up. */
  #withSteps: Set<string> | null = null
  /** Rows that were changed so far. */
  changes = 0

  constructor(db: DatabaseSync) {
    this.#statements = new Statements(db)
  }

  begin(): void {
    this.#statements.of('BEGIN IMMEDIATE').run()
  }

  /** Counts a task that has ended. Those that have not are counted where they are. */
  countEnd(status: string): void {
    this.#ends.set(status, (this.#ends.get(status) ?? 0) + 1)
  }

  /** Writes down the ends that were counted; the last thing before the commit. */
  flushTotals(): void {
    const sql =
      'INSERT INTO totals VALUES (?, ?) ON CONFLICT (status) DO UPDATE SET count = count + excluded.count'
    for (const [status, count] of this.#ends) this.run(sql, status, count)
    this.#ends.clear()
  }

  commit(): void {
    this.#statements.of('COMMIT').run()
  }

  /** What was remembered of it has not happened. */
  rolledBack(): void {
    this.#ends.clear()
    this.#withSteps = null
  }

  /** Ids of tasks that have steps: the ends of others need not look for them. */
  get withSteps(): Set<string> {
    const list = () => this.all('SELECT DISTINCT task_id FROM steps').map((row) => row['task_id'] as string)
    this.#withSteps ??= new Set(list())
    return this.#withSteps
  }

  run(sql: string, ...values: SqlValue[]): number {
    const changes = Number(this.#statements.of(sql).run(...values).changes)
    this.changes += changes
    return changes
  }

  get(sql: string, ...values: SqlValue[]) {
    return this.#statements.of(sql).get(...values)
  }

  all(sql: string, ...values: SqlValue[]) {
    return this.#statements.all(sql, ...values)
  }
}
