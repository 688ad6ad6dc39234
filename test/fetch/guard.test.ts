import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type LookupFunction, type Socket } from 'node:net'
import { Agent, buildConnector, fetch } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { Connector } from '../../src/fetch/connector.ts'
import { WEB_PORTS } from '../../src/fetch/address-policy.ts'
import { guardedConnect, type Network } from '../../src/fetch/guarded-connect.ts'
import { privateAnswers, privateHosts, privateUrls, publicHosts } from './private-addresses.ts'

async function listen(server: Server, host: string, port = 0): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A server on every address of this machine's loopback that counts who reaches it, and one that sends there. */
async function setup(answers: (name: string) => readonly string[] = () => ['127.0.0.1']) {
  let failpoint = 0
  const canary = createServer((_request, response) => response.end('secret'))
  canary.on('connection', () => (failpoint += 1))
  const port = await listen(canary, '127.0.0.1')
  const redirector = createServer((request, response) => {
    const target = decodeURIComponent((request.url ?? '').slice(1))
    response.writeHead(302, { location: Buffer.from(target).toString('latin1') }).end()
  })
  const trusted = `127.0.0.1:${await listen(redirector, '127.0.0.1')}`
  const network: Network = { resolve: (name) => Promise.resolve(answers(name)), dialler: buildConnector }
  // The canary's port is one of the web here, so that nothing but its address keeps it safe.
  const options = { ports: [...WEB_PORTS, port], allowHosts: [trusted], timeoutMs: 5000, maxBytes: 1000 }
  const connector = new Connector({ ...options, network })
  onTestFinished(() => connector.close())
  const toOutcome = async (url: string) => {
    try {
      const { body } = await connector.fetch(url, { signal: new AbortController().signal })
      for await (const _ of body);
      return 'fetched'
    } catch (error) {
      return (error as { errorType?: string }).errorType ?? 'unnamed'
    }
  }
  return { port, trusted, toOutcome, failpoint: () => failpoint }
}

test('2000 spellings of private addresses reach no server, directly and by a redirect', async () => {
  const { port, trusted, toOutcome, failpoint } = await setup()
  const urls = privateUrls(port)
  expect(urls.length).toBeGreaterThanOrEqual(2000)
  for (const url of urls) {
    expect(await toOutcome(url), url).toBe('ssrf_blocked')
    const sent = await toOutcome(`http://${trusted}/${encodeURIComponent(url)}`)
    expect(['ssrf_blocked', 'invalid_url'], url).toContain(sent)
  }
  expect(failpoint()).toBe(0)
})

test('names that resolve to private addresses, alone or among public ones, reach no server', async () => {
  const all = privateAnswers()
  const { port, trusted, toOutcome, failpoint } = await setup(
    (name) => all[Number(/\d+/.exec(name)?.[0])] ?? [],
  )
  for (const index of all.keys()) {
    const url = `http://host${index}.example.com:${port}/`
    expect(await toOutcome(url), String(all[index])).toBe('ssrf_blocked')
    expect(await toOutcome(`http://${trusted}/${encodeURIComponent(url)}`)).toBe('ssrf_blocked')
  }
  expect(failpoint()).toBe(0)
})

test('a name that changes its answer is dialled as it was checked, or not at all', async () => {
  let asked = 0
  const { connector, dialled } = writingDown(() => [(asked += 1) % 2 === 1 ? '8.8.8.8' : '127.0.0.1'])
  for (let round = 0; round < 100; round += 1) {
    await connector
      .fetch('http://flip.example.com/', { signal: new AbortController().signal })
      .catch(() => undefined)
  }
  expect(asked).toBe(100)
  expect(dialled).toEqual(Array.from({ length: 50 }, () => ['8.8.8.8']))
})

test('200 public addresses and names are not refused', async () => {
  const { connector, dialled } = writingDown(() => ['8.8.8.8'])
  const hosts = publicHosts()
  expect(hosts.length).toBeGreaterThanOrEqual(200)
  for (const host of hosts) {
    const failure = connector.fetch(`http://${host}/`, { signal: new AbortController().signal })
    await expect(failure, host).rejects.toMatchObject({ errorType: 'network_timeout' })
  }
  expect(dialled).toHaveLength(hosts.length)
})

test('the control, a guard that looks only at what names resolve to, is passed by literals', async () => {
  const { port, failpoint } = await setup()
  const lookup = () => {
    throw new Error('no name is public here')
  }
  const agent = new Agent({ connect: buildConnector({ lookup, timeout: 500 }) })
  onTestFinished(() => agent.destroy())
  for (const host of privateHosts().slice(0, 16)) {
    await fetch(`http://${host}:${port}/`, { dispatcher: agent, signal: AbortSignal.timeout(500) }).catch(
      () => undefined,
    )
  }
  expect(failpoint()).toBeGreaterThan(0)
})

/** A connector that writes down whom it would dial, and dials none. */
function writingDown(answer: () => readonly string[]) {
  const dialled: (readonly string[])[] = []
  const network: Network = { resolve: () => Promise.resolve(answer()), dialler: recording(dialled) }
  const options = { ports: WEB_PORTS, allowHosts: [], timeoutMs: 1000, maxBytes: 10 }
  return { connector: new Connector({ ...options, network }), dialled }
}

/** A dialler that writes down which addresses it would dial, and dials none. */
function recording(dialled: (readonly string[])[]): typeof buildConnector {
  return (options) => (target, callback) => {
    const refuse = (addresses: readonly string[]) => {
      dialled.push(addresses)
      callback(new Error('this test dials no address'), null)
    }
    const { lookup } = (options ?? {}) as { lookup?: LookupFunction }
    const { hostname } = target
    if (lookup === undefined || /^[\d.[]/.test(hostname)) return refuse([hostname])
    lookup(hostname, { all: true }, (error, found) => {
      if (error !== null) callback(error, null)
      else refuse((found as unknown as { address: string }[]).map(({ address }) => address))
    })
  }
}

test('a connection that reached a private address all the same is closed and not handed over', async () => {
  const { port } = await setup()
  const dialled: Socket[] = []
  // It looks nothing up, as one that keeps answers of its own.
  const dialler = (() => (_options: unknown, callback: (error: null, socket: Socket) => void) => {
    const socket = connect(port, '127.0.0.1', () => callback(null, socket))
    dialled.push(socket)
  }) as unknown as Network['dialler']
  const guarded = guardedConnect(() => false, { resolve: () => Promise.resolve(['93.184.215.14']), dialler })
  const options = { protocol: 'http:', hostname: 'example.com', port: String(port) } as Parameters<
    typeof guarded
  >[0]
  const reply = await new Promise<unknown[]>((resolve) => guarded(options, (...answer) => resolve(answer)))
  expect(reply[0]).toMatchObject({ errorType: 'ssrf_blocked' })
  expect([reply[1], dialled.map(({ destroyed }) => destroyed)]).toEqual([null, [true]])
})
