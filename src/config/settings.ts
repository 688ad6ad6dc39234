import type { z } from 'zod'
import { EDGE_SETTINGS } from './edge.ts'
import { MEMORY_SETTINGS } from './memory.ts'
import { PROCESS_SETTINGS } from './process.ts'
import { SOURCES_SETTINGS } from './sources.ts'
import { WORK_SETTINGS } from './work.ts'

/** Every setting there is. `.env.example` and `docs/configuration.md` are held to this table by a test. */
export const SETTINGS = {
  ...EDGE_SETTINGS,
  ...WORK_SETTINGS,
  ...MEMORY_SETTINGS,
  ...SOURCES_SETTINGS,
  ...PROCESS_SETTINGS,
} as const

export type Settings = { readonly [Key in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[Key]['schema']> }
