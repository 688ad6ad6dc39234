import type { Clock } from '../../time/clock.ts'
import { Ticker } from '../../time/ticker.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { QueueServices, StreamServices } from '../deps.ts'
import type { Stats } from '../routes/queue/stats.ts'
import type { ViewOptions } from '../schemas/views.ts'
import type { Sink } from '../stream/connection.ts'
import { isSameRow, isShown, toRow, type Viewer } from './rows.ts'
import { loadRecent, MAX_RECENT, selectTasks, type BoardTasks, type SelectDeps } from './select-tasks.ts'

export interface BoardDeps extends SelectDeps, Pick<StreamServices, 'bus'>, Pick<QueueServices, 'freshen'> {
  readonly clock: Pick<Clock, 'after'>
  readonly stats: () => Stats
}

/** One who watches the whole queue. */
export interface Watcher {
  readonly viewer: Viewer
  readonly view: ViewOptions
  readonly sink: Pick<Sink, 'isFlushed' | 'send'>
}

/** Ticks at most; nothing is read or sent while nobody watches. */
const TICK_MS = 500
/** Every fourth tick checks whether the tasks that have ended are still kept. */
const TICKS_PER_LOOK = 4

interface Picture extends BoardTasks {
  readonly stats: Stats
  /** The stats without what changes by itself as time passes. */
  readonly statsText: string
}

/**
 * The whole queue for those who watch it: `board` first, then `tick` with what has changed since. All operators get one
 * text, and so do all watchers of one caller. A slow reader skips ticks and gets a new `board`.
 */
export class Board {
  readonly #deps: BoardDeps
  readonly #ticker: Ticker
  /** Whether each has seen the newest picture. */
  readonly #watchers = new Map<Watcher, boolean>()
  readonly #rows = new Map<string, number>()
  #newestRow = 0
  #ticks = 0
  #picture: Picture | null = null
  /** Tasks that have ended, the newest last, at times more than are shown. Null: nobody watches, so none are collected. */
  #recent: Task[] | null = null
  #isDrawing = false

  constructor(deps: BoardDeps) {
    this.#deps = deps
    this.#ticker = new Ticker(deps.clock, TICK_MS, () => this.#tickSafely())
    deps.bus.observe((task) => {
      if (this.#recent !== null && isTerminal(task.status)) addRecent(this.#recent, task)
    })
  }

  /** Sends the board now and each change from now on; returns what ends that. */
  watch(watcher: Watcher): () => void {
    this.#watchers.set(watcher, false)
    this.#ticker.start()
    if (this.#picture === null) this.#tickSafely()
    else this.#sendBoards(this.#picture)
    return () => this.#leave(watcher)
  }

  #leave(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    if (this.#watchers.size > 0) return
    this.#ticker.stop()
    this.#picture = null
    this.#recent = null
    this.#rows.clear()
  }

  /** What could not be read now is read at the next tick. */
  #tickSafely(): void {
    this.#tick().catch(() => undefined)
  }

