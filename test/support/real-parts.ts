import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Programs of the system that some tests run for real, and the Debian package of each. */
const PROGRAMS = {
  chromium: 'chromium',
  nginx: 'nginx',
  openssl: 'openssl',
  pgbouncer: 'pgbouncer',
} as const
export type RealPart = keyof typeof PROGRAMS

/** Debian keeps servers where a user's PATH does not look. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

/**
 * The path of a program of the system; undefined where it is not installed, so that the tests with it are skipped.
 * With `REQUIRE_REAL_PARTS=1`, as CI sets it, that is an error instead.
 */
export function realPart(name: RealPart): string | undefined {
  const path = FOLDERS.map((folder) => join(folder, name)).find(isExecutable)
  if (path !== undefined) return path
  const hint = `${name} is not installed (Debian: apt-get install ${PROGRAMS[name]})`
  if (process.env['REQUIRE_REAL_PARTS'] === '1')
    throw new Error(`${hint}, and REQUIRE_REAL_PARTS asks for it`)
  console.warn(`${hint}: the tests with it are skipped.`)
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
