import type { Registry } from '../../handler/registry.ts'
import type { Task } from '../../task/task.ts'
import type { Statements } from '../database/database.ts'

export interface GateLimits {
  /** How many tasks of a type may run at once, in the whole cluster; Infinity: no limit. */
  readonly registry: Pick<Registry, 'concurrencyOf'>
  /** The same of one caller. */
  readonly maxRunningPerCaller: number
}

/** Begins the names of the locks, so that they are not those of somebody else in the database. */
const LOCK_SPACE = 421_577

interface Gate {
  free: number
}

/**
 * How many tasks of limited types and callers may still start. Claims of one gate stand in a row for the time of their
 * transactions, so that the limits are exact over all processes; where nothing is limited nothing is locked.
 */
export class Gates {
  readonly #gates: ReadonlyMap<string, Gate>

  private constructor(gates: ReadonlyMap<string, Gate>) {
    this.#gates = gates
  }

  static async open(tx: Statements, limits: GateLimits, tasks: readonly Task[]): Promise<Gates> {
    const { registry, maxRunningPerCaller } = limits
    const wanted = new Map<
      string,
      { readonly column: 'type' | 'caller'; readonly value: string; readonly limit: number }
    >()
    for (const { type, caller } of tasks) {
      const limit = registry.concurrencyOf(type)
      if (limit !== Infinity) wanted.set(`type ${type}`, { column: 'type', value: type, limit })
      if (maxRunningPerCaller !== Infinity) {
        wanted.set(`caller ${caller}`, { column: 'caller', value: caller, limit: maxRunningPerCaller })
      }
    }
    const gates = new Map<string, Gate>()
    // In one order, so that two claims cannot wait for each other.
    for (const [name, { column, value, limit }] of [...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      await tx.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [LOCK_SPACE, name])
      const [row] = await tx.query<{ count: number }>(
        `SELECT count(*)::integer AS count FROM headgate.tasks
          WHERE ${column} = $1 AND status IN ('running', 'cancelling')`,
        [value],
      )
      gates.set(name, { free: limit - (row?.count ?? 0) })
    }
    return new Gates(gates)
  }

  /** Whether there is room for one more; then it is taken. */
  enter({ type, caller }: Pick<Task, 'type' | 'caller'>): boolean {
    const passed = [`type ${type}`, `caller ${caller}`].flatMap((name) => this.#gates.get(name) ?? [])
    if (passed.some(({ free }) => free <= 0)) return false
    for (const gate of passed) gate.free -= 1
    return true
  }
}

/** The first waiting tasks of the types and callers that have room again, one for each run that is over. */
export async function findHeldBack(
  tx: Statements,
  { registry, maxRunningPerCaller }: GateLimits,
  ended: readonly { readonly task: Pick<Task, 'type' | 'caller'> }[],
): Promise<readonly string[]> {
  const ids: string[] = []
  const select = async (column: 'type' | 'caller', value: string, count: number) => {
    const rows = await tx.query<{ id: string }>(
      `SELECT id FROM headgate.tasks WHERE status = 'queued' AND ${column} = $1 ORDER BY ticket DESC LIMIT ${count}`,
      [value],
    )
    ids.push(...rows.map(({ id }) => id))
  }
  for (const [type, tasks] of Map.groupBy(ended, ({ task }) => task.type)) {
    if (registry.concurrencyOf(type) !== Infinity) await select('type', type, tasks.length)
  }
  if (maxRunningPerCaller === Infinity) return ids
  for (const [caller, tasks] of Map.groupBy(ended, ({ task }) => task.caller)) {
    await select('caller', caller, tasks.length)
  }
  return [...new Set(ids)]
}
