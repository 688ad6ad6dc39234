import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'

const revoked = Proxy.revocable({}, {})
revoked.revoke()

const works: Record<string, () => unknown> = {
  'throws a proxy that was revoked': () => {
    throw revoked.proxy
  },
  'throws headers that throw': () => {
    const headers = {
      get 'retry-after'() {
        throw new Error('no header for you')
      },
    }
    throw Object.assign(new Error('slow down'), { status: 400, headers })
  },
  'never returns': () => new Promise(() => {}),
}

test.each(Object.entries(works))('a call that %s gives its unit back with its run', async (_name, work) => {
  const input = z.object({})
  const types = [
    defineTask({ type: 'bad', input, timeoutMs: 300, run: (_input, ctx) => ctx.resource('llm', {}, work) }),
    defineTask({ type: 'good', input, run: (_input, ctx) => ctx.resource('llm', {}, () => 1) }),
  ]
  const core = createCore({ types, slots: 2, limits: { llm: { concurrency: 1 } } })
  const bad = await core.submitId('bad')
  await settled()
  core.clock.advance(300)
  core.clock.advance(10_000)
  await settled()
  expect((await core.journal.tasks.task(bad))?.finishedAt).not.toBeNull()
  expect(core.resources.view()[0]).toMatchObject({ inUse: 0 })
  const good = await core.submitId('good')
  await settled()
  expect((await core.journal.tasks.task(good))?.status).toBe('completed')
})
