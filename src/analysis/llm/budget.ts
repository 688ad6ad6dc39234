import type { Clock } from '../../time/clock.ts'
import { TaskError } from '../../task/failure.ts'
import type { ReportUsage } from '../report.ts'
import type { Model } from './providers.ts'

/** Small texts by name that outlive the process. */
export interface Notes {
  loadNote(name: string): Promise<string | undefined>
  saveNote(name: string, text: string): Promise<void>
}

/** What one call, or several, took. */
export interface Usage {
  readonly calls: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface SpendingOptions {
  /** Infinity: no limit. */
  readonly maxDayTokens: number
  readonly maxDayUsd: number
  readonly clock: Clock
}

interface Day {
  /** `2026-01-31`, UTC. */
  readonly date: string
  readonly tokens: number
  readonly usd: number
}

export interface ModelTotals extends Usage {
  /** null while a call had no price. */
  readonly usd: number | null
}

export const NO_USAGE: Usage = { calls: 0, inputTokens: 0, outputTokens: 0 }
const NOTE = 'model-spending'
const WAIT = ['Raise MODEL_DAY_TOKENS or MODEL_DAY_USD, or wait until midnight (UTC).']
const MILLION = 1_000_000

/** What models have used: of the day, against its budget, and since the start, for the metrics. */
export class Spending {
  readonly #options: SpendingOptions
  readonly #totals = new Map<string, ModelTotals>()
  #notes: Notes | null = null
  #day: Day = { date: '', tokens: 0, usd: 0 }

  constructor(options: SpendingOptions) {
    this.#options = options
  }

  /** Remembers what this day has used before. */
  async start(notes: Notes): Promise<void> {
    this.#notes = notes
    const saved = await notes.loadNote(NOTE)
    const before = saved === undefined ? null : (JSON.parse(saved) as Day)
    if (before?.date === this.#today()) {
      this.#day = { ...before, tokens: before.tokens + this.#day.tokens, usd: before.usd + this.#day.usd }
    }
  }

  /** Since the start, by `provider:model`. */
  get totals(): ReadonlyMap<string, ModelTotals> {
    return this.#totals
  }

  /** @throws TaskError `provider_quota_exhausted` until midnight when the day's budget is used up. */
  assertOpen(): void {
    const { maxDayTokens, maxDayUsd, clock } = this.#options
    const { tokens, usd } = this.#ofToday()
    const passed =
      tokens >= maxDayTokens ? `${maxDayTokens} tokens` : usd >= maxDayUsd ? `${maxDayUsd} USD` : null
    if (passed === null) return
    const now = clock.now()
    const midnight = new Date(now).setUTCHours(24, 0, 0, 0)
    throw new TaskError('provider_quota_exhausted', `The day's budget for models, ${passed}, is used up.`, {
      retryAfterSeconds: Math.ceil((midnight - now) / 1000),
      suggestions: WAIT,
    })
  }

  async record(model: Model, usage: Usage): Promise<void> {
    const cost = computeCost(model, usage)
    const before = this.#totals.get(model.id) ?? { ...NO_USAGE, usd: 0 }
    const usd = cost === null || before.usd === null ? null : before.usd + cost
    this.#totals.set(model.id, { ...addUp(before, usage), usd })
    const day = this.#ofToday()
    const tokens = day.tokens + usage.inputTokens + usage.outputTokens
    this.#day = { ...day, tokens, usd: day.usd + (cost ?? 0) }
    await this.#notes?.saveNote(NOTE, JSON.stringify(this.#day))
  }

  #ofToday(): Day {
    const date = this.#today()
    if (this.#day.date !== date) this.#day = { date, tokens: 0, usd: 0 }
    return this.#day
  }

  #today(): string {
    return new Date(this.#options.clock.now()).toISOString().slice(0, 10)
  }
}

export function addUp(a: Usage, b: Usage): Usage {
  return {
    calls: a.calls + b.calls,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
  }
}

/** USD; null without a price. */
function computeCost({ price }: Model, { inputTokens, outputTokens }: Usage): number | null {
  return price === null ? null : (inputTokens * price.input + outputTokens * price.output) / MILLION
}

/** As it appears in the report. */
export function reportUsage(model: Model, usage: Usage): ReportUsage {
  const cost = computeCost(model, usage)
  return {
    calls: usage.calls,
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cost_usd: cost === null ? null : Math.round(cost * MILLION) / MILLION,
  }
}