  async #tick(): Promise<void> {
    if (this.#isDrawing) return
    this.#isDrawing = true
    try {
      const before = this.#picture
      const after = await this.#draw()
      // Everybody may have left meanwhile.
      if (this.#watchers.size === 0) return
      this.#picture = after
      if (before !== null) this.#sendTicks(before, after)
      this.#sendBoards(after)
      this.#forgetRows(after)
    } finally {
      this.#isDrawing = false
    }
  }

  async #draw(): Promise<Picture> {
    const { freshen } = this.#deps
    await freshen?.()
    // Ends in other processes are not reported here.
    if (this.#recent === null || freshen !== null) {
      const ended: Task[] = (this.#recent = [])
      const known = await loadRecent(this.#deps)
      // Some may have ended while the journal was read.
      const isNew = ({ id }: Task) => ended.every((task) => task.id !== id)
      ended.unshift(...known.filter(isNew).toReversed())
    }
    if (this.#ticks % TICKS_PER_LOOK === 0) await this.#forgetErased()
    this.#ticks += 1
    const tasks = await selectTasks(this.#deps, takeNewest(this.#recent ?? []))
    const stats = this.#deps.stats()
    const { uptime_seconds: _, oldest_queued_seconds: __, ...steady } = stats
    return { ...tasks, stats, statsText: JSON.stringify(steady) }
  }

  /** A task that has ended may be erased by its owner, or by age. */
  async #forgetErased(): Promise<void> {
    const recent = this.#recent ?? []
    const found = await Promise.all(recent.map(({ id }) => this.#deps.journal.find(id)))
    const erased = new Set(recent.filter((_, index) => found[index] === undefined))
    if (erased.size > 0) this.#recent = (this.#recent ?? []).filter((task) => !erased.has(task))
  }

  /** Sends what has changed from one picture to the next. */
  #sendTicks(before: Picture, after: Picture): void {
    const texts = new Map<string, string | null>()
    for (const [watcher, isCurrent] of this.#watchers) {
      if (!isCurrent) continue
      const key = toViewerKey(watcher)
      let text = texts.get(key)
      if (text === undefined) texts.set(key, (text = this.#tickText(before, after, watcher)))
      if (text === null) continue
      if (watcher.sink.isFlushed) void watcher.sink.send({ seq: null, text }).catch(() => undefined)
      else this.#watchers.set(watcher, false)
    }
  }

  #tickText(before: Picture, after: Picture, { viewer, view }: Watcher): string | null {
    const [old, now] = [shownTo(before, viewer), shownTo(after, viewer)]
    const changed = [...now.values()]
      .filter((task) => {
        const known = old.get(task.id)
        return known === undefined || !isSameRow(known, task, viewer)
      })
      .map((task) => toRow(task, this.#rowOf(task), viewer, view))
    const gone = [...old.values()].filter(({ id }) => !now.has(id)).map((task) => this.#rowOf(task))
    const [oldOrder, order] = [this.#orderOf(before), this.#orderOf(after)]
    const isReordered = oldOrder.join() !== order.join()
    const hasStats = before.statsText !== after.statsText
    if (changed.length === 0 && gone.length === 0 && !isReordered && !hasStats) return null
    return JSON.stringify({
      type: 'tick',
      ...(hasStats ? { stats: after.stats } : {}),
      changed,
      gone,
      ...(isReordered ? { order } : {}),
    })
  }

  #sendBoards(picture: Picture): void {
    const texts = new Map<string, string>()
    for (const [watcher, isCurrent] of this.#watchers) {
      if (isCurrent || !watcher.sink.isFlushed) continue
      const key = toViewerKey(watcher)
      const text = texts.get(key) ?? this.#boardText(picture, watcher)
      texts.set(key, text)
      this.#watchers.set(watcher, true)
      void watcher.sink.send({ seq: null, text }).catch(() => undefined)
    }
  }

  #boardText(picture: Picture, { viewer, view }: Watcher): string {
    const rows = (tasks: readonly Task[]) =>
      tasks
        .filter((task) => isShown(task, viewer))
        .map((task) => toRow(task, this.#rowOf(task), viewer, view))
    const { stats, running, waiting, parked, recent } = picture
    return JSON.stringify({
      type: 'board',
      stats,
      running: rows(running),
      waiting: rows(waiting),
      parked: rows(parked),
      recent: rows(recent),
    })
  }

  #orderOf({ waiting }: Picture): number[] {
    return waiting.map((task) => this.#rowOf(task))
  }

  #rowOf({ id }: Task): number {
    const row = this.#rows.get(id) ?? (this.#newestRow += 1)
    this.#rows.set(id, row)
    return row
  }

  #forgetRows(picture: Picture): void {
    const shown = new Set(allTasks(picture).map(({ id }) => id))
    for (const id of this.#rows.keys()) if (!shown.has(id)) this.#rows.delete(id)
  }
}

/** Called for every task that ends: as little as can be. */
function addRecent(recent: Task[], task: Task): void {
  recent.push(task)
  if (recent.length > 2 * MAX_RECENT) recent.splice(0, recent.length - MAX_RECENT)
}

/** The newest first. Input and result may be large, and no row shows them, so that they are let go. */
function takeNewest(recent: Task[]): Task[] {
  recent.splice(0, recent.length - MAX_RECENT)
  for (const [index, task] of recent.entries()) recent[index] = { ...task, input: null, result: null }
  return recent.toReversed()
}

function toViewerKey({ viewer, view }: Watcher): string {
  return JSON.stringify([viewer.role === 'operator' || viewer.name, view.prefix])
}

function allTasks({ running, waiting, parked, recent }: BoardTasks): Task[] {
  return [...recent, ...running, ...waiting, ...parked]
}

/** By id; a task that ended while the lists were read counts as ended. */
function shownTo(picture: Picture, viewer: Viewer): Map<string, Task> {
  const tasks = allTasks(picture).filter((task) => isShown(task, viewer))
  return new Map(tasks.toReversed().map((task) => [task.id, task]))
}
