import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProjectLimits, type Grant } from '../../src/resource/project-limits.ts'
import type { ResourceLimits } from '../../src/task/resource.ts'

const COST = { weight: 1, tokens: 100 }

/** What can happen to the calls of one project. */
type Act =
  | {
      readonly kind: 'call'
      readonly end: 'well' | 'rate' | 'concurrency' | 'overload'
      readonly afterMs: number | null
    }
  | { readonly kind: 'time'; readonly ms: number }

const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      end: fc.constantFrom(
        'well' as const,
        'well' as const,
        'rate' as const,
        'concurrency' as const,
        'overload' as const,
      ),
      afterMs: fc.constantFrom(null, 500, 20_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 400, 3000, 61_000) }),
  },
)

/** Carries out what happens; the reply is what a caller would see at each step. */
function play(limits: ProjectLimits, acts: readonly Act[], from: number): { seen: unknown[]; now: number } {
  let now = from
  const seen: unknown[] = []
  const open: Grant[] = []
  for (const each of acts) {
    if (each.kind === 'time') {
      now += each.ms
      seen.push([limits.waitFor(COST, now), limits.limit])
      continue
    }
    // As many at once as may be, so that the limit is in use.
    while (limits.waitFor(COST, now) === 0 && limits.hasRoom(COST, 0)) open.push(limits.draw(COST, now))
    seen.push([open.length, limits.limit, limits.waitFor(COST, now)])
    for (const grant of open.splice(0)) {
      limits.giveBack(grant)
      if (each.end === 'well') limits.succeeded(grant)
      else limits.overloaded(grant, { kind: each.end, afterMs: each.afterMs }, now)
    }
  }
  return { seen, now }
}

const BOUNDS: readonly ResourceLimits[] = [
  { concurrency: { floor: 1, ceiling: 12 } },
  { concurrency: 3, requestsPerMinute: 20 },
  {
    concurrency: { floor: 2, ceiling: 6 },
    requestsPerMinute: 50,
    tokensPerMinute: 4000,
    requestsPerDay: 200,
  },
]

test('what was saved and restored answers as what was saved', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...BOUNDS),
      fc.array(act, { maxLength: 40 }),
      fc.array(act, { maxLength: 20 }),
      (bounds, before, after) => {
        const create = () => new ProjectLimits({ project: 'p', keys: [] }, bounds, () => 0.5)
        const kept = create()
        const { now } = play(kept, before, 1000)
        const restored = create()
        const text = JSON.stringify(kept.save(now, now))
        restored.restore(JSON.parse(text), { now, wall: now, idleMs: 0 })
        expect(play(restored, after, now).seen).toEqual(play(kept, after, now).seen)
      },
    ),
    { numRuns: Number(process.env['OPERATIONS'] ?? 0) > 0 ? 5000 : 500 },
  )
})

test('a note of an earlier version, without what was learnt, is read', () => {
  const limits = new ProjectLimits({ project: 'p', keys: [] }, BOUNDS[1] as ResourceLimits, () => 0.5)
  const saved = {
    project: 'p',
    coolUntil: 9000,
    windows: [{ of: 'requests', windowMs: 60_000, spent: [[10, 19]] }],
  } as const
  limits.restore(saved, { now: 1000, wall: 5000, idleMs: 0 })
  expect([limits.waitFor(COST, 1000), limits.limit]).toEqual([4000, 1])
})

test('what was learnt is kept within the limits of today', () => {
  const create = (ceiling: number) =>
    new ProjectLimits({ project: 'p', keys: [] }, { concurrency: { floor: 1, ceiling } }, () => 0.5)
  const wide = create(40)
  const well = Array.from({ length: 60 }, () => ({ kind: 'call', end: 'well', afterMs: null }) as const)
  play(wide, well, 0)
  expect(wide.limit).toBe(40)
  const narrow = create(8)
  narrow.restore(wide.save(0, 0), { now: 0, wall: 0, idleMs: 0 })
  expect(narrow.limit).toBe(8)
})

test('limits that were changed meanwhile answer as limits that are changed while it runs', () => {
  const others = [
    ...BOUNDS,
    { concurrency: 1 },
    { concurrency: 2 },
    { concurrency: { floor: 1, ceiling: 40 } },
  ]
  const create = (bounds: ResourceLimits) => new ProjectLimits({ project: 'p', keys: [] }, bounds, () => 0.5)
  fc.assert(
    fc.property(
      fc.constantFrom(...others),
      fc.constantFrom(...others),
      fc.array(act, { maxLength: 40 }),
      (first, second, before) => {
        const kept = create(first)
        const { now } = play(kept, before, 1000)
        const restored = create(second)
        restored.restore(JSON.parse(JSON.stringify(kept.save(now, now))), { now, wall: now, idleMs: 0 })
        kept.resize(second)
        expect(restored.limit).toBe(kept.limit)
      },
    ),
  )
  const [one, two] = [create({ concurrency: 1 }), create({ concurrency: 2 })]
  two.restore(one.save(0, 0), { now: 0, wall: 0, idleMs: 0 })
  expect(two.limit).toBe(2)
})
