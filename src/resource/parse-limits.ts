import type { ResourceLimits } from '../task/resource.ts'

/** Words of the setting, and of the wire: `concurrency=1-3 rpm=60 rpd=1000 tpm=100000 provider=many`. */
const WORDS = {
  rpm: 'requestsPerMinute',
  rpd: 'requestsPerDay',
  tpm: 'tokensPerMinute',
} as const
const MAX = 1_000_000_000

/** Parses limits; a string is the reason why they are invalid. */
export function parseLimits(text: string): ResourceLimits | string {
  const read: ResourceLimits[] = []
  for (const item of text.split(/\s+/).filter(Boolean)) {
    const [, word = '', value = ''] = /^([a-z]+)=(.+)$/.exec(item) ?? []
    const found = word === 'concurrency' ? readConcurrency(value) : readOther(word, value)
    if (found === undefined) {
      return 'expected concurrency=3 or concurrency=1-3, rpm=, rpd= or tpm= with a number, or provider=many'
    }
    read.push(found)
  }
  return Object.assign({}, ...read) as ResourceLimits
}

function readConcurrency(value: string): ResourceLimits | undefined {
  const [, from, to] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(value) ?? []
  const floor = Number(from)
  if (from === undefined || floor < 1) return undefined
  if (to === undefined) return { concurrency: floor }
  const ceiling = Number(to)
  return ceiling < floor ? undefined : { concurrency: { floor, ceiling } }
}

function readOther(word: string, value: string): ResourceLimits | undefined {
  if (word === 'provider') return value === 'many' ? { isOneProvider: false } : undefined
  const name = Object.hasOwn(WORDS, word) ? WORDS[word as keyof typeof WORDS] : undefined
  const count = /^\d{1,10}$/.test(value) ? Number(value) : 0
  return name === undefined || count < 1 || count > MAX ? undefined : { [name]: count }
}

/** The words of limits, as {@link parseLimits} reads them. */
export function formatLimits(limits: ResourceLimits): string {
  const { concurrency, isOneProvider } = limits
  const range =
    typeof concurrency === 'object' ? `${concurrency.floor}-${concurrency.ceiling}` : concurrency?.toString()
  const others = Object.entries(WORDS).map(([word, name]) => [word, limits[name]?.toString()] as const)
  const words = [['concurrency', range] as const, ...others]
    .filter(([, value]) => value !== undefined)
    .map(([word, value]) => `${word}=${value}`)
  return [...words, ...(isOneProvider === false ? ['provider=many'] : [])].join(' ')
}
