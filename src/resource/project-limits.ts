import type { Cost, ResourceLimits } from '../task/resource.ts'
import type { LimitKind } from '../task/error-class.ts'
import { MINUTE_MS } from '../time/minute.ts'
import { AdaptiveLimit, type CallMark, type SavedAdaptiveLimit } from './adaptive-limit.ts'
import { KeyPool } from './key-pool.ts'
import { RateWindow, type SavedWindow } from './rate-window.ts'

const DAY_MS = 24 * 3600 * 1000
/** Where the provider names no time: a time that doubles from one failure to the next, half of it by chance. */
const FIRST_COOL_MS = 1000
const MAX_COOL_MS = 15_000
const NO_LIMIT = 1_000_000

export interface Project {
  readonly project: string
  /** None: calls need no key. */
  readonly keys: readonly string[]
}

/** What was drawn for one call, until it is given back. It can be saved as JSON. */
export interface Grant {
  readonly ask: Cost
  readonly key: string | null
  readonly mark: CallMark
  /** Its place in the ramp after a cool-down. */
  readonly isProbe: boolean
  /** When it was drawn, monotonic ms. */
  readonly at: number
  /** Tokens as last reported. */
  tokens: number
}

export interface Overload {
  readonly kind: LimitKind
  /** The wait that the provider asks for; null: none. */
  readonly afterMs: number | null
}

/** What a later process has to know. Instants are epoch ms. */
export interface SavedProjectLimits {
  readonly project: string
  readonly coolUntil: number | null
  /** Calls that may be in flight on the way back from a cool-down; null: it is over. */
  readonly ramp?: number | null
  /** Cool-downs in a row whose time the provider did not name. */
  readonly coolings?: number
  /** Absent in notes of earlier versions. */
  readonly concurrency?: SavedAdaptiveLimit
  readonly windows: readonly ({ readonly of: 'requests' | 'tokens' } & SavedWindow)[]
}

/**
 * The limits of one project of a provider: calls at once, rates, and a cool-down. After a cool-down one call
 * goes first; when it went well two may, then more, up to the limit.
 */
export class ProjectLimits {
  readonly project: string
  readonly keys: KeyPool
  readonly #random: () => number
  readonly #concurrency: AdaptiveLimit
  #windows: { requests: RateWindow[]; tokens: RateWindow[] } = { requests: [], tokens: [] }
  #inFlight = 0
  /** Monotonic, ms; -Infinity: none. */
  #coolUntil = -Infinity
  /** Calls that may be in flight on the way back from a cool-down. */
  #ramp = Infinity
  #coolings = 0

  constructor({ project, keys }: Project, limits: ResourceLimits, random: () => number) {
    this.project = project
    this.keys = new KeyPool(keys)
    this.#random = random
    const { floor, ceiling, start } = toBounds(limits)
    this.#concurrency = new AdaptiveLimit(floor, ceiling, start)
    this.resize(limits)
  }

