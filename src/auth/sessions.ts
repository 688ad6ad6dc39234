import { createHmac } from 'node:crypto'
import type { Clock } from '../time/clock.ts'
import type { Caller } from './caller.ts'
import { Seal } from './seal.ts'
import { computeDigest } from './token.ts'
import type { TokenStore } from './token-store.ts'

/** A session ends this long after its login. */
export const SESSION_SECONDS = 12 * 3600
/** What a session names of its token: too little to find it by, enough to tell it from others of the same caller. */
const DIGEST_CHARS = 16

export interface SessionsOptions {
  readonly callers: TokenStore
  readonly clock: Pick<Clock, 'now'>
}

/**
 * Sessions of browsers, which log in once with a token. A session names its caller and its token and is sealed, so that
 * none is kept here; it ends with the token, or after {@link SESSION_SECONDS}.
 */
export class Sessions {
  readonly #seal: Seal
  readonly #options: SessionsOptions

  /** @param secret the secret of the tickets; sessions have a key of their own that is made of it */
  constructor(secret: string, options: SessionsOptions) {
    const key = createHmac('sha256', Buffer.from(secret, 'base64url')).update('session').digest()
    this.#seal = new Seal(key)
    this.#options = options
  }

  /** A session for the bearer of a token; undefined when the token is not valid. */
  issue(token: string): string | undefined {
    const { callers, clock } = this.#options
    const caller = callers.authenticate(token)
    if (caller === undefined) return undefined
    const digest = computeDigest(token).toString('hex').slice(0, DIGEST_CHARS)
    return this.#seal.seal([caller.name, digest, clock.now()])
  }

  /** The caller of a session; undefined when it is not one of ours, has ended, or its token is no longer valid. */
  read(text: string): Caller | undefined {
    const { callers, clock } = this.#options
    // What carries our seal is ours.
    const claims = this.#seal.open(text) as readonly [string, string, number] | undefined
    if (claims === undefined) return undefined
    const [name, digest, issuedAt] = claims
    return clock.now() - issuedAt < SESSION_SECONDS * 1000 ? callers.withDigest(name, digest) : undefined
  }
}
