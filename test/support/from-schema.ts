import * as fc from 'fast-check'

/** The part of JSON Schema that our description uses. */
export interface Schema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly format?: string
  readonly pattern?: string
  readonly additionalProperties?: unknown
}

/** Values that fit a schema. */
export function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting))
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -10, max: schema.maximum ?? 1_000_000 })
    case 'number':
      return fc.double()
    case 'boolean':
      return fc.boolean()
    case 'string':
      return text(schema)
    case 'array':
      return fc.array(fitting(schema.items ?? {}), { maxLength: 3 })
    case 'object':
      return objectOf(schema)
    case undefined:
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

/** Some are fetched, some are refused, some are none. */
const URLS = [
  'https://example.com/a?b=c#d',
  'http://127.0.0.1/',
  'http://[::1]/',
  'https://youtu.be/aBcDeFgHi_-',
  'ftp://example.com/',
  'http://localhost:22/',
  'http://user@example.com/',
  'nonsense',
]

function text({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'uri') return fc.constantFrom(...URLS)
  if (format === 'uuid') return fc.uuid()
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 40) })
}

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const arbitraries = Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [key, fitting(value)]),
  )
  return fc.record(arbitraries, { requiredKeys: required.filter((key) => key in arbitraries) as never[] })
}

/** Values that fit, that nearly fit, and that are anything at all. */
export function anything(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: fitting(schema) },
    { weight: 3, arbitrary: fc.tuple(fitting(schema), fc.string(), fc.jsonValue()).map(spoil) },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
}

/** One key more, or one of the keys with another value. */
function spoil([value, key, other]: [unknown, string, unknown]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return other
  const keys = Object.keys(value)
  const at = keys[key.length % Math.max(1, keys.length)] ?? key
  return { ...value, [key.length % 2 === 0 ? at : key]: other }
}
