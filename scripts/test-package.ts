import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { DOCUMENT_PACKAGES, MODEL_PACKAGES } from '../src/package.ts'
import { samplePdf } from '../test/support/pdf.ts'

/**
 * Tries the package as a user gets it: packs it, installs the tarball into empty projects beside the lowest and the
 * newest fastify and zod that its peer ranges allow, compiles and runs the documented plugin, and reads a PDF.
 * It needs the npm registry. `npm run test:package`
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MB = 1024 * 1024
const MAX_QUEUE_MB = 42
const MAX_EVERYTHING_MB = 121
const PATIENCE_MS = 60_000
const PORT = 20_000 + (process.pid % 20_000)

const SENTENCES = [
  'A queue holds work until a worker is free to take it.',
  'Every worker takes the task that is first in the queue.',
]

const COMPILER = {
  strict: true,
  noEmit: true,
  target: 'esnext',
  module: 'nodenext',
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  types: ['node'],
}

const TASKS = `import { defineTask } from 'headgate'
import { z } from 'zod'
export default defineTask({ type: 'echo', input: z.object({ text: z.string() }), run: ({ text }) => text })`
/** It compiles only if the client knows input and result of the task by its definition. */
const TYPED_CLIENT = `import { createClient } from 'headgate/client'
import type echo from './tasks.ts'
const client = createClient<readonly [typeof echo]>({ url: '' })
export const said: Promise<string> = client.submit('echo', { text: 'typed' }).then((task) => task.result())
// @ts-expect-error -- a number is no text
export const wrong = () => client.submit('echo', { text: 1 })`
const DOCUMENTED = [
  ['docs/plugin.md', 'my-app.ts'],
  ['README.md', 'my-tasks.ts'],
  ['README.md', 'my-client.ts'],
] as const
const CLIENT = `import { createClient } from 'headgate/client'
const task = await createClient({ url: process.argv[2] }).submit('echo', { text: 'said again' })
console.log(await task.result())`

interface Manifest {
  readonly version: string
  readonly peerDependencies: Readonly<Record<string, string>>
}
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
const { peerDependencies: peers } = manifest
const pinned = (names: readonly string[]) => names.map((name) => `${name}@${peers[name]}`)

const work = mkdtempSync(join(tmpdir(), 'headgate-package-'))
try {
  const tarball = pack()
  await tryQueueAlone(tarball)
  for (const end of ['lowest', 'newest'] as const) await tryEverything(tarball, end)
  console.log('The package works as it is installed.')
} finally {
  rmSync(work, { recursive: true, force: true })
}

function pack(): string {
  const [packed] = JSON.parse(npm(ROOT, 'pack', '--json', '--silent', '--pack-destination', work)) as [
    { filename: string; size: number; unpackedSize: number; entryCount: number },
  ]
  const { filename, size, unpackedSize, entryCount } = packed
  console.log(`${filename}: ${inMb(size)} packed, ${inMb(unpackedSize)} unpacked, ${entryCount} files`)
  return join(work, filename)
}

/** The queue without the packages of the built-in tasks. */
async function tryQueueAlone(tarball: string): Promise<void> {
  const folder = install('queue', [tarball, hosted('fastify', 'newest'), hosted('zod', 'newest')])
  checkSize('the queue alone', folder, MAX_QUEUE_MB)
  checkCommand(folder)
  await withProgram(folder, ['my-app.ts'], '/headgate', async (url) => {
    await expectTask(url, '/shout', JSON.stringify({ text: 'quiet' }), '"QUIET"')
    const refused = await fetch(`${url}/summarize`, { method: 'POST' })
    const { detail } = (await refused.json()) as { detail: string }
    expect(
      refused.status === 501 && detail.includes('npm install '),
      `a built-in task names what it lacks: ${detail}`,
    )
  })
}

/** The plugin with its built-in tasks, beside one end of the ranges of fastify and zod. */
async function tryEverything(tarball: string, end: 'lowest' | 'newest'): Promise<void> {
  const host = [hosted('fastify', end), hosted('zod', end)]
  // The packages for models ask for zod 4.1.8 themselves.
  const optional = end === 'lowest' ? DOCUMENT_PACKAGES : [...DOCUMENT_PACKAGES, ...MODEL_PACKAGES]
  const folder = install(end, [tarball, ...host, ...pinned(optional)])
  if (end === 'newest') checkSize('everything', folder, MAX_EVERYTHING_MB)
  checkScripts(folder)
  npm(folder, 'install', '--no-save', '--silent', '@types/node@24')
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER, files: ['my-app.ts', 'client.ts', 'my-client.ts'] }),
  )
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
    stdio: 'inherit',
  })
  await withProgram(folder, ['my-app.ts'], '/headgate', async (url) => {
    await expectTask(url, '/shout', JSON.stringify({ text: 'quiet' }), '"QUIET"')
    const form = new FormData()
    form.append('file', new Blob([samplePdf(SENTENCES)]), 'paper.pdf')
    await expectTask(url, '/analyze-pdf', form, 'A queue holds work')
  })
  await tryServe(folder)
  console.log(`${host.join(', ')}: the documented plugin compiles and runs, and reads a PDF`)
}

