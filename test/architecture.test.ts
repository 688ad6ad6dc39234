import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { listDependencyGroups } from './support/dependency-groups.ts'
import { ROOT } from './support/process.ts'

const SRC = join(ROOT, 'src')

interface Rule {
  /** Folders whose values may be imported; `*`: all. */
  readonly uses: readonly string[]
  /** Folders of which only types may be. */
  readonly types: readonly string[]
  readonly libraries: readonly string[]
}

/** Who may import whom, by the table of docs/architecture.md; files beside the folders have rows of their own. */
const RULES = readRules()
/** Libraries that may be used anywhere. */
const COMMON_LIBRARIES = new Set(['zod', 'pino', 'p-queue'])
/** Folders that may be deleted, and only these folders break. */
const DELETABLE = ['analysis', 'cli', 'client', 'cluster', 'web']
const USERS_OF_DELETABLE = ['app', 'index.ts', 'web']

interface Import {
  readonly from: string
  readonly target: string
  readonly isType: boolean
}

const files = listFiles(SRC)
const imports = files.flatMap(importsOf)

test.each(files)('%s imports only what its folder may', (file) => {
  for (const { target, isType } of imports.filter(({ from }) => from === file)) {
    expect(complaintOf(file, target, isType), `${file} → ${target}`).toBeUndefined()
  }
})

test('every library is used in one folder', () => {
  const byLibrary = Map.groupBy(
    imports.filter(
      ({ target, isType }) => !isType && isLibrary(target) && !COMMON_LIBRARIES.has(libraryOf(target)),
    ),
    ({ target }) => libraryOf(target),
  )
  for (const [library, uses] of byLibrary) {
    const inner = new Set(uses.map(({ from }) => folderOf(from)).filter((folder) => !folder.endsWith('.ts')))
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

test('every folder of the table exists, and every folder of src/ is in it', () => {
  expect([...RULES.keys()].sort()).toEqual([...new Set(files.map(folderOf))].sort())
})

test.each(DELETABLE)('without %s/ only app/, index.ts and the page would break', (folder) => {
  const users = imports.filter(({ from, target }) => folderOf(from) !== folder && folderOf(target) === folder)
  for (const { from } of users) expect(USERS_OF_DELETABLE).toContain(folderOf(from))
})

test.each([...files, ...listFiles(join(ROOT, 'test')).map((file) => `../test/${file}`)])(
  '%s is short enough to hold one idea',
  (file) => {
    // A dictionary is as long as what is said.
    if (file.startsWith('web/words/')) return
    const lines = readFileSync(join(SRC, file), 'utf8').split('\n').length
    expect(lines).toBeLessThanOrEqual(file.startsWith('../test') ? 401 : 301)
  },
)

test('no folder has more than fifteen entries', () => {
  for (const folder of new Set(files.map((file) => dirname(file)))) {
    if (folder !== '.') expect(readdirSync(join(SRC, folder)).length, folder).toBeLessThanOrEqual(15)
  }
})

test('nothing is handed more than eight collaborators', { timeout: 120_000 }, () => {
  const groups = listDependencyGroups(files.filter((file) => folderOf(file) !== 'web'))
  // The tables of the queries of a journal are no collaborators: each is sent to its thread by its name.
  const own = groups.filter(({ name }) => !name.startsWith('journal/sqlite/'))
  expect(own.length).toBeGreaterThan(100)
  const tooLarge = own.filter(({ collaborators }) => collaborators.length > 8)
  expect(tooLarge).toEqual([])
})

test('the environment is read in config/, the console written in bin.ts and cli/, and nowhere else', () => {
  for (const file of files) {
    const text = readFileSync(join(SRC, file), 'utf8')
    if (folderOf(file) !== 'config') expect(text, file).not.toMatch(/process\.env\b/)
    if (!['bin.ts', 'cli'].includes(folderOf(file))) expect(text, file).not.toMatch(/\bconsole\./)
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

function readRules(): ReadonlyMap<string, Rule> {
  const table = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')
  const list = (cell: string) => cell.split(',').flatMap((name) => /[^\s—]+/.exec(name)?.[0] ?? [])
  const rows = table.matchAll(/^\| `([^`]+?)\/?` +\|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$/gm)
  return new Map(
    Array.from(rows, ([, folder = '', uses = '', types = '', libraries = '']) => [
      folder,
      { uses: list(uses), types: list(types), libraries: list(libraries) },
    ]),
  )
}

function complaintOf(file: string, target: string, isType: boolean): string | undefined {
  const folder = folderOf(file)
  const rule = RULES.get(folder)
  if (rule === undefined) return `no rule for ${folder}`
  if (isLibrary(target)) {
    const library = libraryOf(target)
    const isKnown = COMMON_LIBRARIES.has(library) || rule.libraries.includes(library)
    return isKnown ? undefined : `${folder} may not use ${library}`
  }
  const other = folderOf(target)
  const isAllowed = other === folder || rule.uses.includes('*') || rule.uses.includes(other)
  if (isAllowed || (isType && rule.types.includes(other))) return undefined
  return `${folder} may not import ${isType ? 'types' : 'values'} of ${other}`
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

function folderOf(file: string): string {
  return file.split('/')[0] ?? file
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && statSync(join(folder, name)).isFile())
    .sort()
}
