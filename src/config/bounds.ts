import { isIP } from 'node:net'
import { z } from 'zod'
import { tokenSetting, type TokenRecord } from '../auth/token.ts'

/** Schemas of settings: text of the environment in, values in our units out. */

export const MB = 1024 * 1024
/** Longest duration a timer can take, s. */
const MAX_SECONDS = 2_147_483

export const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/, `expected a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`))
export const yesOrNo = z
  .enum(['true', 'false'], 'expected true or false')
  .transform((value) => value === 'true')
export const seconds = (min: number) => whole(min, MAX_SECONDS).transform((value) => value * 1000)
/** Every instant computed from them is still exact. */
export const hours = whole(0, 596_000).transform((value) => value * 3_600_000)
export const megabytes = (max: number) => whole(1, max).transform((value) => value * MB)
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)

/** Languages of text recognition, as Tesseract names them. */
export const ocrLanguages = list.pipe(
  z.array(z.string().regex(/^[a-z]{3}(_[a-z]{2,8}){0,2}$/, 'expected names such as eng, chi_sim or deu')),
)

/** Origins as a browser sends them: scheme, host, port, and nothing behind. */
export const origins = list.pipe(
  z.array(
    z
      .string()
      .refine(
        (value) => URL.canParse(value) && new URL(value).origin === value && !value.includes('*'),
        'expected origins such as https://app.example.com, each one by name: * matches none',
      ),
  ),
)

/** Tokens by their digests: `name:sha256[:role[:priority[:weight]]]`. */
export const tokens = list.transform((items, context): readonly TokenRecord[] =>
  items.flatMap((item) => {
    const parsed = tokenSetting.safeParse(item)
    if (parsed.success) return [parsed.data]
    context.addIssue('expected name:sha256[:role[:priority[:weight]]], the digest in lower-case hex')
    return []
  }),
)

/** IP addresses, each with the length of its prefix where it is a network. */
export const addresses = list.pipe(
  z.array(
    z.string().refine((value) => {
      const [address = '', bits = '0', ...rest] = value.split('/')
      const max = isIP(address) === 6 ? 128 : 32
      return isIP(address) !== 0 && /^\d+$/.test(bits) && Number(bits) <= max && rest.length === 0
    }, 'expected addresses such as 127.0.0.1 or 10.0.0.0/8'),
  ),
)

/** Hosts as an address names them, with their port where it is not the usual one. */
export const hosts = list.pipe(
  z.array(
    z
      .string()
      .toLowerCase()
      .refine(
        (value) =>
          !value.includes('*') &&
          URL.canParse(`http://${value}`) &&
          new URL(`http://${value}`).host === value,
        'expected hosts such as intranet or 10.0.0.7:8080, each one by name: * matches none',
      ),
  ),
)
