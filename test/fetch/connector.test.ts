import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import { Connector } from '../../src/fetch/connector.ts'
import { WEB_PORTS } from '../../src/fetch/address-policy.ts'

const MAX_BYTES = 100_000

async function setup(timeoutMs = 30_000) {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(request.url ?? '')
    const host = `http://${request.headers.host}`
    if (request.url === '/page') response.end('hello')
    else if (request.url === '/moved') response.writeHead(302, { location: '/page' }).end()
    else if (request.url === '/elsewhere') response.writeHead(302, { location: 'http://localhost:1/' }).end()
    else if (request.url === '/loop') response.writeHead(302, { location: `${host}/loop` }).end()
    else if (request.url === '/bomb')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(MAX_BYTES * 10)))
    else if (request.url === '/hang') response.write('x')
    else if (request.url?.startsWith('/status/')) response.writeHead(Number(request.url.slice(8))).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const connector = new Connector({
    ports: WEB_PORTS,
    allowHosts: [host],
    timeoutMs,
    maxBytes: MAX_BYTES,
  })
  onTestFinished(async () => {
    await connector.close()
    server.closeAllConnections()
    server.close()
  })
  const get = async (path: string) => {
    const { url, body } = await connector.fetch(`http://${host}${path}`, {
      signal: new AbortController().signal,
    })
    return { url, text: (await buffer(body)).toString() }
  }
  return { connector, get, hits, host }
}

const failing = (errorType: string) => expect.objectContaining({ errorType })

test('a document of an allowed host is fetched, redirects inside it followed', async () => {
  const { get, host } = await setup()
  expect(await get('/page')).toEqual({ url: `http://${host}/page`, text: 'hello' })
  expect((await get('/moved')).url).toBe(`http://${host}/page`)
})

test.each([
  'ftp://127.0.0.1/',
  'file:///etc/passwd',
  'http://127.0.0.1/',
  'http://user:pass@HOST/page',
  'http://HOST@example.com/',
  'http://example.com:22/',
  'http://localhost/',
  'http://intranet/',
  'http://db.internal/',
  'not an address',
])('%s may not be fetched', async (address) => {
  const { connector, host, hits } = await setup()
  const url = address.replace('HOST', host)
  expect(connector.refusalOf(url)).not.toBeNull()
  await expect(connector.fetch(url, { signal: new AbortController().signal })).rejects.toEqual(
    failing('ssrf_blocked'),
  )
  expect(hits).toEqual([])
})

test('a redirect to a private host is not dialled', async () => {
  const { get } = await setup()
  await expect(get('/elsewhere')).rejects.toEqual(failing('ssrf_blocked'))
})

test.each([
  ['/loop', 'invalid_url'],
  ['/bomb', 'input_too_large'],
  ['/status/403', 'access_forbidden'],
  ['/status/404', 'invalid_url'],
  ['/status/429', 'rate_limited'],
  ['/status/500', 'network_timeout'],
])('%s ends as %s', async (path, errorType) => {
  const { get } = await setup()
  await expect(get(path)).rejects.toEqual(failing(errorType))
})

test('a host that falls silent ends as network_timeout, before or in the middle of the document', async () => {
  const { get } = await setup(300)
  await expect(get('/silent')).rejects.toEqual(failing('network_timeout'))
  await expect(get('/hang')).rejects.toEqual(failing('network_timeout'))
})
