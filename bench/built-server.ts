import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
let program: string | null = null

/** Builds the server, once in a process: the program that an installed user starts. */
export function buildServer(): string {
  if (program !== null) return program
  execFileSync('npm', ['run', '-s', 'build'], { cwd: ROOT })
  const built = join(ROOT, 'dist', 'bin.js')
  if (!existsSync(built)) throw new Error(`${built} is missing`)
  return (program = built)
}
