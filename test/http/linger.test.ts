import Fastify from 'fastify'
import { expect, test, vi } from 'vitest'
import { readOnAfterReply } from '../../src/http/gate/linger.ts'

test('a request that an application injects is not kept after its reply', async () => {
  const app = Fastify()
  readOnAfterReply(app, { maxBytes: 1000, bytesPerSecond: 0 })
  app.post('/', () => 'read')
  const look = vi.spyOn(globalThis, 'setInterval')
  try {
    const { body } = await app.inject({ method: 'POST', url: '/', payload: { n: 1 } })
    expect(body).toBe('read')
    expect(look).not.toHaveBeenCalled()
  } finally {
    look.mockRestore()
    await app.close()
  }
})
