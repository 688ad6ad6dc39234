import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { HeadgateError } from '../task/errors.ts'
import { SETTINGS, type Settings } from './settings.ts'

/**
 * Adds the variables of `.env` in the working folder to the environment; existing ones stay.
 *
 * @throws HeadgateError `invalid-setting` when the file cannot be read, or is in UTF-16, as some editors save it.
 */
export function readEnvFile(file = '.env', env: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries(parseEnv(readText(file)))) env[name] ??= value
}

/** The text of a file, empty where there is none, without the byte order mark with which some editors begin it. */
function readText(file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    // A folder of this name is often an environment of Python.
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw new HeadgateError('invalid-setting', `${file}: ${(error as Error).message}`, { cause: error })
  }
  if (bytes.includes(0)) throw new HeadgateError('invalid-setting', `${file}: save it as a text in UTF-8.`)
  return bytes.toString().replace(/^\u{feff}/u, '')
}

/** Puts what was given on the command line before the environment. */
export function overrideEnvironment(given: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(given)) if (value !== undefined) process.env[name] = value
}

/**
 * Reads every setting from the environment; an unset or empty variable takes the default.
 *
 * @throws HeadgateError `invalid-setting` with one line that names the setting, its value and its bounds.
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const entries = Object.entries(SETTINGS).map(([key, row]) => {
    const value = env[row.env] === undefined || env[row.env] === '' ? row.default : env[row.env]
    const parsed = row.schema.safeParse(value)
    if (parsed.success) return [key, parsed.data]
    const shown = 'isSecret' in row ? '…' : value
    const why = parsed.error.issues.map((issue) => issue.message).join('; ')
    throw new HeadgateError('invalid-setting', `${row.env}="${shown}": ${why}.`)
  })
  return Object.fromEntries(entries) as Settings
}

/** A variable that looks like a setting and is none. */
export interface UnknownSetting {
  readonly name: string
  /** The setting that was probably meant. */
  readonly meant: string
}

const PREFIX = 'HEADGATE_'
/** Shorter names are too near to others. */
const MIN_CHARS = 8
const MAX_EDITS = 2

/** Variables of the environment that are probably misspelt settings. */
export function findMisspelt(env: NodeJS.ProcessEnv = process.env): readonly UnknownSetting[] {
  const known = Object.values(SETTINGS).map((row): string => row.env)
  return Object.keys(env).flatMap((name) => {
    if (known.includes(name)) return []
    const plain = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name
    const near = known.find((each) => each === plain || (plain.length >= MIN_CHARS && isNear(plain, each)))
    return near === undefined ? [] : [{ name, meant: near }]
  })
}

/** Whether a few letters more, less or others make one text of another (Levenshtein). */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > MAX_EDITS) return false
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return (row[b.length] ?? Infinity) <= MAX_EDITS
}

/** Where the tokens of callers are kept. */
export function resolveTokensFile({ tokensFile, dataDir }: Pick<Settings, 'tokensFile' | 'dataDir'>): string {
  return tokensFile === '' ? join(dataDir, 'tokens.json') : tokensFile
}

/** Variables that a service manager such as systemd sets for the process. */
export interface ServiceManager {
  /** Where it listens for our word; absent when there is none. */
  readonly notifySocket: string | undefined
  /** It wants a sign of life at least this often; null: it does not. */
  readonly watchdogMs: number | null
}

export function readServiceManager(env: NodeJS.ProcessEnv = process.env): ServiceManager {
  const micros = Number(env['WATCHDOG_USEC'] ?? NaN)
  return { notifySocket: env['NOTIFY_SOCKET'], watchdogMs: micros > 0 ? micros / 1000 : null }
}
