import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { parsePriority } from '../task/priority.ts'
import { ROLES, type Caller } from './caller.ts'

const TOKEN_BYTES = 32
/** Identifies a token for people, and for programs that scan for secrets. */
const TOKEN_MARK = 'hg_'

/** What is stored of a token: its caller and its digest, never the token. */
export interface TokenRecord extends Caller {
  /** SHA-256 of the token, hex. */
  readonly sha256: string
  /** Epoch ms; null where it is not known. */
  readonly createdAt: number | null
  /** Epoch ms; null: it does not expire. */
  readonly expiresAt: number | null
}

export const callerName = z
  .string()
  .regex(/^[A-Za-z0-9][\w.@-]{0,63}$/, 'expected up to 64 letters, digits, and . _ - @')

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in lower-case hex')
const instant = z.iso.datetime().transform((text) => Date.parse(text))
const role = z.enum(ROLES, `expected ${ROLES.join(' or ')}`)
export const maxPriority = z.unknown().transform((value, context) => {
  const parsed = parsePriority(value)
  if (parsed !== undefined) return parsed
  context.addIssue('expected LOW, NORMAL, HIGH or URGENT')
  return z.NEVER
})

/** A caller as a host application knows it. */
export const callerOfHost = z.object({
  name: z.string().min(1).max(200),
  role,
  maxPriority,
  weight: z.number().min(0.01).max(100).default(1),
})

/** Turns that a caller gets for one of another. */
export const weight = z.coerce
  .number('expected a number')
  .min(0.01, 'expected 0.01 to 100')
  .max(100, 'expected 0.01 to 100')

/** One entry of the tokens file. */
export const tokenEntry = z
  .strictObject({
    name: callerName,
    role,
    max_priority: maxPriority,
    weight: weight.optional(),
    sha256,
    created_at: instant,
    expires_at: instant.nullable(),
  })
  .transform((entry): TokenRecord => ({
    name: entry.name,
    role: entry.role,
    maxPriority: entry.max_priority,
    weight: entry.weight ?? 1,
    sha256: entry.sha256,
    createdAt: entry.created_at,
    expiresAt: entry.expires_at,
  }))

/** One item of the setting TOKENS: `name:sha256[:role[:priority[:weight]]]`. */
export const tokenSetting = z
  .string()
  .transform((item): unknown => item.split(':'))
  .pipe(z.tuple([callerName, sha256, role.default('caller'), maxPriority.default(3), weight.default(1)]))
  .transform(([name, digest, named, priority, turns]): TokenRecord => ({
    name,
    sha256: digest,
    role: named,
    maxPriority: priority,
    weight: turns,
    createdAt: null,
    expiresAt: null,
  }))

/** A new secret: 256 random bits. */
export function newToken(): string {
  return TOKEN_MARK + randomBytes(TOKEN_BYTES).toString('base64url')
}

/** What is compared and kept instead of the token. Tokens are random, so one round of SHA-256 is enough. */
export function computeDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
