import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { LOCAL_CALLER, maySee } from '../../src/auth/caller.ts'
import { TokenStore } from '../../src/auth/token-store.ts'
import { readTokenFile, writeTokenFile } from '../../src/auth/token-file.ts'
import { computeDigest, newToken, tokenSetting, type TokenRecord } from '../../src/auth/token.ts'
import { tokenFor } from '../support/server.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

async function setup(records?: readonly TokenRecord[], fixed: readonly TokenRecord[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-callers-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'tokens.json')
  if (records !== undefined) writeTokenFile(file, records)
  const clock = new VirtualClock()
  const callers = new TokenStore({ file, fixed, clock, log: pino({ level: 'silent' }) })
  return { callers, file, clock, look: () => clock.advance(1000) }
}

test('a token identifies its caller, and only the whole token does', async () => {
  const { token, record } = tokenFor('ann', { role: 'operator', maxPriority: 2 })
  const { callers } = await setup([record, tokenFor('ben').record])
  expect(callers.authenticate(token)).toMatchObject({ name: 'ann', role: 'operator', maxPriority: 2 })
  for (const other of [token.slice(0, -1), `${token}x`, token.toUpperCase(), '', record.sha256]) {
    expect(callers.authenticate(other)).toBeUndefined()
  }
})

test('without tokens everybody on this machine is one caller', async () => {
  const { callers } = await setup()
  expect([callers.isOpen, callers.named('local'), callers.named('ann')]).toEqual([
    true,
    LOCAL_CALLER,
    undefined,
  ])
})

test('a new token requires authentication within a second, and the loss of the last does not open it', async () => {
  const { callers, file, look } = await setup()
  const { token, record } = tokenFor('ann')
  writeTokenFile(file, [record])
  expect(callers.isOpen).toBe(true)
  look()
  expect([callers.isOpen, callers.authenticate(token)?.name]).toEqual([false, 'ann'])
  writeTokenFile(file, [])
  look()
  expect([callers.isOpen, callers.authenticate(token)]).toEqual([false, undefined])
  await rm(file)
  look()
  expect(callers.isOpen).toBe(false)
})

test('a tokens file that is damaged while the server runs changes nothing', async () => {
  const { token, record } = tokenFor('ann')
  const { callers, file, look } = await setup([record])
  await writeFile(file, '{ "tokens": [')
  look()
  expect(callers.authenticate(token)?.name).toBe('ann')
})

test('a token ends when it expires', async () => {
  const clock = new VirtualClock()
  const { token, record } = tokenFor('ann', { expiresAt: clock.now() + 5000 })
  const given = await setup([record])
  expect(given.callers.authenticate(token)?.name).toBe('ann')
  given.clock.advance(5000)
  expect([given.callers.authenticate(token), given.callers.named('ann')]).toEqual([undefined, undefined])
})

test.each([
  ['nonsense', 'nonsense'],
  ['no list', '{}'],
  [
    'a token in place of its digest',
    '{"tokens":[{"name":"a","role":"caller","max_priority":3,"sha256":"hg_abc"}]}',
  ],
  ['an unknown role', JSON.stringify({ tokens: [{ ...entry(), role: 'king' }] })],
  ['an unknown priority', JSON.stringify({ tokens: [{ ...entry(), max_priority: 9 }] })],
  ['an unknown field', JSON.stringify({ tokens: [{ ...entry(), extra: 1 }] })],
])('a tokens file that holds %s stops the start', async (_what, text) => {
  const { file } = await setup()
  await writeFile(file, text)
  const log = pino({ level: 'silent' })
  const start = () => new TokenStore({ file, fixed: [], clock: new VirtualClock(), log })
  expect(start).toThrow(expect.objectContaining({ code: 'invalid-setting' }))
  expect(start).toThrow(`TOKENS_FILE="${file}": `)
})

function entry() {
  const sha256 = computeDigest('x').toString('hex')
  const created_at = '2026-01-01T00:00:00Z'
  return { name: 'a', role: 'caller', max_priority: 'LOW', sha256, created_at, expires_at: null }
}

test('the file keeps digests, is read back as it was written, and is its owner’s alone', async () => {
  const { token, record } = tokenFor('ann', { createdAt: 1000, expiresAt: 2000 })
  const { file } = await setup([record])
  expect(readTokenFile(file)).toEqual([{ ...record, weight: 1 }])
  expect(JSON.stringify(readTokenFile(file))).not.toContain(token)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

const DIGEST = computeDigest('secret').toString('hex')
test.each([
  [`ann:${DIGEST}`, 'caller', 3],
  [`ann:${DIGEST}:operator`, 'operator', 3],
  [`ann:${DIGEST}:caller:LOW`, 'caller', 0],
])('the setting %s is read', (item, role, maxPriority) => {
  expect(tokenSetting.parse(item)).toMatchObject({ name: 'ann', role, maxPriority, sha256: DIGEST })
})

test.each([
  '',
  'ann',
  `:${DIGEST}`,
  'ann:secret',
  `ann:${DIGEST}:king`,
  `ann:${DIGEST}:caller:9`,
  `a:${DIGEST}:caller:1:0`,
  `a:${DIGEST}:caller:1:1:1`,
])('the setting "%s" is refused', (item) => {
  expect(tokenSetting.safeParse(item).success).toBe(false)
})

test('tokens of settings and of the file stand side by side', async () => {
  const [ann, ben] = [tokenFor('ann'), tokenFor('ben')]
  const { callers } = await setup([ann.record], [ben.record])
  expect([callers.authenticate(ann.token)?.name, callers.authenticate(ben.token)?.name]).toEqual([
    'ann',
    'ben',
  ])
})

test('new tokens differ and hold 256 bits', () => {
  const tokens = Array.from({ length: 100 }, newToken)
  expect(new Set(tokens).size).toBe(100)
  for (const token of tokens) expect(Buffer.from(token.slice(3), 'base64url')).toHaveLength(32)
})

test('a caller sees its own tasks, an operator all', () => {
  const ann = { name: 'ann', role: 'caller', maxPriority: 3 } as const
  expect([maySee(ann, 'ann'), maySee(ann, 'ben'), maySee({ ...ann, role: 'operator' }, 'ben')]).toEqual([
    true,
    false,
    true,
  ])
})
