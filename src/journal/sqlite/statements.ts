import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Row } from '../rows.ts'

export type SqlValue = string | number | null

/** The statements of a connection, each prepared once. */
export class Statements {
  readonly #db: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  of(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }

  all(sql: string, ...values: SqlValue[]): readonly Row[] {
    return this.of(sql).all(...values) as Row[]
  }

  /** Rows as lists of their values: many of them cost half as much to read, and to hand to another thread. */
  lists(sql: string, ...values: SqlValue[]): readonly (readonly unknown[])[] {
    const statement = this.of(sql)
    statement.setReturnArrays(true)
    return statement.all(...values) as unknown as readonly (readonly unknown[])[]
  }
}
