import { expect, test } from 'vitest'
import { MAX_JSON_BYTES, MAX_JSON_DEPTH, toJsonText } from '../../src/handler/json-text.ts'

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

test('JSON-safe data is frozen as text; undefined becomes null', () => {
  expect(toJsonText({ a: [1, 'x', null] })).toEqual({ ok: true, text: '{"a":[1,"x",null]}' })
  expect(toJsonText(undefined)).toEqual({ ok: true, text: 'null' })
  expect(toJsonText(() => 1)).toEqual({ ok: true, text: 'null' })
})

test('an array longer than any text is refused for its size, not for its depth', () => {
  const long: unknown[] = []
  long.length = 4e9
  expect(toJsonText(long)).toEqual({ ok: false, why: `it has more than ${MAX_JSON_BYTES} bytes` })
})

test('brackets inside strings are no nesting', () => {
  expect(toJsonText({ text: '['.repeat(1000), quoted: '"[[\\' }).ok).toBe(true)
})

test('the bounds are exact', () => {
  expect(toJsonText(nested(MAX_JSON_DEPTH)).ok).toBe(true)
  expect(toJsonText(nested(MAX_JSON_DEPTH + 1)).ok).toBe(false)
  expect(toJsonText('x'.repeat(MAX_JSON_BYTES - 2)).ok).toBe(true)
  expect(toJsonText('x'.repeat(MAX_JSON_BYTES - 1)).ok).toBe(false)
  expect(toJsonText('漢'.repeat(MAX_JSON_BYTES / 3)).ok).toBe(false)
})

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic
const hostile = {
  get secret() {
    throw new Error('a getter that throws')
  },
}
const proxy = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error('a proxy that throws')
    },
  },
)

test.each([
  ['cyclic', cyclic, /circular/],
  ['BigInt', { n: 1n }, /BigInt/],
  ['10 000 deep', nested(10_000), /deeper than 200/],
  ['a throwing getter', hostile, /a getter that throws/],
  ['a throwing proxy', proxy, /a proxy that throws/],
])('%s is refused with its reason', (_name, value, why) => {
  expect(toJsonText(value)).toEqual({ ok: false, why: expect.stringMatching(why) })
})
