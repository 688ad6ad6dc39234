import { PRIORITIES, priorityName, type Priority, type PriorityName } from '../../task/priority.ts'
import { play, type QueueModel, type SyntheticTask, type ReplayResult } from './replay.ts'
import { seededRandom, drawService, computeMean, type Service } from './distributions.ts'

/** How tasks come. Times are s. */
export type Arriving =
  /** All at once. */
  | { readonly pattern: 'burst'; readonly count: number }
  /** At even distances, the first at 0. */
  | { readonly pattern: 'steady'; readonly perMinute: number; readonly duration: number }
  /** One independent of the other (Poisson). */
  | { readonly pattern: 'random'; readonly perMinute: number; readonly duration: number }

export interface Question extends QueueModel {
  readonly arriving: Arriving
  /** Kinds of tasks with their shares, which need not sum up to 1. */
  readonly kinds: readonly { readonly share: number; readonly service: Service }[]
  /** Shares of LOW, NORMAL, HIGH and URGENT. */
  readonly priorities: readonly number[]
  /** The same seed gives the same plan. */
  readonly seed: number
}

/** Waits, s. */
interface Waits {
  readonly tasks: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly longest: number
}

export interface Plan {
  readonly workers: number
  readonly tasks: number
  /** Mean run time, s. */
  readonly meanRun: number
  /** Work that comes ÷ work that can be done; from 1 on the queue grows without end. Null for a burst. */
  readonly load: number | null
  readonly verdict: 'stable' | 'on the edge' | 'unstable' | 'ends'
  readonly waits: Waits
  readonly byPriority: Readonly<Partial<Record<PriorityName, Waits>>>
  readonly queue: { readonly mean: number; readonly longest: number; readonly atEnd: number }
  /** Share of the tasks that found no place. */
  readonly refused: number
  /** When the last task was done, s from the beginning. */
  readonly lastDone: number
  /** Wait of the task that came last, s; null: it was refused. */
  readonly lastWait: number | null
}

/** A queue this close to its limit has unpredictable waits: variation alone makes them long. */
const EDGE = 0.95
const MAX_TASKS = 200_000
const MAX_WORKERS = 1000

/** Answers a capacity question: runs the arrivals through the workers and returns waits, queue and refusals. */
export function plan(question: Question): Plan {
  const tasks = readArrivals(question)
  const played = play(tasks, question)
  const meanRun = computeMeanRun(question)
  const load = computeLoad(question)
  const computeWaits = (is: (task: SyntheticTask) => boolean) =>
    summariseWaits(
      played.waits.filter((wait, index) => wait !== null && is(tasks[index] as SyntheticTask)) as number[],
    )
  const levels = PRIORITIES.filter((level) => (question.priorities[level] ?? 0) > 0)
  return {
    workers: question.workers,
    tasks: tasks.length,
    meanRun,
    load,
    verdict: judge(load),
    waits: computeWaits(() => true),
    byPriority: Object.fromEntries(
      levels.map((level) => [priorityName(level), computeWaits(({ priority }) => priority === level)]),
    ),
    queue: { mean: played.meanQueue, longest: played.longestQueue, atEnd: played.queueAtEnd },
    refused: countRefused(played),
    lastDone: played.lastDone,
    lastWait: played.waits.at(-1) ?? null,
  }
}

/** The smallest number of workers with which nine of ten tasks wait no longer than `p90`, s; null: none will do. */
export function smallestWorkers(question: Question, p90: number): number | null {
  const isEnough = (workers: number) => {
    const { waits, refused } = plan({ ...question, workers })
    return waits.p90 <= p90 && refused < 0.1
  }
  if (!isEnough(MAX_WORKERS)) return null
  let [low, high] = [1, MAX_WORKERS]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** Mean run time over all kinds, s. */
function computeMeanRun({ kinds }: Question): number {
  const total = kinds.reduce((sum, { share }) => sum + share, 0)
  return kinds.reduce((sum, { share, service }) => sum + share * computeMean(service), 0) / total
}

function computeLoad(question: Question): number | null {
  const { arriving, workers } = question
  if (arriving.pattern === 'burst') return null
  return ((arriving.perMinute / 60) * computeMeanRun(question)) / workers
}

function judge(load: number | null): Plan['verdict'] {
  if (load === null) return 'ends'
  if (load >= 1) return 'unstable'
  return load >= EDGE ? 'on the edge' : 'stable'
}

function readArrivals(question: Question): SyntheticTask[] {
  const { arriving, kinds, priorities, seed } = question
  const random = seededRandom(seed)
  const shares = kinds.map(({ share }) => share)
  return parseInstants(arriving, random).map((at) => {
    const kind = kinds[choice(shares, random)]
    const run = kind === undefined ? 0 : drawService(kind.service, random)
    return { at, priority: choice(priorities, random) as Priority, run }
  })
}

function parseInstants(arriving: Arriving, random: () => number): number[] {
  if (arriving.pattern === 'burst') return Array.from({ length: arriving.count }, () => 0)
  const { perMinute, duration } = arriving
  const gap = 60 / perMinute
  const instants: number[] = []
  const step = () => (arriving.pattern === 'steady' ? gap : -gap * Math.log(1 - random()))
  // Counted, not summed up: even distances stay even.
  for (let at = arriving.pattern === 'steady' ? 0 : step(); at < duration && instants.length < MAX_TASKS;) {
    instants.push(at)
    at = arriving.pattern === 'steady' ? instants.length * gap : at + step()
  }
  return instants
}

/** An index, by shares. */
function choice(shares: readonly number[], random: () => number): number {
  let at = random() * shares.reduce((sum, share) => sum + share, 0)
  for (const [index, share] of shares.entries()) {
    at -= share
    if (at < 0) return index
  }
  return shares.length - 1
}

function countRefused({ waits }: ReplayResult): number {
  return waits.length === 0 ? 0 : waits.filter((wait) => wait === null).length / waits.length
}

function summariseWaits(waits: readonly number[]): Waits {
  const sorted = waits.toSorted((a, b) => a - b)
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  const mean = sorted.reduce((sum, wait) => sum + wait, 0) / Math.max(1, sorted.length)
  const longest = sorted.at(-1) ?? 0
  return { tasks: sorted.length, mean, p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), longest }
}
