import { resolve } from 'node:path'
import { Callers } from '../caller/callers.ts'
import { tokensFileOf } from '../config/read.ts'
import { isLoopback } from '../http/gate/origin.ts'
import { StreamPlaces } from '../http/stream/places.ts'
import { HeadgateError } from '../task/errors.ts'
import type { AssembleOptions } from './options.ts'

/** Who may come in, and how many may stay. */
export function assembleDoor({ settings, log, prefix, clock }: AssembleOptions) {
  const isOwnServer = prefix === ''
  const { tokens, maxStreams: max, maxCallerStreams: maxPerCaller } = settings
  const callers = new Callers({ file: resolve(tokensFileOf(settings)), fixed: tokens, clock, log })
  // A guest does not listen; whom it serves is decided for each request.
  if (isOwnServer && callers.isOpen && !isLoopback(settings.host)) {
    const why =
      'without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new'
    throw new HeadgateError('invalid-setting', `HOST="${settings.host}": ${why} NAME.`)
  }
  return { callers, places: new StreamPlaces({ max, maxPerCaller }) }
}
