import type { Context } from '../../handler/context/context.ts'
import { TaskError } from '../../task/failure.ts'
import { callModel, type Prompt, type Reply } from './call.ts'
import type { Model } from './providers.ts'
import { NO_USAGE, addUp, type Spending, type Usage } from './budget.ts'

export interface SessionOptions {
  readonly model: Model
  readonly ctx: Context
  readonly spending: Spending
  /** What the task may use in all; Infinity: no limit. */
  readonly maxTokens: number
  /** What the task has used before this session, of other models. */
  readonly before: Usage
  /** Calls at once. */
  readonly parallel: number
}

export type Ask = (prompt: Prompt, onText?: (text: string) => void) => Promise<Reply>

/** Share of the window that a reply may fill. */
const OUTPUT_SHARE = 0.35
const SPLIT = ['Raise MODEL_TASK_TOKENS, or submit a shorter document.']

/** The talk of one task with one model: every answer is kept under a name, and what it took is counted. */
export class ModelSession {
  readonly model: Model
  readonly ctx: Context
  readonly parallel: number
  readonly #options: SessionOptions
  #usage = NO_USAGE
  /** With what came to nothing: failed steps are paid for too. */
  #spent: Usage

  constructor(options: SessionOptions) {
    this.model = options.model
    this.ctx = options.ctx
    this.parallel = options.parallel
    this.#options = options
    this.#spent = options.before
  }

  /** Of what is kept of the task with this model, runs before this one included. */
  get usage(): Usage {
    return this.#usage
  }

  /** Of the task with all models, what came to nothing included. */
  get spent(): Usage {
    return this.#spent
  }

  /** The longest reply that is asked for: what is wanted, as far as the window has room for it. */
  outputTokens(wanted: number): number {
    return Math.min(wanted, Math.floor(this.model.windowTokens * OUTPUT_SHARE))
  }

  /** Does a piece of work with the model once: its result is kept, and a later run gets it back without a call. */
  async step<Value>(name: string, work: (ask: Ask) => Promise<Value>): Promise<Value> {
    let isKept = true
    const kept = await this.ctx.step(`${this.model.id} ${name}`, async () => {
      isKept = false
      let usage = NO_USAGE
      const ask: Ask = async (prompt, onText = () => undefined) => {
        this.#assertBudget()
        const reply = await callModel(this.model, prompt, { ctx: this.ctx, onText })
        usage = addUp(usage, reply.usage)
        this.#spent = addUp(this.#spent, reply.usage)
        await this.#options.spending.record(this.model, reply.usage)
        return reply
      }
      return { value: await work(ask), usage }
    })
    this.#usage = addUp(this.#usage, kept.usage)
    if (isKept) this.#spent = addUp(this.#spent, kept.usage)
    return kept.value
  }

  /** @throws TaskError `provider_quota_exhausted` when the budget of the task or of the day is used up. */
  #assertBudget(): void {
    const { spending, maxTokens } = this.#options
    spending.assertOpen()
    const { inputTokens, outputTokens } = this.#spent
    if (inputTokens + outputTokens < maxTokens) return
    const message = `The task's budget for models, ${maxTokens} tokens, is used up.`
    throw new TaskError('provider_quota_exhausted', message, { suggestions: SPLIT })
  }
}
