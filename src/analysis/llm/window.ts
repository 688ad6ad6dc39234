import { classify } from '../../handler/retry/classify.ts'
import { findReschedule } from '../../handler/retry/reschedule-error.ts'
import type { NumberedPassages } from '../write/model/manuscript.ts'
import type { ModelSession } from './session.ts'

/** Texts that fill less of the window than this fit, whatever the family of the model makes of them. */
const SURE_SHARE = 0.4

/**
 * Tokens that the model makes of one that was counted here: 1 for its own encoding; asked of its provider where that
 * decides whether a text fits, and can be asked; else a margin.
 */
export async function measureTokenFactor(
  session: ModelSession,
  { passages }: NumberedPassages,
): Promise<number> {
  const { model, ctx } = session
  const { tokenFactor, countTokens, windowTokens } = model
  const tokens = passages.reduce((sum, passage) => sum + passage.tokens, 0)
  if (countTokens === undefined || tokens * tokenFactor < windowTokens * SURE_SHARE) return tokenFactor
  const text = passages.map((passage) => passage.text).join('\n')
  return ctx.step(`${model.id} tokens`, async () => {
    try {
      const exact = await ctx.resource(model.provider, {}, ({ key }) => countTokens(text, key, ctx.signal))
      return exact / Math.max(1, tokens)
    } catch (error) {
      // What passes is waited for or tried again; the estimate will do for the rest.
      ctx.signal.throwIfAborted()
      const { kind } = classify(error, Date.now())
      const isTriedAgain = kind === 'retry' && ctx.attempt < ctx.maxAttempts
      if (findReschedule(error) !== null || kind === 'park' || isTriedAgain) throw error
      ctx.log('The tokens of the text could not be counted by the provider; they are estimated.', 'warn')
      return tokenFactor
    }
  })
}
