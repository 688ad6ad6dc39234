import type { z } from 'zod'
import { CLUSTER_SETTINGS } from './tables/cluster.ts'
import { HTTP_SETTINGS } from './tables/http.ts'
import { MEMORY_SETTINGS } from './tables/memory.ts'
import { MODELS_SETTINGS } from './tables/models.ts'
import { PROCESS_SETTINGS } from './tables/process.ts'
import { SCHEDULING_SETTINGS } from './tables/scheduling.ts'
import { SOURCES_SETTINGS } from './tables/sources.ts'
import { WORK_SETTINGS } from './tables/work.ts'

/** Every setting there is. `.env.example` and `docs/configuration.md` are held to this table by a test. */
export const SETTINGS = {
  ...HTTP_SETTINGS,
  ...WORK_SETTINGS,
  ...SCHEDULING_SETTINGS,
  ...MEMORY_SETTINGS,
  ...SOURCES_SETTINGS,
  ...MODELS_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...PROCESS_SETTINGS,
} as const

export type Settings = { readonly [Key in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[Key]['schema']> }
