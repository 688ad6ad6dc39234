import { PRIORITIES, type Priority } from '../../task/priority.ts'
import { FinishTimes } from '../simulation/finish-times.ts'

/** A task of a plan. Times are s from the beginning. */
export interface SyntheticTask {
  readonly at: number
  readonly priority: Priority
  readonly run: number
}

export interface QueueModel {
  readonly workers: number
  /** Capacity of the queue; Infinity: no task is refused. */
  readonly capacity: number
  /** A level is this much ahead of the one below it, s; 0: levels are strict. */
  readonly headStart: number
}

export interface ReplayResult {
  /** One for each task in the order of arrival; null: refused. */
  readonly waits: readonly (number | null)[]
  readonly lastDone: number
  readonly longestQueue: number
  /** Waiting when the last task had come. */
  readonly queueAtEnd: number
  /** Mean number of waiting tasks until the last one came. */
  readonly meanQueue: number
}

interface Waiting {
  readonly index: number
  readonly task: SyntheticTask
}

/** Plays a list of arrivals, in their order, through a mill: exact, event by event. */
export function play(tasks: readonly SyntheticTask[], mill: QueueModel): ReplayResult {
  const room = new Room(mill)
  const waits: (number | null)[] = tasks.map(() => null)
  let [lastDone, longestQueue, area, since] = [0, 0, 0, 0]
  const start = (now: number) => {
    for (let next = room.take(); next !== undefined; next = room.take()) {
      waits[next.index] = now - next.task.at
      lastDone = Math.max(lastDone, now + next.task.run)
      room.finish.push(now + next.task.run, 0)
    }
  }
  const finishUntil = (until: number) => {
    while (room.finish.size > 0 && room.finish.next <= until) {
      const now = room.finish.next
      room.finish.pop()
      start(now)
    }
  }
  for (const [index, task] of tasks.entries()) {
    area += room.waiting * (task.at - since)
    since = task.at
    finishUntil(task.at)
    if (room.waiting >= mill.capacity && !room.isIdle) continue
    room.put({ index, task })
    start(task.at)
    longestQueue = Math.max(longestQueue, room.waiting)
  }
  const queueAtEnd = room.waiting
  finishUntil(Infinity)
  return { waits, lastDone, longestQueue, queueAtEnd, meanQueue: since === 0 ? 0 : area / since }
}

/** Waiting tasks by level, and the workers. */
class Room {
  readonly finish = new FinishTimes()
  readonly #mill: QueueModel
  readonly #levels = PRIORITIES.map(() => ({ queue: [] as Waiting[], head: 0 }))
  waiting = 0

  constructor(mill: QueueModel) {
    this.#mill = mill
  }

  get isIdle(): boolean {
    return this.finish.size < this.#mill.workers
  }

  put(waiting: Waiting): void {
    this.#levels[waiting.task.priority]?.queue.push(waiting)
    this.waiting += 1
  }

  take(): Waiting | undefined {
    if (!this.isIdle) return undefined
    let best = -1
    let bestRank = Infinity
    for (const level of PRIORITIES.toReversed()) {
      const head = this.#headOf(level)
      if (head === undefined) continue
      const { headStart } = this.#mill
      const rank = headStart === 0 ? -level : head.task.at - level * headStart
      if (rank >= bestRank) continue
      best = level
      bestRank = rank
    }
    const lane = this.#levels[best]
    if (lane === undefined) return undefined
    lane.head += 1
    this.waiting -= 1
    return lane.queue[lane.head - 1]
  }

  #headOf(level: number): Waiting | undefined {
    const lane = this.#levels[level]
    return lane?.queue[lane.head]
  }
}
