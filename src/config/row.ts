import type { z } from 'zod'

/** One setting: its environment variable, default, and what it means, with its unit and bounds. */
export interface Row {
  readonly env: string
  readonly default: string
  readonly meaning: string
  readonly unit: string
  /** Its value is not repeated, not even in the line that refuses it. */
  readonly isSecret?: boolean
  readonly schema: z.ZodType
}
