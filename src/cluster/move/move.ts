import type { NamedUpload } from '../../journal/sqlite/export.ts'
import { EXPORTED_TABLES, type ExportedTable } from '../../journal/sqlite/exported-tables.ts'
import { HeadgateError } from '../../task/errors.ts'
import { toDigest } from './digest.ts'
import type { Advance, MoveSource, MoveState, MoveTarget } from './ends.ts'

export interface MoveOptions {
  readonly source: MoveSource
  readonly target: MoveTarget
  /** Puts a file where it will be looked for; false: it is missing, or not as it came. */
  readonly moveUpload: (upload: NamedUpload['upload']) => Promise<boolean>
  readonly report: (progress: MoveProgress) => void
}

export interface MoveProgress {
  readonly what: 'uploads' | 'tasks' | 'verified tasks'
  readonly done: number
}

export interface MoveResult {
  readonly tasks: number
  readonly uploads: MovedUploads
}

interface MovedUploads {
  readonly count: number
  /** Ids of tasks whose file is missing, or not as it came: it fails there as it would have here. */
  readonly missing: readonly string[]
}

const TASKS_AT_ONCE = 200
const ROWS_AT_ONCE = 1000

/**
 * Moves everything that a journal holds into one without tasks, compares it, and marks the first one as moved. A move
 * that is cut off is taken up where it was; until it is done, nobody starts over the second one.
 *
 * @throws HeadgateError `move-refused`, `move-failed`
 */
export async function moveJournal(options: MoveOptions): Promise<MoveResult> {
  const { source, target } = options
  const state = await target.begin(source.id)
  await source.begin()
  return await new Move(options, state).run()
}

class Move {
  readonly #options: MoveOptions
  readonly #source: MoveSource
  readonly #target: MoveTarget
  #state: MoveState

  constructor(options: MoveOptions, state: MoveState) {
    this.#options = options
    this.#source = options.source
    this.#target = options.target
    this.#state = state
  }

  async run(): Promise<MoveResult> {
    const uploads = await this.#moveUploads()
    if (this.#state.stage === 'tasks') await this.#moveTasks()
    if (this.#state.stage === 'rows') await this.#moveRows()
    await this.#verify()
    if (this.#state.stage === 'verify')
      await this.#advance({ stage: 'done' }, (step) => this.#target.advance(step))
    await this.#source.markMoved()
    return { tasks: await this.#source.count('tasks'), uploads }
  }

  async #moveUploads(): Promise<MovedUploads> {
    const { moveUpload, report } = this.#options
    const missing: string[] = []
    let count = 0
    for await (const { taskId, upload } of this.#source.uploads()) {
      if (await moveUpload(upload)) report({ what: 'uploads', done: (count += 1) })
      else missing.push(taskId)
    }
    return { count, missing }
  }

  async #moveTasks(): Promise<void> {
    let done = 0
    for await (const page of this.#source.tasks(this.#state.place, TASKS_AT_ONCE)) {
      const to = { place: page.at(-1)?.place ?? 0 }
      await this.#advance(to, (step) => this.#target.writeTasks(page, step))
      done += page.length
      this.#options.report({ what: 'tasks', done })
    }
    await this.#advance({ stage: 'rows' }, (step) => this.#target.advance(step))
  }

  /** Keys, webhooks, history, notes; at last the totals, with those of tasks that were erased. */
  async #moveRows(): Promise<void> {
    for (const table of Object.keys(EXPORTED_TABLES) as ExportedTable[]) {
      for await (const page of this.#source.rows(table, ROWS_AT_ONCE)) {
        await this.#target.writeRows(table, page)
      }
    }
    const totals = await this.#source.totals()
    await this.#advance({ stage: 'verify' }, (step) => this.#target.writeTotals(totals, step))
  }

  /** Also after a move that was done but for the mark: somebody may have worked over one of the two. */
  async #verify(): Promise<void> {
    const target = this.#target
    let [done, unfinished] = [0, 0]
    for await (const page of this.#source.tasks(0, TASKS_AT_ONCE)) {
      const digests = await target.digests(page.map(({ row }) => row.id))
      for (const task of page) {
        if (digests.get(task.row.id) !== toDigest(task)) throw failed(`Task ${task.row.id}`)
      }
      done += page.length
      unfinished += page.filter(({ row }) => row.finished_at === null).length
      this.#options.report({ what: 'verified tasks', done })
    }
    for (const table of ['tasks', 'keys', 'deliveries', 'erased'] as const) {
      assertCount(table, await target.count(table), await this.#source.count(table))
    }
    // A process that was started before there were tasks has minutes of its own.
    const minutes = await this.#source.count('minutes')
    assertCount('minutes', Math.min(minutes, await target.count('minutes')), minutes)
    assertCount('unfinished tasks', await target.countUnfinished(), unfinished)
  }

  async #advance(change: Partial<MoveState>, write: (step: Advance) => void | Promise<void>): Promise<void> {
    const to = { ...this.#state, ...change }
    await write({ from: this.#state, to })
    this.#state = to
  }
}

function assertCount(what: string, moved: number, expected: number): void {
  if (moved !== expected) throw failed(`${moved} of ${expected} ${what}`)
}

function failed(what: string): HeadgateError {
  return new HeadgateError('move-failed', `${what}: what is at the target is not what is at the source.`)
}