function install(name: string, packages: readonly string[]): string {
  const folder = join(work, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  npm(folder, 'install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', ...packages)
  for (const [document, file] of DOCUMENTED) writeFileSync(join(folder, file), readExample(document, file))
  writeFileSync(join(folder, 'tasks.ts'), TASKS)
  writeFileSync(join(folder, 'client.ts'), TYPED_CLIENT)
  writeFileSync(join(folder, 'client.mjs'), CLIENT)
  return folder
}

function readExample(document: string, file: string): string {
  const text = readFileSync(join(ROOT, document), 'utf8')
  return new RegExp(`\`\`\`ts file=${file.replace('.', '\\.')}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1] ?? ''
}

/** One end of a peer range: its lowest version, or the newest that is published. */
function hosted(name: string, end: 'lowest' | 'newest'): string {
  const range = peers[name] ?? ''
  return `${name}@${end === 'lowest' ? range.replace('^', '') : range}`
}

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function checkSize(what: string, folder: string, maxMb: number): void {
  const bytes = globSync('node_modules/**/*', { cwd: folder })
    .map((path) => statSync(join(folder, path)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
  console.log(`${what}: ${inMb(bytes)} installed (at most ${maxMb} MB)`)
  expect(bytes <= maxMb * MB, `${what} takes at most ${maxMb} MB`)
}

/** Nothing that is installed runs code while it is installed. */
function checkScripts(folder: string): void {
  const found = globSync('node_modules/**/package.json', { cwd: folder }).filter((path) => {
    const { scripts = {} } = JSON.parse(readFileSync(join(folder, path), 'utf8')) as { scripts?: object }
    // Packages inside of packages, such as fixtures, are not installed.
    if (!/node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path)) return false
    const hasGyp = existsSync(join(folder, path, '../binding.gyp'))
    return hasGyp || ['preinstall', 'install', 'postinstall'].some((name) => name in scripts)
  })
  expect(found.length === 0, `no install script: ${found.join(', ') || 'none'}`)
}

function checkCommand(folder: string): void {
  const bin = join(folder, 'node_modules/.bin/headgate')
  const version = execFileSync(process.execPath, [bin, '--version'], { encoding: 'utf8' }).trim()
  expect(version === manifest.version, `npx headgate --version prints ${version}`)
  // An older Node.js, where the machine has one.
  const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'))
  const old = spawnSync('node', [bin, '--version'], { encoding: 'utf8', env: { PATH: path.join(':') } })
  if (old.status === 0) return
  expect(
    /^headgate needs Node\.js 24 or newer; this is v\d+\.\d+\.\d+\.\n$/.test(old.stderr),
    `an older Node.js gets one line: ${old.stderr}`,
  )
}

/** What a program prints on the Node.js of the system, which may be older than that of the server. */
function systemNode(folder: string, ...args: string[]): string {
  const path = (process.env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'))
  return execFileSync('node', args, { cwd: folder, encoding: 'utf8', env: { PATH: path.join(':') } }).trim()
}

/** `headgate serve`, with a task type of its user's. */
async function tryServe(folder: string): Promise<void> {
  const args = ['serve', '--port', `${PORT}`, '--data-dir', 'served', '--tasks', 'tasks.ts']
  await withProgram(folder, ['node_modules/.bin/headgate', ...args], '', async (url) => {
    await expectTask(url, '/echo', JSON.stringify({ text: 'again' }), '"again"')
    const said = systemNode(folder, 'client.mjs', url)
    expect(said === 'said again', `the client, on the Node.js of the system, gives ${said}`)
    for (const path of ['/ui/', '/docs', '/docs/swagger-ui-bundle.js', '/openapi.json']) {
      expect((await fetch(url + path)).ok, `${path} is served`)
    }
  })
}

async function withProgram(
  folder: string,
  args: readonly string[],
  prefix: string,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const env = { ...process.env, PORT: `${PORT}`, LOG_LEVEL: 'warn' }
  const app = spawn(process.execPath, ['--no-warnings', ...args], { cwd: folder, env, stdio: 'inherit' })
  const url = `http://127.0.0.1:${PORT}${prefix}`
  try {
    await until('the program is ready', async () => (await fetch(`${url}/health/ready`)).ok)
    await work(url)
  } finally {
    app.kill('SIGKILL')
    await once(app, 'exit')
  }
}

async function expectTask(url: string, path: string, body: string | FormData, wanted: string): Promise<void> {
  const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
  const submitted = await fetch(url + path, { method: 'POST', headers, body })
  expect(submitted.status === 202, `${path} is accepted: ${submitted.status}`)
  const { urls } = (await submitted.json()) as { urls: { result: string } }
  const { origin } = new URL(url)
  let result = ''
  await until(`${path} completes`, async () => {
    const response = await fetch(origin + urls.result)
    result = await response.text()
    return response.ok
  })
  expect(result.includes(wanted), `${path} gives ${wanted}: ${result.slice(0, 200)}`)
}

async function until(what: string, isReached: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await isReached().catch(() => false))) {
    expect(performance.now() - startedAt < PATIENCE_MS, `${what} within ${PATIENCE_MS / 1000} s`)
    await sleep(100)
  }
}

function expect(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`expected: ${what}`)
}

function inMb(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`
}
