import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy before a server of this machine that can swallow all packets: neither side learns that a connection is gone. */
export async function createBlackHole(port: number) {
  const pairs = new Set<readonly [Socket, Socket]>()
  let isOpen = true
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const pair = [client, upstream] as const
    pairs.add(pair)
    const end = () => {
      // A connection that ends in the dark does not reach the other side.
      if (!isOpen) return
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('data', (bytes) => {
        if (isOpen) to.write(bytes)
      })
      from.on('error', () => undefined)
      from.on('close', end)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    swallow: () => {
      isOpen = false
    },
    /** What was swallowed is lost, so that connections of before are of no use. */
    heal: () => {
      isOpen = true
      for (const pair of pairs) for (const socket of pair) socket.destroy()
      pairs.clear()
    },
  }
}
