import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { headgate } from '../../src/index.ts'
import { startServer, tokenFor } from '../support/server.ts'

test('the page is sent to everybody, at any depth, with a strict policy, and again only when it has changed', async () => {
  const { url, get } = await startServer({ settings: { tokens: [tokenFor('ann').record] } })
  const page = await get('/ui/')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy') ?? ''
  for (const part of ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"])
    expect(policy).toContain(part)
  expect(policy).not.toContain('unsafe')
  expect((await get('/ui/tasks/0199c0de')).text).toBe(page.text)
  const etag = page.headers.get('etag') ?? ''
  expect((await get('/ui/', { 'if-none-match': etag })).status).toBe(304)

  const [script = ''] = /\/ui\/assets\/[^"]+\.js/.exec(page.text) ?? []
  const plain = await fetch(url + script, { headers: { 'accept-encoding': 'identity' } })
  expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(plain.headers.get('content-encoding')).toBeNull()
  const packed = await fetch(url + script, { headers: { 'accept-encoding': 'gzip, br' } })
  expect(packed.headers.get('content-encoding')).toBe('br')
  expect(await packed.text()).toBe(await plain.text())
  for (const path of [
    '/ui/assets/none.js',
    '/ui/../package.json',
    '/ui/%2e%2e/index.js',
    '/ui/assets/..%2findex.html',
  ])
    expect((await get(path)).status, path).toBe(404)
})

test('browsers are sent from / to the page, programs are not', async () => {
  const { url } = await startServer()
  const at = (path: string, accept: string) => fetch(url + path, { headers: { accept }, redirect: 'manual' })
  const browser = await at('/', 'text/html,application/xhtml+xml')
  expect([browser.status, browser.headers.get('location')]).toEqual([302, '/ui/'])
  expect((await at('/', 'application/json')).status).toBe(404)
  expect((await at('/ui', '*/*')).headers.get('location')).toBe('/ui/')
})

test('below a base path, a proxy’s prefix and a plugin’s, the addresses of the page begin with it', async () => {
  const { get } = await startServer({ settings: { basePath: '/jobs', trustProxy: ['127.0.0.1'] } })
  expect((await get('/ui/')).text).toContain('src="/jobs/ui/assets/')
  expect((await get('/jobs/ui/')).text).toContain('data-base="/jobs"')
  expect((await get('/ui/', { 'x-forwarded-prefix': '/other' })).text).toContain('data-base="/other"')
  const app = Fastify()
  onTestFinished(() => app.close())
  await app.register(headgate, { prefix: '/hg', builtins: false, settings: { JOURNAL: 'memory' } })
  const page = await app.inject({ url: '/hg/ui/' })
  expect(page.body).toContain('href="/hg/ui/assets/')
  expect((await app.inject({ url: '/' })).statusCode).toBe(404)
})

test('with WEB=off there is no page', async () => {
  const { get } = await startServer({ settings: { isWebOn: false } })
  for (const path of ['/ui/', '/ui', '/']) {
    expect((await get(path, { accept: 'text/html' })).status, path).toBe(404)
  }
})

test('the history is for callers, and has points of at most 180', async () => {
  const ann = tokenFor('ann')
  const server = await startServer({ settings: { tokens: [ann.record] } })
  expect((await server.get('/api/queue/history')).status).toBe(401)
  const { get } = server.as(ann.headers)
  expect((await get('/api/queue/history')).body).toEqual({ minutes_per_point: 1, points: [] })
  expect((await get('/api/queue/history?minutes=10080')).body['minutes_per_point']).toBe(56)
  expect((await get('/api/queue/history?minutes=0')).status).toBe(422)
})
