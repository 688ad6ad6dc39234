import { HeadgateError } from '../../task/errors.ts'
import { isLoopback } from './origin.ts'

/**
 * Refuses to listen where other machines reach a server that asks nobody for a token.
 *
 * @param hasTokens whether a token is asked for
 * @throws HeadgateError `invalid-setting`
 */
export function refuseOpenServer(host: string, hasTokens: boolean): void {
  if (hasTokens || isLoopback(host)) return
  const why = 'without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new'
  throw new HeadgateError('invalid-setting', `HOST="${host}": ${why} NAME.`)
}
