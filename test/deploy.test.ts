import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../src/config/settings.ts'
import { ROOT } from './support/process.ts'

const UNIT = join(ROOT, 'deploy/headgate.service')
const text = readFileSync(UNIT, 'utf8')
const valueOf = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1] ?? ''
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

test.skipIf(!hasAnalyze)('systemd finds the unit tight: an exposure of at most 1.5', () => {
  const args = ['security', '--offline=true', '--no-pager', '--threshold=15', UNIT]
  const report = execFileSync('systemd-analyze', args, { encoding: 'utf8' })
  expect(report).toMatch(/Overall exposure level for headgate.service: 1\.[0-5] /)
})

test('the unit starts what there is, with settings that there are', () => {
  const [, program = '', , script = ''] =
    /^(\/opt\/headgate\/(\S+)) \S+ (\S+)$/.exec(valueOf('ExecStart')) ?? []
  expect(program).toBe('/opt/headgate/node_modules/.bin/node')
  expect(existsSync(join(ROOT, script))).toBe(true)
  const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env))
  const named = valueOf('Environment')
    .split(' ')
    .map((item) => item.split('=')[0] ?? '')
  expect(named.filter((name) => name !== 'NODE_ENV' && !known.has(name))).toEqual([])
})

test('the unit gives the process the time that stopping may take', () => {
  const seconds = Number(SETTINGS.stopWaitMs.default) + Number(SETTINGS.stopGraceMs.default)
  expect(Number(valueOf('TimeoutStopSec'))).toBeGreaterThan(seconds)
  expect([valueOf('Restart'), valueOf('RestartSec'), valueOf('Type')]).toEqual(['always', '100ms', 'notify'])
})
