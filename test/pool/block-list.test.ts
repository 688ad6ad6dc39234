import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { BlockList, type Linked } from '../../src/pool/order/block-list.ts'

interface Item extends Linked<Item> {
  readonly seq: number
}

const item = (seq: number, createdAt = seq): Item => {
  return { seq, ticket: { createdAt }, block: null, previous: null, next: null }
}

/** A list beside a plain array of the same items, in their order. */
function setup() {
  const work = { steps: 0 }
  const list = new BlockList<Item>(work)
  const model: Item[] = []
  const insert = (each: Item) => {
    list.insert(each)
    const at = model.findIndex(({ seq }) => seq > each.seq)
    model.splice(at === -1 ? model.length : at, 0, each)
  }
  const remove = (at: number) => {
    const [each] = model.splice(at, 1)
    if (each !== undefined) list.remove(each)
    return each
  }
  const inList = () => {
    const seqs: number[] = []
    for (let each = list.head; each !== null; each = each.next) seqs.push(each.seq)
    return seqs
  }
  return { work, list, model, insert, remove, inList }
}

test('places are those of a plain list, over arrivals, returns and removals', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('arrive' as const), count: fc.nat(700) }),
    fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), count: fc.nat(400) }),
    fc.record({ kind: fc.constant('return' as const), at: fc.nat(), createdAt: fc.nat(3000) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(3000), (steps, instant) => {
      const { list, model, insert, remove, inList } = setup()
      let next = 0
      for (const given of steps) {
        if (given.kind === 'arrive') {
          for (let count = 0; count < given.count; count += 1) insert(item((next += 1)))
        } else if (given.kind === 'remove') {
          for (let count = 0; count < given.count && model.length > 0; count += 1)
            remove(given.at % model.length)
        } else if (model.length > 0) {
          const taken = remove(given.at % model.length)
          if (taken !== undefined) insert(item(taken.seq, given.createdAt))
        }
      }
      expect([list.length, inList()]).toEqual([model.length, model.map(({ seq }) => seq)])
      for (let seq = 0; seq <= next + 1; seq += 97) {
        expect(list.countBefore(seq)).toBe(model.filter((each) => each.seq < seq).length)
      }
      const first = model.findIndex(({ ticket }) => ticket.createdAt >= instant)
      expect(list.countAdmittedBefore(instant)).toBe(first === -1 ? model.length : first)
    }),
    { numRuns: 200 },
  )
})

test('returns into the middle divide a block, and few entries are not left in many blocks', () => {
  const { work, list, insert, remove, model } = setup()
  for (let seq = 1; seq <= 200_000; seq += 1) {
    const each = item(seq)
    list.insert(each)
    model.push(each)
  }
  const taken = model.splice(5000, 3000)
  for (const each of taken) list.remove(each)
  for (const { seq } of taken.toReversed()) insert(item(seq))
  work.steps = 0
  expect(list.countBefore(200_000)).toBe(199_999)
  expect(work.steps).toBeLessThan(200_000 / 512 + 2 * 512)
  // Every hundredth stays.
  for (let at = model.length - 1; at >= 0; at -= 1) if (at % 100 !== 0) list.remove(model[at] as Item)
  work.steps = 0
  expect(list.countBefore(200_000)).toBe(2000)
  expect(work.steps).toBeLessThan(2000 / 128 + 2 * 512)
  expect(remove(0)?.seq).toBe(1)
})
