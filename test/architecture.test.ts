import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from './support/process.ts'

const SRC = join(ROOT, 'src')

interface Rule {
  /** Rooms whose values may be imported. */
  readonly uses: readonly string[]
  /** Rooms of which only types may be. */
  readonly types?: readonly string[]
  readonly libraries?: readonly string[]
}

/** Who may import whom (docs/architecture.md); files beside the rooms are rooms of their own. */
const RULES: Readonly<Record<string, Rule>> = {
  task: { uses: [] },
  pool: { uses: ['task'], libraries: ['p-queue', 'tinyqueue'] },
  forecast: { uses: ['task'] },
  feed: { uses: ['task'] },
  caller: { uses: ['task'] },
  resource: { uses: ['task'] },
  control: { uses: ['task', 'resource'], types: ['intake', 'journal', 'pool'] },
  assemble: { uses: ['*'] },
  fetch: { uses: ['task'], libraries: ['undici', 'ipaddr.js'] },
  spool: { uses: ['task'], libraries: ['file-type'] },
  handler: { uses: ['task'] },
  journal: { uses: ['task'] },
  retention: { uses: ['task'], types: ['journal', 'spool'] },
  webhook: { uses: ['task', 'fetch'], types: ['journal'] },
  analysis: {
    uses: ['handler', 'fetch', 'spool', 'task'],
    libraries: [
      'unpdf',
      '@mozilla/readability',
      'linkedom',
      'mammoth',
      'yauzl',
      'tinyld',
      'stopword',
      'stemmer',
      'ai',
      '@ai-sdk/google',
      '@ai-sdk/openai-compatible',
      'gpt-tokenizer',
      'jsonrepair',
      'markdown-it',
      'sanitize-html',
      'read-excel-file',
    ],
  },
  intake: {
    uses: ['task', 'handler', 'forecast'],
    types: ['pool', 'journal', 'feed', 'spool', 'resource'],
    libraries: ['uuid'],
  },
  http: {
    uses: ['task', 'caller', 'forecast', 'spool', 'webhook'],
    types: ['intake', 'journal', 'feed', 'pool', 'handler', 'resource', 'control'],
    libraries: [
      'fastify',
      '@fastify/cors',
      '@fastify/multipart',
      '@fastify/rate-limit',
      '@fastify/websocket',
      '@prometheus-io/client',
      'fastify-type-provider-zod',
      'zod-openapi',
    ],
  },
  config: { uses: ['task', 'caller', 'webhook', 'resource'] },
  watchdog: { uses: [] },
  cli: {
    uses: ['backup', 'caller', 'config', 'forecast', 'journal', 'package.ts', 'task'],
    libraries: ['commander'],
  },
  'compose.ts': { uses: ['*'], libraries: ['fastify'] },
  'lifecycle.ts': {
    uses: ['intake', 'spool', 'task'],
    types: [
      'analysis',
      'control',
      'feed',
      'fetch',
      'forecast',
      'http',
      'journal',
      'pool',
      'resource',
      'retention',
      'webhook',
    ],
  },
  backup: { uses: ['journal', 'package.ts', 'spool', 'task'] },
  process: { uses: [], libraries: ['pino-pretty'] },
  'package.ts': { uses: [] },
  'node-version.ts': { uses: [] },
  'bin.ts': { uses: [] },
  'milestone.ts': { uses: [] },
  'index.ts': {
    uses: ['compose.ts', 'config', 'handler', 'node-version.ts', 'task'],
    types: ['caller', 'http'],
    libraries: ['fastify'],
  },
  'main.ts': { uses: ['node-version.ts', 'process'] },
  'serve.ts': {
    uses: ['compose.ts', 'config', 'http', 'handler', 'process', 'task', 'watchdog'],
    libraries: ['fastify'],
  },
}
/** Libraries that may be used anywhere. */
const COMMON_LIBRARIES = new Set(['zod', 'pino', 'p-queue'])
/** A file that every room may name: it imports nothing of the project. */
const COMMON_FILE = 'milestone.ts'
/** A room may be deleted, and only these files break. */
const DELETABLE = ['analysis', 'cli']

interface Import {
  readonly from: string
  readonly target: string
  readonly isType: boolean
}

const files = listFiles(SRC)
const imports = files.flatMap(importsOf)

test.each(files)('%s imports only what its room may', (file) => {
  for (const { target, isType } of imports.filter(({ from }) => from === file)) {
    expect(complaintOf(file, target, isType), `${file} → ${target}`).toBeUndefined()
  }
})

