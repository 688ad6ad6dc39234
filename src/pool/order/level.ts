import type { Entry, Lane, LaneKind } from './lane.ts'

/**
 * The waiting tasks of one caller inside a level, or of everybody where callers take no turns. Turns follow start-time
 * fair queueing (Goyal, Vin, Cheng 1996): the caller with the lowest tag is next, and each start moves its tag
 * on by 1 / weight; who comes anew begins at the level's virtual time, neither favoured nor held back.
 */
export class FairShare {
  readonly caller: string
  readonly weight: number
  readonly lanes: Lane[] = []
  tag: number
  length = 0

  constructor(caller: string, weight: number, tag: number) {
    this.caller = caller
    this.weight = weight
    this.tag = tag
  }

  /** The lane of a kind, or undefined when there is none yet. */
  laneOf(kind: LaneKind): Lane | undefined {
    for (const lane of this.lanes) if (lane.kind === kind || lane.kind.name === kind.name) return lane
    return undefined
  }
}

/** One level of the queue. */
export class Level {
  /** ms by which the level is ahead of the lowest one; Infinity: of all others, whatever their age. */
  readonly aheadMs: number
  readonly turns: FairShare[] = []
  readonly #byCaller = new Map<string, FairShare>()
  readonly isFront: boolean
  virtual = 0
  /** Waiting tasks. */
  length = 0

  readonly work: { steps: number }

  /** @param work counts the callers that are looked at */
  constructor(aheadMs: number, isFront: boolean, work: { steps: number }) {
    this.aheadMs = aheadMs
    this.isFront = isFront
    this.work = work
  }

  /** The turn of a caller; a new one begins where the level is. */
  turnOf(caller: string, weight: number): FairShare {
    const only = this.turns[0]
    if (only?.caller === caller) return only
    let turn = this.#byCaller.get(caller)
    if (turn === undefined) {
      turn = new FairShare(caller, weight, this.virtual)
      this.#byCaller.set(caller, turn)
      this.turns.push(turn)
    }
    return turn
  }

  /** Callers that wait for nothing and have no advance to make up for are forgotten. */
  sweep(): void {
    const kept = this.turns.filter(({ length, tag }) => length > 0 || tag > this.virtual)
    this.turns.splice(0, this.turns.length, ...kept)
    this.#byCaller.clear()
    for (const turn of kept) this.#byCaller.set(turn.caller, turn)
  }

  /** Virtual time at which the next task of a caller starts, behind those that it has waiting. */
  nextStart(caller: string, weight: number): number {
    const own = this.#byCaller.get(caller)
    return Math.max(this.virtual, own?.tag ?? 0) + (own?.length ?? 0) / weight
  }

  /** Virtual time at which a waiting task starts. */
  startOf({ lanes, tag, weight }: FairShare, { seq }: Entry): number {
    const before = lanes.reduce((count, lane) => count + lane.countBefore(seq), 0)
    return Math.max(this.virtual, tag) + before / weight
  }

  /** Tasks that start at this virtual time or before it: O(callers). */
  countStartingBy(start: number): number {
    let count = 0
    for (const turn of this.turns) {
      this.work.steps += 1
      if (turn.length === 0) continue
      const lead = start - Math.max(this.virtual, turn.tag)
      if (lead >= 0) count += Math.min(turn.length, Math.floor(lead * turn.weight) + 1)
    }
    return count
  }
}

/**
 * The next task: of the level that is first, of the caller whose turn it is, the oldest that may start. Levels are
 * strict, or, with a head start, the one whose oldest task is furthest ahead.
 */
export function choose(levels: readonly Level[]): Entry | null {
  let best: Entry | null = null
  let bestRank = Infinity
  for (const level of levels) {
    const first = level.length === 0 ? null : findFirst(level)
    if (first === null) continue
    // Strict levels come in their order.
    if (level.aheadMs === Infinity) return first
    const rank = oldestIn(level) - level.aheadMs
    if (rank >= bestRank) continue
    best = first
    bestRank = rank
  }
  return best
}

/** Reports to a level that a task of a caller was taken. */
export function charge(level: Level, turn: FairShare): void {
  level.virtual = Math.max(level.virtual, turn.tag)
  turn.tag = level.virtual + 1 / turn.weight
}

function findFirst({ turns, virtual }: Level): Entry | null {
  const only = turns[0]
  if (turns.length === 1 && only !== undefined) return firstIn(only.lanes)
  let best: Entry | null = null
  let bestTag = Infinity
  for (const turn of turns) {
    const tag = Math.max(virtual, turn.tag)
    const first = tag > bestTag ? null : firstIn(turn.lanes)
    if (first === null || (tag === bestTag && best !== null && best.seq < first.seq)) continue
    best = first
    bestTag = tag
  }
  return best
}

/** The oldest of those that no gate holds back. */
function firstIn(lanes: readonly Lane[]): Entry | null {
  let first: Entry | null = null
  for (const lane of lanes) {
    const { head } = lane
    if (head !== null && lane.isOpen && (first === null || head.seq < first.seq)) first = head
  }
  return first
}

/** When the oldest that may start was admitted, epoch ms. */
function oldestIn({ turns }: Level): number {
  let oldest = Infinity
  for (const { lanes } of turns) oldest = Math.min(oldest, firstIn(lanes)?.ticket.createdAt ?? Infinity)
  return oldest
}
