import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { compose } from '../src/app/app.ts'
import { readSettings } from '../src/config/read.ts'
import {
  CLUSTER_PACKAGES,
  S3_PACKAGES,
  DOCUMENT_PACKAGES,
  installCommand,
  languagePackage,
  MODEL_PACKAGES,
  RECOGNITION_PACKAGES,
} from '../src/package.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { PROBLEM_STATUS } from '../src/http/problem/problem.ts'
import { createServer } from '../src/http/server/server.ts'
import { ERROR_CODES } from '../src/task/errors.ts'
import { EVENT_TYPES, FRAME_TYPES } from '../src/task/event.ts'
import { ANALYSIS_FAILURES } from '../src/analysis/failures.ts'
import { FAILURE_TYPES } from '../src/task/failure.ts'
import { STATUS_MOVES, TASK_STATUSES } from '../src/task/status.ts'
import { ROOT, startProcess } from './support/process.ts'

const run = promisify(execFile)
/** A document, the padding of its tables taken out. */
const read = async (path: string) => (await readFile(join(ROOT, path), 'utf8')).replace(/ {2,}/g, ' ')

/** First cells of the table under a heading, without code ticks. */
async function firstCells(path: string, heading: string): Promise<string[]> {
  const section = (await read(path)).split(/^#+ /m).find((part) => part.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? '')
}

async function blocks(
  path: string,
  language: string,
): Promise<{ readonly mark: string; readonly code: string }[]> {
  const found = (await read(path)).matchAll(new RegExp(`^\`\`\`${language}(.*)\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return [...found].map((match) => ({ mark: (match[1] ?? '').trim(), code: match[2] ?? '' }))
}

test('docs/errors.md names exactly the problems, with their statuses', async () => {
  const text = await read('docs/errors.md')
  expect(await firstCells('docs/errors.md', 'Problems')).toEqual(Object.keys(PROBLEM_STATUS))
  for (const [code, status] of Object.entries(PROBLEM_STATUS)) {
    expect(text).toContain(`| \`${code}\` | ${status} | ${ERROR_CODES[code as keyof typeof ERROR_CODES]}. |`)
  }
})

test('docs/errors.md names exactly the failures and the inner codes', async () => {
  expect(await firstCells('docs/errors.md', 'Failures')).toEqual([
    'error_type',
    ...Object.keys(FAILURE_TYPES),
  ])
  const own = ['error_type', ...Object.keys(ANALYSIS_FAILURES)]
  expect(await firstCells('docs/errors.md', 'Of the built-in tasks')).toEqual(own)
  const inner = Object.keys(ERROR_CODES).filter((code) => !Object.hasOwn(PROBLEM_STATUS, code))
  expect(await firstCells('docs/errors.md', 'Codes that no client sees')).toEqual(inner)
})

test('docs/streams.md names exactly the events and frames', async () => {
  expect(await firstCells('docs/streams.md', 'Numbered events')).toEqual(['type', ...EVENT_TYPES])
  expect(await firstCells('docs/streams.md', 'Frames without a number')).toEqual(['type', ...FRAME_TYPES])
})

test('the diagram of docs/architecture.md has exactly the moves between statuses', async () => {
  const [diagram] = await blocks('docs/architecture.md', 'mermaid')
  const drawn = [...(diagram?.code ?? '').matchAll(/^ *(\w+) --> (\w+)/gm)].map(
    ([, from, to]) => `${from} ${to}`,
  )
  const moves = Object.entries(STATUS_MOVES).flatMap(([from, tos]) => tos.map((to) => `${from} ${to}`))
  expect(drawn.sort()).toEqual(moves.sort())
})

test('docs/http-api.md names exactly the statuses', async () => {
  expect(await firstCells('docs/http-api.md', 'Statuses')).toEqual([...TASK_STATUSES])
})

test('docs/configuration.md and .env.example name exactly the settings, with their defaults and meanings', async () => {
  const rows = Object.values(SETTINGS)
  const table = await read('docs/configuration.md')
  expect(await firstCells('docs/configuration.md', 'Settings')).toEqual(rows.map((row) => row.env))
  for (const { env, default: value, unit, meaning } of rows) {
    expect(table).toContain(
      `| \`${env}\` | ${value === '' ? '(empty)' : `\`${value}\``} | ${unit} | ${meaning} |`,
    )
  }
  const example = await read('.env.example')
  const lines = [...example.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map((match) => `${match[1]}=${match[2]}`)
  expect(lines).toEqual(rows.map((row) => `${row.env}=${row.default}`))
  for (const { meaning } of rows) expect(example).toContain(meaning)
})

test('docs/http-api.md names exactly the routes', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-docs-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const log = pino({ level: 'silent' })
  const settings = { ...readSettings({}), dataDir }
  const core = await compose({ settings, log, tasks: [], prefix: '', onFatal: () => undefined })
  const app = createServer({ log, ...settings })
  const routes = new Set<string>()
  app.addHook('onRoute', ({ method, url }) => {
    for (const verb of [method].flat())
      if (verb !== 'HEAD') routes.add(`${verb} ${url.replace(/:(\w+)/g, '{$1}')}`)
  })
  await app.register(core.httpPlugin)
  await app.ready()
  await app.close()
  const text = await read('docs/http-api.md')
  const documented = new Set(
    [...text.matchAll(/`((?:GET|POST|PATCH|DELETE) \/[^`?]*)`/g)].map((match) => match[1]),
  )
  documented.delete('POST /{type}')
  expect(documented).toEqual(routes)
})

