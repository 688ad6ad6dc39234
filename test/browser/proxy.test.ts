import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { authorize, openBrowser } from '../support/browser.ts'
import { documentedLocation, startNginx } from '../support/nginx.ts'
import { realPart } from '../support/real-parts.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'

const run = promisify(execFile)
const [chromium, nginx, openssl] = [realPart('chromium'), realPart('nginx'), realPart('openssl')]
const isSkipped = [chromium, nginx, openssl].includes(undefined)
const NAME = 'jobs.example.com'

const quick = defineTask({
  type: 'quick',
  input: z.object({ word: z.string().meta({ example: 'hello' }) }),
  run: ({ word }, ctx) => {
    ctx.output(word)
    return { word }
  },
})

/** The server, and the documented `location` with its address. */
async function setup(settings: Json = {}) {
  const { record, token } = tokenFor('ann')
  const limits = { ratePerMinute: 0, addressRatePerMinute: 0 }
  const server = await startServer({
    tasks: [quick],
    settings: { tokens: [record], trustProxy: ['127.0.0.1'], ...limits, ...settings },
  })
  const location = (await documentedLocation()).replace('http://127.0.0.1:8001', server.url)
  return { ...server, location, token }
}

/** A browser for which the name is on this machine: the proxy has the default ports of its address. */
async function browse(ports: { http?: number; https?: number }): Promise<Page> {
  const rules = [
    `MAP ${NAME}:80 127.0.0.1:${ports.http ?? 1}`,
    `MAP ${NAME}:443 127.0.0.1:${ports.https ?? 1}`,
    'MAP * ~NOTFOUND',
    'EXCLUDE 127.0.0.1',
  ]
  return openBrowser(chromium!, [`--host-resolver-rules=${rules.join(',')}`])
}

/** Submits from the page of `/docs` as a person does, then follows the addresses of the reply in the page. */
async function useDocs(page: Page, docs: string, token: string) {
  await page.goto(docs)
  await authorize(page, token)
  const block = page.locator('.opblock-post', {
    has: page.locator('.opblock-summary-path', { hasText: /^\/quick$/ }),
  })
  await block.locator('.opblock-summary').click()
  await block.getByRole('button', { name: 'Try it out' }).click()
  await block.getByRole('button', { name: 'Execute' }).click()
  const live = block.locator('.live-responses-table .response').first()
  await live.waitFor()
  const status = Number((await live.locator('.response-col_status').innerText()).trim().slice(0, 3))
  const shown = await live.locator('.highlight-code').first().innerText()
  const body = JSON.parse(shown.slice(shown.indexOf('{'))) as Json
  const followed = await page.evaluate(FOLLOW(body['urls'] as Json, token))
  return { status, urls: body['urls'] as Json, ...(followed as Json) }
}

const FOLLOW = (urls: Json, token: string) => `(async () => {
  const headers = { authorization: 'Bearer ${token}' }
  const { self, result } = ${JSON.stringify(urls)}
  const task = await (await fetch(self + '?wait=20', { headers })).json()
  const written = await (await fetch(result, { headers })).json()
  const ticket = await (await fetch(self + '/ticket', { method: 'POST', headers })).json()
  const last = (source) => new Promise((resolve) => {
    source.onmessage = ({ data }) => JSON.parse(data).type === 'result' && (source.close(), resolve('result'))
    source.onerror = () => resolve('failed')
  })
  const again = await fetch(location.pathname.replace(/\\/docs.*/, '') + '/quick', {
    method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{"word":"again"}' })
  const located = await fetch(again.headers.get('location'), { headers })
  return {
    done: task.done, result: written, located: located.status,
    sse: await last(new EventSource(ticket.urls.events)), ws: await last(new WebSocket(ticket.urls.ws)),
  }
})()`

const WORKS = {
  status: 202,
  done: true,
  result: { word: 'hello' },
  located: 200,
  sse: 'result',
  ws: 'result',
}

test.skipIf(isSkipped)('behind nginx on the default port, also by a name in other cases', async () => {
  const { location, token } = await setup()
  const http = await startNginx(nginx!, location)
  const page = await browse({ http })
  expect(await useDocs(page, `http://${NAME}/docs`, token)).toMatchObject(WORKS)
  // Browsers put names in lower case; other programs do not.
  const headers = [
    'Host: JOBS.Example.COM:80',
    `Origin: http://${NAME}`,
    `authorization: Bearer ${token}`,
    'content-type: application/json',
  ].flatMap((header) => ['-H', header])
  const reply = await run('curl', [
    ...'-s -o /dev/null -w %{http_code} -X POST'.split(' '),
    '-d',
    '{"word":"a"}',
    ...headers,
    `http://127.0.0.1:${http}/quick`,
  ])
  expect(reply.stdout).toBe('202')
})

test.skipIf(isSkipped)('behind nginx with TLS on its default port', async () => {
  const { location, token } = await setup()
  const folder = await mkdtemp(join(tmpdir(), 'headgate-tls-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  await run(openssl!, [
    ...'req -x509 -newkey rsa:2048 -nodes -days 2 -keyout'.split(' '),
    key,
    '-out',
    certificate,
    '-subj',
    `/CN=${NAME}`,
  ])
  const tls = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`
  const https = await startNginx(nginx!, `${tls} ${location}`, 'ssl')
  const page = await browse({ https })
  expect(await useDocs(page, `https://${NAME}/docs`, token)).toMatchObject(WORKS)
})

test.skipIf(isSkipped).each([
  ['kept', { basePath: '/jobs' }, (location: string) => location.replace('location /', 'location /jobs/')],
  [
    'taken off, known by the setting',
    { basePath: '/jobs' },
    (location: string) =>
      location.replace('location /', 'location /jobs/').replace(/(proxy_pass [^;]+);/, '$1/;'),
  ],
  [
    'taken off, known by the header',
    {},
    (location: string) =>
      location
        .replace('location /', 'location /jobs/')
        .replace(/(proxy_pass [^;]+);/, '$1/; proxy_set_header X-Forwarded-Prefix /jobs;'),
  ],
])('behind nginx below a path that is %s', async (_name, settings, below) => {
  const { location, token } = await setup(settings)
  const page = await browse({ http: await startNginx(nginx!, below(location)) })
  const used = await useDocs(page, `http://${NAME}/jobs/docs`, token)
  expect(used).toMatchObject(WORKS)
  expect(used.urls['self']).toMatch(/^\/jobs\/api\/tasks\//)
})

test.skipIf(isSkipped)('behind two proxies that each say the host they were asked for', async () => {
  const { location, url, token } = await setup()
  // Each adds to the list; the inner one names itself to the server.
  const listing = `proxy_set_header X-Forwarded-Host $forwarded_host;`
  const map = 'set $forwarded_host "$http_x_forwarded_host, $http_host";'
  const inner = await startNginx(
    nginx!,
    `${map} ${location.replace('proxy_set_header Host $http_host;', `proxy_set_header Host inner.local; ${listing}`)}`,
  )
  const outer = await startNginx(
    nginx!,
    location
      .replace(url, `http://127.0.0.1:${inner}`)
      .replace('$http_host;', 'middle.local; proxy_set_header X-Forwarded-Host $http_host;'),
  )
  const page = await browse({ http: outer })
  expect(await useDocs(page, `http://${NAME}/docs`, token)).toMatchObject(WORKS)
})
