import { expect, test } from 'vitest'
import { toEventRow, toFixedRow, toStateRow } from '../../../src/journal/rows.ts'
import { pack, unpack } from '../../../src/journal/sqlite/writer/packing.ts'
import type { Write } from '../../../src/journal/sqlite/writer/mutations.ts'
import { sampleTask } from '../../support/tasks.ts'

const task = sampleTask({ id: 'a', title: 'a task', input: { text: 'a' }, createdAt: 1000 })
const event = toEventRow({ type: 'started', attempt: 1, seq: 2, taskId: 'a', status: 'running', at: 1000 })
const key = { caller: 'ann', key: 'k', fingerprint: 'f', taskId: 'a', waiter: 1, expiresAt: 2000 }
const delivery = { id: 'msg_a', caller: 'ann', url: 'https://example.com/', secret: 's' }
const append = { state: toStateRow(task), event, isEnd: true, isShared: true, result: '"done"' }
const admit = {
  fixed: toFixedRow(task),
  state: toStateRow(task),
  input: '{}',
  events: [event, { ...event, seq: 3 }],
}

const WRITES: readonly Write[] = [
  { name: 'admit', args: [admit, key] },
  { name: 'admit', args: [admit, null] },
  { name: 'append', args: [{ ...append, delivery, dropped: 'msg_b' }] },
  { name: 'append', args: [{ ...append, isEnd: false, result: null, delivery: null, dropped: null }] },
  {
    name: 'saveStep',
    args: [
      { id: 'a', run: 1 },
      { name: 'one', value: '1', savedAt: 1 },
    ],
  },
  { name: 'settle', args: ['msg_a'] },
]

test.each(WRITES)('a write of $name comes out of its message as it went in', (write) => {
  expect(unpack(structuredClone(pack(write)))).toEqual(write)
})