  /** Units that may be in flight now; Infinity: no limit. */
  get limit(): number {
    const value = Math.min(this.#concurrency.value, this.#ramp)
    return value >= NO_LIMIT ? Infinity : value
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** New limits, at once; calls in flight continue. */
  resize(limits: ResourceLimits): void {
    const { floor, ceiling, start } = toBounds(limits)
    this.#concurrency.resize(floor, ceiling, start)
    const { requestsPerMinute, requestsPerDay, tokensPerMinute } = limits
    const { requests, tokens } = this.#windows
    this.#windows = {
      requests: [
        ...windowOf(requestsPerMinute, MINUTE_MS, requests),
        ...windowOf(requestsPerDay, DAY_MS, requests),
      ],
      tokens: windowOf(tokensPerMinute, MINUTE_MS, tokens),
    }
  }

  /** Whether a call so large could ever be made. */
  isPossible({ weight, tokens }: Cost): boolean {
    const isInTokens = this.#windows.tokens.every(({ limit }) => tokens <= limit)
    return isInTokens && weight <= this.#concurrency.ceiling
  }

  /** ms until a call may be made, as far as time alone decides; 0: now, unless others have to end first. */
  waitFor({ tokens }: Cost, now: number): number {
    const { requests, tokens: perTokens } = this.#windows
    return Math.max(
      0,
      this.#coolUntil - now,
      ...requests.map((window) => window.waitFor(1, now)),
      ...perTokens.map((window) => window.waitFor(tokens, now)),
    )
  }

  /** Whether calls at once, and the units that are kept for others, leave room; a call heavier than the whole limit goes alone. */
  hasRoom({ weight }: Cost, kept: number): boolean {
    const taken = this.#inFlight + kept
    return taken === 0 || taken + weight <= this.limit
  }

  draw(ask: Cost, now: number): Grant {
    this.#inFlight += ask.weight
    for (const window of this.#windows.requests) window.spend(1, now)
    for (const window of this.#windows.tokens) window.spend(ask.tokens, now)
    const isProbe = this.#ramp < Infinity
    const mark = this.#concurrency.begin(this.#inFlight)
    return { ask, key: this.keys.next(), mark, isProbe, at: now, tokens: ask.tokens }
  }

  /** The call has used more, or fewer, tokens than was thought. */
  correct(draw: Grant, tokens: number): void {
    // A provider that reports no usage changes nothing.
    if (!Number.isFinite(tokens) || tokens < 0) return
    for (const window of this.#windows.tokens) window.correct(draw.at, tokens - draw.tokens)
    draw.tokens = tokens
  }

  /** A call that was in flight when this state was saved, and still is. */
  hold({ ask }: Grant): void {
    this.#inFlight += ask.weight
  }

  giveBack({ ask }: Grant): void {
    this.#inFlight -= ask.weight
  }

  succeeded({ mark, isProbe }: Grant): void {
    this.#coolings = 0
    this.#concurrency.succeeded(mark)
    if (isProbe && this.#ramp < Infinity) this.#ramp += 1
    if (this.#ramp >= this.#concurrency.value) this.#ramp = Infinity
  }

  /** The provider refused a call for now. */
  overloaded({ mark }: Grant, { kind, afterMs }: Overload, now: number): void {
    const isAtFloor = this.#concurrency.isAtFloor
    if (kind === 'concurrency' || kind === 'overload') this.#concurrency.overloaded(mark)
    // Fewer calls at once may be all that it takes.
    if (kind === 'concurrency' && afterMs === null && !isAtFloor) return
    // Several calls meet the same wall.
    const isKnown = afterMs === null && this.#coolUntil > now
    if (!isKnown) this.#coolUntil = Math.max(this.#coolUntil, now + (afterMs ?? this.#backoffMs()))
    this.#ramp = 1
  }

  save(now: number, wall: number): SavedProjectLimits {
    const { requests, tokens } = this.#windows
    return {
      project: this.project,
      coolUntil: this.#coolUntil > now ? wall + this.#coolUntil - now : null,
      ramp: this.#ramp === Infinity ? null : this.#ramp,
      coolings: this.#coolings,
      concurrency: this.#concurrency.save(),
      windows: [
        ...requests.map((window) => ({ of: 'requests' as const, ...window.save(now) })),
        ...tokens.map((window) => ({ of: 'tokens' as const, ...window.save(now) })),
      ],
    }
  }

  /** @param idleMs time between the save and now */
  restore(
    saved: SavedProjectLimits,
    { now, wall, idleMs }: { now: number; wall: number; idleMs: number },
  ): void {
    if (saved.coolUntil !== null && saved.coolUntil > wall) {
      this.#coolUntil = now + saved.coolUntil - wall
      this.#ramp = 1
    }
    if (saved.ramp != null) this.#ramp = saved.ramp
    this.#coolings = saved.coolings ?? 0
    if (saved.concurrency !== undefined) this.#concurrency.restore(saved.concurrency)
    for (const kind of ['requests', 'tokens'] as const) {
      for (const window of this.#windows[kind]) {
        const known = saved.windows.find(({ of, windowMs }) => of === kind && windowMs === window.windowMs)
        if (known !== undefined) window.restore(known, idleMs, now)
      }
    }
  }

  #backoffMs(): number {
    const most = Math.min(MAX_COOL_MS, FIRST_COOL_MS * 2 ** this.#coolings)
    this.#coolings += 1
    return Math.round(most * (0.5 + this.#random() / 2))
  }
}

function toBounds({ concurrency = NO_LIMIT }: ResourceLimits) {
  if (typeof concurrency === 'object') return { ...concurrency, start: concurrency.floor }
  return { floor: 1, ceiling: concurrency, start: concurrency }
}

/** A window that is there already keeps what was drawn. */
function windowOf(limit: number | undefined, windowMs: number, known: readonly RateWindow[]): RateWindow[] {
  if (limit === undefined) return []
  const window = known.find((each) => each.windowMs === windowMs) ?? new RateWindow(limit, windowMs)
  window.limit = limit
  return [window]
}
