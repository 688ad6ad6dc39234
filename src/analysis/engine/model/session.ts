import type { Context } from '../../../handler/context/context.ts'
import { TaskError } from '../../../task/failure.ts'
import { callModel, type Prompt, type Reply } from './call.ts'
import type { Model } from './models.ts'
import { NO_USAGE, sumOf, type Spending, type Usage } from './spending.ts'

export interface SessionOptions {
  readonly model: Model
  readonly ctx: Context
  readonly spending: Spending
  /** What the task may use in all; Infinity: no limit. */
  readonly maxTokens: number
  /** Calls at once. */
  readonly parallel: number
}

export type Ask = (prompt: Prompt, told?: (text: string) => void) => Promise<Reply>

const SPLIT = ['Raise MODEL_TASK_TOKENS, or submit a shorter document.']

/** The talk of one task with one model: every answer is kept under a name, and what it took is counted. */
export class ModelSession {
  readonly model: Model
  readonly ctx: Context
  readonly parallel: number
  readonly #options: SessionOptions
  #usage = NO_USAGE

  constructor(options: SessionOptions) {
    this.model = options.model
    this.ctx = options.ctx
    this.parallel = options.parallel
    this.#options = options
  }

  /** Of the task, runs before this one included. */
  get usage(): Usage {
    return this.#usage
  }

  /** Does a piece of work with the model once: its result is kept, and a later run gets it back without a call. */
  async step<Value>(name: string, work: (ask: Ask) => Promise<Value>): Promise<Value> {
    const kept = await this.ctx.step(`${this.model.id} ${name}`, async () => {
      let usage = NO_USAGE
      const ask: Ask = async (prompt, told = () => undefined) => {
        this.#assertBudget(sumOf(this.#usage, usage))
        const reply = await callModel(this.model, prompt, { ctx: this.ctx, told })
        usage = sumOf(usage, reply.usage)
        await this.#options.spending.record(this.model, reply.usage)
        return reply
      }
      return { value: await work(ask), usage }
    })
    this.#usage = sumOf(this.#usage, kept.usage)
    return kept.value
  }

  /** @throws TaskError `provider_quota_exhausted` when the budget of the task or of the day is used up. */
  #assertBudget({ inputTokens, outputTokens }: Usage): void {
    this.#options.spending.assertOpen()
    const { maxTokens } = this.#options
    if (inputTokens + outputTokens < maxTokens) return
    const message = `The task's budget for models, ${maxTokens} tokens, is used up.`
    throw new TaskError('provider_quota_exhausted', message, { suggestions: SPLIT })
  }
}
