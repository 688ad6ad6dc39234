import { Command, InvalidArgumentError, Option } from 'commander'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { ROLES, type Role } from '../auth/caller.ts'
import { changeTokenFile, readTokenFile } from '../auth/token-file.ts'
import { callerName, computeDigest, maxPriority, newToken, weight, type TokenRecord } from '../auth/token.ts'
import { readSettings, resolveTokensFile } from '../config/read.ts'
import { priorityName, PRIORITY_NAMES, type Priority } from '../task/priority.ts'
import { formatTable } from './text-table.ts'

/** Digits of a digest that distinguish the tokens of one name. */
const DIGEST_DIGITS = 12

interface Where {
  readonly file?: string
}

interface NewOptions extends Where {
  readonly role: Role
  readonly priority: Priority
  readonly weight: number
  readonly expires?: number
}

/** `headgate token new|list|revoke`: who may call. The server notices within a second. */
export function tokenCommand(): Command {
  const file = new Option('--file <path>', 'the tokens file; default: TOKENS_FILE')
  const token = new Command('token').description('Make, list and revoke the tokens of callers.')
  token
    .command('new')
    .description('Make a token. It is shown once, and only its digest is kept.')
    .argument('<name>', 'the caller, under whose name its tasks are kept', parsedBy(callerName))
    .addOption(
      new Option('--role <role>', 'an operator sees and ends the tasks of all')
        .choices(ROLES)
        .default('caller'),
    )
    .addOption(
      new Option('--priority <level>', `the highest it may ask for: ${PRIORITY_NAMES.join(', ')}`)
        .argParser(parsedBy(maxPriority))
        .default(3, 'URGENT'),
    )
    .addOption(weightOption())
    .addOption(new Option('--expires <days>', 'days until it expires; default: never').argParser(days))
    .addOption(file)
    .action((name: string, options: NewOptions) => makeToken(name, options))
  token
    .command('list')
    .description('List the tokens: whom they stand for, and the beginning of their digests.')
    .addOption(file)
    .action((options: Where) => listTokens(options))
  token
    .command('revoke')
    .description('Revoke the tokens of a caller, or the one whose digest begins so.')
    .argument('<name>', 'the caller')
    .addOption(
      new Option('--digest <digits>', 'only the token whose digest begins with these digits').argParser(
        digits,
      ),
    )
    .addOption(file)
    .action((name: string, options: Where & { digest?: string }) => revokeTokens(name, options))
  return token
}

function weightOption(): Option {
  return new Option('--weight <number>', 'turns for one of another, with FAIR_CALLERS: 0.01 to 100')
    .argParser(parsedBy(weight))
    .default(1)
}

function makeToken(name: string, options: NewOptions): void {
  const token = newToken()
  const now = Date.now()
  const record: TokenRecord = {
    name,
    role: options.role,
    maxPriority: options.priority,
    weight: options.weight,
    sha256: computeDigest(token).toString('hex'),
    createdAt: now,
    expiresAt: options.expires === undefined ? null : now + options.expires,
  }
  const path = resolveFile(options)
  changeTokenFile(path, (records) => [...records, record])
  console.log(token)
  console.error(
    `Kept in ${path}. It is not shown again. Use it as: Authorization: Bearer ${token.slice(0, 6)}…`,
  )
}

function listTokens(options: Where): void {
  const path = resolveFile(options)
  const records = readTokenFile(path) ?? []
  if (records.length === 0) return console.error(`There are no tokens in ${path}.`)
  const head = ['NAME', 'ROLE', 'PRIORITY', 'CREATED', 'EXPIRES', 'DIGEST']
  const rows = records.map((record) => [
    record.name,
    record.role,
    priorityName(record.maxPriority),
    day(record.createdAt),
    `${day(record.expiresAt)}${(record.expiresAt ?? Infinity) <= Date.now() ? ' (over)' : ''}`,
    record.sha256.slice(0, DIGEST_DIGITS),
  ])
  console.log(formatTable([head, ...rows]))
}

function revokeTokens(name: string, options: Where & { digest?: string }): void {
  const path = resolveFile(options)
  const { digest = '' } = options
  let count = 0
  changeTokenFile(path, (records) => {
    const kept = records.filter((record) => record.name !== name || !record.sha256.startsWith(digest))
    count = records.length - kept.length
    if (count === 0) throw new Error(`there is no such token of "${name}" in ${path}.`)
    // The file stays, even without tokens: a server that had callers is not opened by losing the last.
    return kept
  })
  console.error(`Revoked ${count} ${count === 1 ? 'token' : 'tokens'} of ${name}.`)
}

function resolveFile({ file }: Where): string {
  return resolve(file ?? resolveTokensFile(readSettings()))
}

function day(at: number | null): string {
  return at === null ? 'never' : new Date(at).toISOString().slice(0, 10)
}

const DAY_MS = 86_400_000
const MAX_DAYS = 36_500

function days(text: string): number {
  const count = Number(text.replace(/d$/, ''))
  if (Number.isInteger(count) && count >= 1 && count <= MAX_DAYS) return count * DAY_MS
  throw new InvalidArgumentError(`expected a whole number of days from 1 to ${MAX_DAYS}.`)
}

/** At least four, so that nothing is revoked by an empty word. */
function digits(text: string): string {
  if (/^[0-9a-f]{4,64}$/i.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError('expected 4 to 64 hex digits, as `headgate token list` shows them.')
}

/** An argument checked by a schema, in commander's words. */
function parsedBy<Value>(schema: z.ZodType<Value>): (text: string) => Value {
  return (text) => {
    const parsed = schema.safeParse(text)
    if (parsed.success) return parsed.data
    throw new InvalidArgumentError(`${parsed.error.issues[0]?.message}.`)
  }
}
