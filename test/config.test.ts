import { expect, test } from 'vitest'
import { toMemberName } from '../src/config/tables/cluster.ts'
import { readSettings } from '../src/config/read.ts'
import { SETTINGS } from '../src/config/settings.ts'

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
])('%s="%s" is refused at the start', (env, value) => {
  expect(() => readSettings({ [env]: value })).toThrow(`${env}="${value}": expected`)
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
