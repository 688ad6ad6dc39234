import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { toMemberName } from '../src/config/tables/cluster.ts'
import { readEnvFile, readSettings } from '../src/config/read.ts'
import { SETTINGS } from '../src/config/settings.ts'
import { tempFolder } from './support/journal.ts'

test('the settings of the original keep their names, units and defaults', () => {
  expect(readSettings({})).toMatchObject({
    slots: 3,
    capacity: 100,
    taskTimeoutMs: 3_600_000,
    port: 8001,
    host: '127.0.0.1',
  })
  const env = {
    MAX_CONCURRENT_ANALYSIS_TASKS: '5',
    ANALYSIS_QUEUE_MAX_SIZE: '200',
    ANALYSIS_TASK_TIMEOUT: '5400',
  }
  expect(readSettings(env)).toMatchObject({ slots: 5, capacity: 200, taskTimeoutMs: 5_400_000 })
})

test('an empty variable takes the default; an empty bound of stuck handlers is as many as slots', () => {
  expect(readSettings({ PORT: '', MAX_STUCK_HANDLERS: '' })).toMatchObject({ port: 8001, maxStuck: null })
  expect(readSettings({ MAX_STUCK_HANDLERS: '0' }).maxStuck).toBe(0)
})

test('lists are split at commas', () => {
  expect(readSettings({ FETCH_ALLOW_HOSTS: 'a.example, b.example:8080 ,' }).fetchAllowHosts).toEqual([
    'a.example',
    'b.example:8080',
  ])
})

test.each([
  ['TRUST_PROXY', 'nonsense'],
  ['TRUST_PROXY', '10.0.0.0/33'],
  ['TRUST_PROXY', '10.0.0.0/8/8'],
  ['FETCH_ALLOW_HOSTS', 'http://intranet'],
  ['FETCH_ALLOW_HOSTS', 'intranet:70000'],
  ['FETCH_ALLOW_HOSTS', 'a b'],
  ['CORS_ORIGINS', 'app.example'],
  ['CORS_ORIGINS', 'https://app.example/'],
  ['CORS_ORIGINS', '*'],
  ['FETCH_ALLOW_HOSTS', '*'],
  ['FETCH_ALLOW_HOSTS', '*.example'],
  ['BASE_PATH', '/..'],
  ['BASE_PATH', '/jobs/./x'],
])('%s="%s" is refused at the start', (env, value) => {
  expect(() => readSettings({ [env]: value })).toThrow(`${env}="${value}": expected`)
})

test('a resource that is declared twice, or wrongly, is named', () => {
  const declare = (text: string) => () => readSettings({ RESOURCES: text })
  expect(declare('llm rpm=1; llm rpm=2')).toThrow('"llm rpm=2": expected each resource once')
  expect(declare('llm rpm=fast')).toThrow('"llm rpm=fast": expected concurrency=3 or')
  expect(declare('LLM rpm=1')).toThrow('"LLM rpm=1": expected a name in lower case')
  expect(declare('llm rpm=1; other rpm=1')().resources.size).toBe(2)
  expect(readSettings({ BASE_PATH: '/a..b/.c' }).basePath).toBe('/a..b/.c')
})

async function envFile(content: string | Buffer) {
  const file = join(await tempFolder(), '.env')
  await writeFile(file, content)
  return file
}

test.each([
  ['with the byte order mark of a Windows editor', '\u{feff}PORT=5\r\nHOST=h\r\n'],
  ['with export and quotes', 'export PORT="5"\nexport HOST=\'h\' # a comment\n'],
])('an .env file %s is read', async (_what, text) => {
  const env = { HOST: 'set before' }
  readEnvFile(await envFile(text), env)
  expect(env).toEqual({ PORT: '5', HOST: 'set before' })
})

test('an .env file that cannot be read stops the start with a clear line; a folder of this name is not it', async () => {
  const utf16 = await envFile(Buffer.from('\u{feff}PORT=5', 'utf16le'))
  const refused = { code: 'invalid-setting', message: expect.stringContaining('save it as a text in UTF-8') }
  expect(() => readEnvFile(utf16, {})).toThrow(expect.objectContaining(refused))
  // A link to itself cannot be opened, also by root.
  const loop = join(await tempFolder(), 'env')
  await symlink('env', loop)
  expect(() => readEnvFile(loop, {})).toThrow(expect.objectContaining({ code: 'invalid-setting' }))
  const env = {}
  readEnvFile(await tempFolder(), env)
  readEnvFile(join(await tempFolder(), '.env'), env)
  expect(env).toEqual({})
})

test('a list of tokens is refused without being repeated', () => {
  const refused = () => readSettings({ TOKENS: 'ann:secret' })
  expect(refused).toThrow('TOKENS="…": expected name:sha256')
  expect(refused).not.toThrow('secret')
})

test.each(Object.values(SETTINGS).filter((row) => /\d+ to \d+\./.test(row.meaning)))(
  '$env keeps the bounds that its description has',
  ({ env, meaning }) => {
    const [, low = '', high = ''] = /(\d+) to (\d+)\.$/.exec(meaning) ?? []
    for (const inside of [low, high]) expect(() => readSettings({ [env]: inside })).not.toThrow()
    for (const outside of [`${Number(low) - 1}`, `${Number(high) + 1}`, '1.5', 'x', '1e3', ' 1']) {
      expect(() => readSettings({ [env]: outside }), outside).toThrow(
        expect.objectContaining({
          code: 'invalid-setting',
          message: expect.stringContaining(`${env}="${outside}"`),
        }),
      )
    }
  },
)

test('processes that PM2 starts of one command have names of their own', () => {
  const about = { workerName: '', role: 'worker' }
  expect(toMemberName({ ...about, instance: '' })).toMatch(/ worker$/)
  expect(toMemberName({ ...about, instance: '2' })).toMatch(/ worker 2$/)
  expect(toMemberName({ ...about, workerName: 'mine', instance: '2' })).toBe('mine')
})
