import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SETTINGS } from '../src/config/settings.ts'
import { ROOT } from './support/process.ts'

const UNITS = ['headgate.service', 'headgate-web.service', 'headgate-worker@.service']
const pathOf = (unit: string) => join(ROOT, 'deploy', unit)
const valueOf = (unit: string, key: string) =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(readFileSync(pathOf(unit), 'utf8'))?.[1] ?? ''
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0

test.skipIf(!hasAnalyze).each(UNITS)('systemd finds %s tight: an exposure of at most 1.5', (unit) => {
  const args = ['security', '--offline=true', '--no-pager', '--threshold=15', pathOf(unit)]
  const report = execFileSync('systemd-analyze', args, { encoding: 'utf8' })
  expect(report).toMatch(/Overall exposure level for \S+: 1\.[0-5] /)
})

test.each(UNITS)('%s starts what there is, with settings that there are', (unit) => {
  const [, program = '', , script = ''] =
    /^(\/opt\/headgate\/(\S+)) \S+ (\S+)$/.exec(valueOf(unit, 'ExecStart')) ?? []
  expect(program).toBe('/opt/headgate/node_modules/.bin/node')
  expect(existsSync(join(ROOT, script))).toBe(true)
  const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env))
  const named = valueOf(unit, 'Environment')
    .matchAll(/"?(\w+)=/g)
    .map(([, name = '']) => name)
    .toArray()
  expect(named.filter((name) => name !== 'NODE_ENV' && !known.has(name))).toEqual([])
})

test.each(UNITS)('%s gives the process the time that stopping may take', (unit) => {
  const seconds = Number(SETTINGS.stopWaitMs.default) + Number(SETTINGS.stopGraceMs.default)
  expect(Number(valueOf(unit, 'TimeoutStopSec'))).toBeGreaterThan(seconds)
  expect([valueOf(unit, 'Restart'), valueOf(unit, 'RestartSec'), valueOf(unit, 'Type')]).toEqual([
    'always',
    '100ms',
    'notify',
  ])
})
