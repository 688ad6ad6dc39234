import { timingSafeEqual } from 'node:crypto'
import { statSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'
import { LOCAL_CALLER, type Caller } from './caller.ts'
import { readTokenFile, requiresTokens } from './token-file.ts'
import { computeDigest, type TokenRecord } from './token.ts'

export interface CallersOptions {
  /** The tokens file; it is read again when it changes. */
  readonly file: string
  /** Tokens that the settings name. */
  readonly fixed: readonly TokenRecord[]
  readonly clock: Clock
  readonly log: Logger
}

interface Known extends TokenRecord {
  readonly digest: Buffer
}

/** A new or revoked token is noticed after this long at the latest. */
const LOOK_EVERY_MS = 1000

/** Who may call: the bearers of tokens, or, as long as there are none, everybody on this machine. */
export class TokenStore {
  readonly #options: CallersOptions
  #known: readonly Known[] = []
  #hasTokens = false
  #stamp = ''
  #lookedAt = -Infinity

  /** @throws HeadgateError `invalid-setting` for a tokens file that is not what it should be. */
  constructor(options: CallersOptions) {
    this.#options = options
    this.#stamp = createStamp(options.file)
    this.#take(readTokenFile(options.file))
    this.#lookedAt = options.clock.monotonic()
  }

  /** Whether no authentication is needed. A tokens file, even an empty one, ends that for good. */
  get isOpen(): boolean {
    this.#look()
    return !this.#hasTokens
  }

  /** The caller of a token; undefined for one that is unknown, revoked or expired. */
  authenticate(token: string): Caller | undefined {
    this.#look()
    const digest = computeDigest(token)
    // Every record is compared, so that the time reveals nothing about similar ones.
    let found: Known | undefined
    for (const known of this.#known) if (timingSafeEqual(known.digest, digest)) found = known
    return found !== undefined && this.#isValid(found) ? found : undefined
  }

  /** The caller of a name, as long as any of its tokens is valid. */
  named(name: string): Caller | undefined {
    if (this.isOpen) return name === LOCAL_CALLER.name ? LOCAL_CALLER : undefined
    return this.#known.find((known) => known.name === name && this.#isValid(known))
  }

  /** The caller of the token whose digest begins so, hex; undefined when it is unknown, revoked or expired. */
  withDigest(name: string, start: string): Caller | undefined {
    this.#look()
    return this.#known.find(
      (known) => known.name === name && known.sha256.startsWith(start) && this.#isValid(known),
    )
  }

  #isValid({ expiresAt }: Known): boolean {
    return expiresAt === null || expiresAt > this.#options.clock.now()
  }

  #look(): void {
    const { clock, file, log } = this.#options
    const now = clock.monotonic()
    if (now - this.#lookedAt < LOOK_EVERY_MS) return
    this.#lookedAt = now
    const stamp = createStamp(file)
    if (stamp === this.#stamp) return
    this.#stamp = stamp
    try {
      this.#take(readTokenFile(file))
      log.info({ tokens: this.#known.length }, 'tokens reloaded')
    } catch (error) {
      log.error({ err: error }, 'tokens file not read: the tokens stay unchanged')
    }
  }

  #take(records: readonly TokenRecord[] | undefined): void {
    const { fixed } = this.#options
    this.#hasTokens ||= requiresTokens(records, fixed)
    this.#known = [...fixed, ...(records ?? [])].map((record) => ({
      ...record,
      digest: Buffer.from(record.sha256, 'hex'),
    }))
  }
}

/** Changes whenever the file does. */
function createStamp(file: string): string {
  const stat = statSync(file, { throwIfNoEntry: false })
  return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`
}