test('every library is named in one room', () => {
  const rooms = Map.groupBy(
    imports.filter(({ target }) => isLibrary(target) && !COMMON_LIBRARIES.has(libraryOf(target))),
    ({ target }) => libraryOf(target),
  )
  for (const [library, uses] of rooms) {
    const inner = new Set(uses.map(({ from }) => roomOf(from)).filter((room) => !room.endsWith('.ts')))
    expect([...inner], library).toHaveLength(1)
  }
})

test('no import goes in a circle, types included', () => {
  const edges = Map.groupBy(
    imports.filter(({ target }) => !isLibrary(target)),
    ({ from }) => from,
  )
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, [...path, file].join(' → ')).not.toContain(file)
    if (done.has(file)) return
    for (const { target } of edges.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
})

test.each(DELETABLE)('without %s/ only compose.ts and index.ts would break', (room) => {
  const users = imports.filter(({ from, target }) => roomOf(from) !== room && roomOf(target) === room)
  for (const { from } of users)
    expect(['compose.ts', 'index.ts', 'lifecycle.ts', 'assemble']).toContain(roomOf(from))
})

test.each([...files, ...listFiles(join(ROOT, 'test')).map((file) => `../test/${file}`)])(
  '%s is short enough to hold one idea',
  (file) => {
    const lines = readFileSync(join(SRC, file), 'utf8').split('\n').length
    expect(lines).toBeLessThanOrEqual(file.startsWith('../test') ? 401 : 301)
  },
)

test('no folder has more than fifteen entries', () => {
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    if (folder !== '.') expect(readdirSync(join(SRC, folder)).length, folder).toBeLessThanOrEqual(15)
  }
})

test('the environment is read in config/, the console written in bin.ts, serve.ts and cli/, and nowhere else', () => {
  for (const file of files) {
    const text = readFileSync(join(SRC, file), 'utf8')
    if (roomOf(file) !== 'config') expect(text, file).not.toMatch(/process\.env\b/)
    if (!['bin.ts', 'serve.ts', 'cli'].includes(roomOf(file))) expect(text, file).not.toMatch(/\bconsole\./)
  }
})

test('the lock files name no host', () => {
  for (const lock of ['package-lock.json', 'bench/package-lock.json']) {
    expect(readFileSync(join(ROOT, lock), 'utf8'), lock).not.toMatch(
      /"resolved": "https?:\/\/(?!registry\.npmjs\.org\/)/,
    )
  }
})

test('every version is exact', () => {
  for (const file of ['package.json', 'bench/package.json']) {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(
      readFileSync(join(ROOT, file), 'utf8'),
    ) as Record<string, Record<string, string>>
    for (const version of Object.values({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/)
    }
  }
})

function complaintOf(file: string, target: string, isType: boolean): string | undefined {
  const room = roomOf(file)
  const rule = RULES[room]
  if (rule === undefined) return `no rule for ${room}`
  if (isLibrary(target)) {
    const library = libraryOf(target)
    const isKnown = COMMON_LIBRARIES.has(library) || rule.libraries?.includes(library) === true
    return isKnown ? undefined : `${room} may not use ${library}`
  }
  const other = roomOf(target)
  const isAllowed =
    other === room || other === COMMON_FILE || rule.uses.includes('*') || rule.uses.includes(other)
  if (isAllowed || (isType && rule.types?.includes(other) === true)) return undefined
  return `${room} may not import ${isType ? 'types' : 'values'} of ${other}`
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8')
  const found = [...text.matchAll(/^(?:import|export)\s+(type\s+)?([^'"]*?)from\s+'([^']+)'/gms)]
  return found
    .map(([, isType, names = '', target = '']) => ({
      from: file,
      target: target.startsWith('.') ? relative(SRC, resolve(SRC, dirname(file), target)) : target,
      isType: isType !== undefined || isOnlyTypes(names),
    }))
    .filter(({ target }) => !target.startsWith('node:'))
}

/** `{ type A, type B }` imports no value. */
function isOnlyTypes(names: string): boolean {
  const inner = /^\{([\s\S]*)\}\s*$/.exec(names.trim())?.[1]
  const parts = inner
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  return parts !== undefined && parts.every((name) => name.startsWith('type '))
}

function isLibrary(target: string): boolean {
  return !target.endsWith('.ts')
}

function libraryOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && statSync(join(folder, name)).isFile())
    .sort()
}
