import { totalmem } from 'node:os'
import type { Logger } from 'pino'
import { DOWNLOAD } from '../analysis/report-task.ts'
import type { Settings } from '../config/settings.ts'
import type { TaskType } from '../handler/define-task.ts'
import type { Registry } from '../handler/registry.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import { Pressure } from '../resource/pressure.ts'
import { Resources, type ResourcesOptions } from '../resource/resources.ts'
import { systemClock, type Clock } from '../task/clock.ts'
import { HeadgateError } from '../task/errors.ts'
import type { ResourceLimits } from '../task/draw/limits.ts'
import type { ComposeOptions } from './options.ts'

/** Share of the granted memory at which nothing new starts, where no setting says otherwise. */
const MEMORY_SHARE = 0.8

type Hears = Pick<ResourcesOptions, 'wake' | 'opened'>

/** The resources of the settings and of the task types; the settings' word counts where both name one. */
export function createResources(options: ComposeOptions, registry: Registry, hears: Hears): Resources {
  const { settings, log, clock = systemClock, random = Math.random } = options
  const limits = new Map<string, ResourceLimits>([[DOWNLOAD, { isOneProvider: false }]])
  for (const type of registry.all) for (const [name, own] of resourcesOf(type)) limits.set(name, own)
  for (const [name, own] of settings.resources) limits.set(name, own)
  for (const name of settings.resourceKeys.keys()) {
    if (!limits.has(name)) {
      throw new HeadgateError('invalid-setting', `RESOURCE_KEYS: no resource is named "${name}".`)
    }
  }
  return new Resources({ limits, keys: settings.resourceKeys, clock, random, log, ...hears })
}

function resourcesOf({ resources = {} }: TaskType) {
  return Object.entries(resources)
}

/** While memory or the event loop is short, nothing new starts. */
export function createPressure(
  settings: Settings,
  pool: WorkerPool,
  { clock, log }: { clock: Clock; log: Logger },
) {
  const granted = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  return new Pressure({
    maxMemoryBytes: settings.maxMemoryBytes ?? granted * MEMORY_SHARE,
    maxLoopDelayMs: settings.maxLoopDelayMs,
    clock,
    memoryBytes: () => process.memoryUsage.rss(),
    changed: (shortage, isShort) => {
      log.warn({ shortage, isShort }, isShort ? 'no new task starts: a shortage' : 'a shortage is over')
      if (isShort) pool.pause(shortage)
      else pool.resume(shortage)
    },
  })
}