test('every link of the documents leads somewhere, in the package too', async () => {
  const { files: packed } = JSON.parse(await read('package.json')) as { files: string[] }
  const files = [
    'README.md',
    'README.zh-CN.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'deploy/README.md',
    ...(await readdir(join(ROOT, 'docs'), { recursive: true }))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ]
  const all = new Map(await Promise.all(files.map(async (file) => [file, await read(file)] as const)))
  for (const [file, text] of all) {
    for (const [, path = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      const target = join(ROOT, file, '..', path)
      await expect(readFile(target), `${file} → ${path}`).resolves.toBeDefined()
      const [top = ''] = relative(ROOT, target).split(sep)
      expect(packed, `${file} → ${path}`).toContain(top)
    }
  }
})

test.each(['README.md', 'README.zh-CN.md'])('the lines to try of %s work unchanged', async (file) => {
  const { url } = await startProcess()
  const lines = (await blocks(file, 'sh')).find(({ code }) => code.includes('curl'))?.code ?? ''
  expect(lines.trim().split('\n')).toHaveLength(5)
  const script = `set -euo pipefail\n${lines.replaceAll('http://127.0.0.1:8001', url)}`
  const { stdout } = await run('bash', ['-c', script], { cwd: ROOT })
  expect(stdout.match(/"status":"created"/g)).toHaveLength(2)
  expect(stdout).toContain('"next_cursor"')
  expect(stdout).not.toContain('urn:headgate:problem')
  expect(stdout).toContain('"type":"result"')
  expect(stdout).toContain('"total_processed"')
})

test.each(['README.md', 'README.zh-CN.md'])('the task of %s is the one that is run below', async (file) => {
  const [example] = await blocks('docs/writing-a-task.md', 'ts file=my-tasks.ts')
  const [shown] = await blocks(file, 'ts file=my-tasks.ts')
  expect(shown?.code).toBe(example?.code)
})

test('every option of a command that the documents show is one of it', async () => {
  const documents = ['README.md', 'README.zh-CN.md', 'deploy/README.md', 'docs/recipes/README.md']
  const pages = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'))
  const texts = await Promise.all([...documents, ...pages.map((name) => `docs/${name}`)].map(read))
  const shown = texts.join('\n').matchAll(/headgate (token|plan|serve|doctor|move)( [^`#\n]*)/g)
  const options = [...shown].flatMap(([, command = '', rest = '']) =>
    [...rest.matchAll(/ (--[a-z-]+)/g)].map(([, option = '']) => [command, option] as const),
  )
  expect(options.length).toBeGreaterThan(15)
  for (const [command, option] of options) {
    const source = await read(`src/cli/${command}-command.ts`)
    expect(
      [...source.matchAll(/'(--[a-z-]+)/g)].map(([, name]) => name),
      command,
    ).toContain(option)
  }
})

/** What a translation has in common with its original, section by section: all but the words. */
async function outline(path: string) {
  return (await read(path)).split(/^(?=#+ )/m).map((section) => {
    const code = /^ *```[\s\S]*?^ *```/gm
    const text = section.replaceAll(code, '')
    const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)
    return {
      level: /^#*/.exec(section)?.[0],
      code: section.match(code) ?? [],
      terms: all(/`([^`]+)`/g).toSorted(),
      files: all(/\]\(([^)#]+)\)/g).filter((file) => !file.startsWith('cluster.')),
      items: all(/^(- )/gm).length,
      figures: all(/^(\|.*)/gm).map((row) => (row.match(/\d+/g) ?? []).toSorted()),
    }
  })
}

test('the page on several machines is the same in English and Chinese', async () => {
  const english = await outline('docs/cluster.md')
  expect(english.length).toBeGreaterThan(10)
  expect(await outline('docs/cluster.zh-CN.md')).toEqual(english)
  expect(await read('docs/cluster.md')).toContain('(cluster.zh-CN.md)')
  expect(await read('docs/cluster.zh-CN.md')).toContain('(cluster.md)')
})

test('the tests that the README names exist', async () => {
  const named = [...(await read('README.md')).matchAll(/`(test\/[^`]+)`/g)].map((match) => match[1] ?? '')
  expect(named.length).toBeGreaterThan(10)
  for (const path of named) expect(existsSync(join(ROOT, path)), path).toBe(true)
})

test('the task of docs/writing-a-task.md takes ten lines and works unchanged', async () => {
  const [example] = await blocks('docs/writing-a-task.md', 'ts file=my-tasks.ts')
  const [request] = await blocks('docs/writing-a-task.md', 'sh run')
  expect(example?.code.trim().split('\n').filter(Boolean).length).toBeLessThanOrEqual(10)
  const file = await exampleFile('my-tasks.ts', example?.code ?? '')
  const { url } = await startProcess({ TASKS_FILE: file })
  const { stdout } = await run('bash', ['-c', (request?.code ?? '').replaceAll('http://127.0.0.1:8001', url)])
  const { task_id: id, priority_name: priority } = JSON.parse(stdout) as {
    task_id: string
    priority_name: string
  }
  expect(priority).toBe('HIGH')
  const read = async () => (await fetch(`${url}/api/tasks/${id}/result`)).json()
  await expect.poll(read).toEqual({ words: 3 })
})

test('every task of docs/recipes loads, and its code has done what it checks', async () => {
  const examples = await blocks('docs/recipes/README.md', 'ts')
  expect(examples.length).toBeGreaterThan(3)
  for (const { mark, code } of examples) {
    const file = await exampleFile(mark.replace('file=', ''), code)
    const script = `import type_ from ${JSON.stringify(pathToFileURL(file).href)}; console.log(type_.type)`
    const args = ['--conditions=headgate-source', '--input-type=module', '-e', script]
    const { stdout } = await run(process.execPath, args, { cwd: ROOT })
    expect(stdout.trim(), mark).toMatch(/^[a-z-]+$/)
  }
})

test('the upload of docs/writing-a-task.md works unchanged', async () => {
  const [example] = await blocks('docs/writing-a-task.md', 'ts file=my-upload.ts')
  const [request] = await blocks('docs/writing-a-task.md', 'sh run upload')
  const file = await exampleFile('my-upload.ts', example?.code ?? '')
  const { url } = await startProcess({ TASKS_FILE: file })
  const script = (request?.code ?? '').replaceAll('http://127.0.0.1:8001', url)
  const { stdout } = await run('bash', ['-c', script], { cwd: ROOT })
  const { task_id: id } = JSON.parse(stdout) as { task_id: string }
  const lines = (await readFile(join(ROOT, 'LICENSE'), 'utf8')).split('\n').length - 1
  await expect
    .poll(async () => (await fetch(`${url}/api/tasks/${id}/result`)).json())
    .toEqual({ name: 'LICENSE', lines })
})

test('the application of docs/plugin.md works unchanged', async () => {
  const [example] = await blocks('docs/plugin.md', 'ts file=my-app.ts')
  // The same application, made to print where it listens and to stop by itself.
  const tail = `
const response = await fetch(\`http://localhost:\${app.server.address().port}/headgate/shout\`, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"text":"quiet"}' })
const { urls } = await response.json()
let task = {}
while (!task.done) task = await (await fetch(\`http://localhost:\${app.server.address().port}\${urls.self}?wait=5\`)).json()
console.log(JSON.stringify([response.status, urls.self.startsWith('/headgate/api/tasks/'), task.result]))
await app.close()`
  const file = await exampleFile('my-app.mjs', (example?.code ?? '') + tail)
  const { stdout } = await run(process.execPath, ['--conditions=headgate-source', file], {
    env: { ...process.env, PORT: '0' },
    cwd: join(file, '..'),
  })
  expect(JSON.parse(stdout)).toEqual([202, true, 'QUIET'])
})

/** The examples name the package by its name, so they have to lie inside it. */
async function exampleFile(name: string, code: string): Promise<string> {
  await mkdir(join(ROOT, 'data'), { recursive: true })
  const folder = await mkdtemp(join(ROOT, 'data', 'example-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, name)
  await writeFile(file, code)
  return file
}

/** With the languages of the default. */
const FOR_RECOGNITION = [
  ...RECOGNITION_PACKAGES,
  ...SETTINGS.ocrLanguages.default.split(',').map(languagePackage),
]

test('docs/installation.md installs exactly the packages that the built-in tasks need', async () => {
  const text = await read('docs/installation.md')
  for (const names of [DOCUMENT_PACKAGES, MODEL_PACKAGES, FOR_RECOGNITION, CLUSTER_PACKAGES, S3_PACKAGES])
    expect(text).toContain(installCommand(names))
})

test('the optional packages of the package are those that are looked for, and those of a checkout', async () => {
  const json = async (path: string) =>
    JSON.parse(await readFile(join(ROOT, path), 'utf8')) as Record<string, Record<string, string>>
  const { peerDependencies = {}, peerDependenciesMeta = {} } = await json('package.json')
  const { dependencies = {} } = await json('runtime/package.json')
  const optional = [
    ...DOCUMENT_PACKAGES,
    ...MODEL_PACKAGES,
    ...FOR_RECOGNITION,
    ...CLUSTER_PACKAGES,
    ...S3_PACKAGES,
  ].sort()
  expect(Object.keys(peerDependenciesMeta).sort()).toEqual(optional)
  expect(Object.keys(peerDependencies).sort()).toEqual([...optional, 'fastify', 'zod'].sort())
  expect(Object.keys(dependencies).sort()).toEqual([...optional, 'fastify', 'node', 'zod'].sort())
  for (const name of optional) expect(peerDependencies[name], name).toBe(dependencies[name])
})
