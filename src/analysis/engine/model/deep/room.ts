import type { ModelSession } from '../session.ts'
import { tokensOf, type Material } from './condense.ts'

/** Share of the window that a reply may fill. */
const OUTPUT_SHARE = 0.35

/** The longest reply that is asked for: what is wanted, as far as the window has room for it. */
export function outputTokens({ model }: ModelSession, wanted: number): number {
  return Math.min(wanted, Math.floor(model.windowTokens * OUTPUT_SHARE))
}

/** What the text, or the notes on it, take of the model's window. */
export function tokensOfMaterial({ passages, notes, factor }: Material): number {
  return (notes?.tokens ?? tokensOf(passages)) * factor
}
