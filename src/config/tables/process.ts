import { z } from 'zod'
import { whole } from '../bounds.ts'
import type { Row } from '../row.ts'

/** The process itself. */
export const PROCESS_SETTINGS = {
  watchdogMs: {
    env: 'WATCHDOG_SECONDS',
    default: '3',
    unit: 'seconds',
    meaning:
      'A process whose event loop is blocked while its thread uses this much processor time is killed, so that it can be restarted. 0: never. 0 to 3600.',
    schema: whole(0, 3600).transform((value) => value * 1000),
  },
  watchdogWallMs: {
    env: 'WATCHDOG_WALL_SECONDS',
    default: '15',
    unit: 'seconds',
    meaning:
      'The same by the clock, for an event loop that waits without using the processor. 0: never. 0 to 3600.',
    schema: whole(0, 3600).transform((value) => value * 1000),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    default: 'info',
    unit: 'name',
    meaning: 'Least level that is logged: trace, debug, info, warn, error, fatal or silent.',
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  },
  logFormat: {
    env: 'LOG_FORMAT',
    default: 'json',
    unit: 'name',
    meaning: 'json: one object a line; pretty: for eyes.',
    schema: z.enum(['json', 'pretty']),
  },
} as const satisfies Record<string, Row>
