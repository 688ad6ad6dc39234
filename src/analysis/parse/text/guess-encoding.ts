import chardet from 'chardet'
import { alphabetShare, thaiShare } from './alphabets.ts'
import { frequentShare, OF_MANY_BYTES } from './frequent-characters.ts'

/** An encoding is guessed from this much of a file. */
export const GUESS_BYTES = 64 * 1024
/** Encodings that the detector does not know, or takes for their neighbours. */
const MORE_CANDIDATES = [
  'windows-1250',
  'iso-8859-2',
  'windows-1252',
  'ibm866',
  'koi8-u',
  'windows-1251',
  'windows-874',
]
/** Pairs that differ in a few letters: the detector names one of both. */
const NEIGHBOURS = [
  ['koi8-r', 'koi8-u'],
  ['iso-8859-2', 'windows-1250'],
  ['iso-8859-6', 'windows-1256'],
  ['iso-8859-7', 'windows-1253'],
  ['iso-8859-8', 'windows-1255'],
] as const
/** A declared encoding is not believed when another one scores this much better, of 2. */
const CLEARLY_BETTER = 0.3

/** C1 controls: what a wrong table makes of punctuation. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
export const CONTROLS = /[\x80-\x84\x86-\x9f]/

interface Candidate {
  readonly label: string
  readonly score: number
}

/** The encoding that gives what looks most like text of a language. */
export function guessEncoding(bytes: Uint8Array): string {
  const { candidates, known } = findCandidates(bytes)
  return candidates[0]?.label ?? [...known].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 'windows-1252'
}

/** An encoding that fits a text clearly better than the declared one; undefined where there is none. */
export function findLikelier(bytes: Uint8Array, declared: string): string | undefined {
  const { candidates } = findCandidates(bytes)
  const own = candidates.find(({ label }) => label === declared)?.score ?? 0
  return candidates.find(({ score }) => score > own + CLEARLY_BETTER)?.label
}

/** The detector's candidates, the best first, weighed by how well what they give looks like text of a language. */
function findCandidates(bytes: Uint8Array) {
  const sample = notAsciiWords(wholeLines(bytes.subarray(0, GUESS_BYTES)))
  const known = new Map<string, number>()
  for (const { name, confidence } of chardet.analyse(sample)) {
    const label = findEncoding(name)
    if (label !== undefined && label !== 'utf-8')
      known.set(label, Math.max(known.get(label) ?? 0, confidence))
  }
  for (const [one, other] of NEIGHBOURS) {
    const confidence = Math.max(known.get(one) ?? 0, known.get(other) ?? 0)
    if (confidence > 0) known.set(one, confidence).set(other, confidence)
  }
  const candidates = [...new Set([...known.keys(), ...MORE_CANDIDATES])]
    .flatMap((label): Candidate[] => {
      const text = decodeStrictly(sample, label)
      if (text === null || CONTROLS.test(text)) return []
      return [{ label, score: (known.get(label) ?? 0) / 100 + readability(text, sample, label) }]
    })
    .toSorted((a, b) => b.score - a.score)
  return { candidates, known }
}

/** 0 to 1. */
function readability(text: string, bytes: Uint8Array, label: string): number {
  if (label === 'windows-874') return thaiShare(text)
  return OF_MANY_BYTES.has(label) ? frequentShare(bytes, label) : alphabetShare(text)
}

/** Up to the last line end, so that no character is cut in its middle. */
function wholeLines(bytes: Uint8Array): Uint8Array {
  const end = bytes.length < GUESS_BYTES ? -1 : bytes.lastIndexOf(0x0a)
  return end <= 0 ? bytes : bytes.subarray(0, end)
}

/** The words with a byte beside ASCII: a few foreign names in an English text count as much as a text of such words. */
function notAsciiWords(bytes: Uint8Array): Uint8Array {
  const words: Uint8Array[] = []
  let start = 0
  let isAscii = true
  for (let at = 0; at <= bytes.length; at += 1) {
    const byte = bytes[at] ?? 0x20
    if (byte > 0x7f) isAscii = false
    if (byte > 0x20) continue
    if (!isAscii) words.push(bytes.subarray(start, at), SPACE)
    start = at + 1
    isAscii = true
  }
  return new Uint8Array(Buffer.concat(words))
}
const SPACE = new Uint8Array([0x20])

export function decodeStrictly(bytes: Uint8Array, label: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

export function findEncoding(label: string | null | undefined): string | undefined {
  if (label === null || label === undefined) return undefined
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}
