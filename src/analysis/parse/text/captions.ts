import { z } from 'zod'
import { DOMParser, parseHTML } from 'linkedom'
import { TaskError } from '../../../task/failure.ts'
import { clockTime, joinLines, SectionBuilder, type SourceDocument } from '../document.ts'

/** One caption: text that is shown from a time on. */
interface Cue {
  readonly seconds: number
  readonly text: string
}

/** The `json3` format: events of segments; an event without segments only moves the window. */
const json3 = z.object({
  events: z.array(
    z.object({
      tStartMs: z.number().default(0),
      segs: z.array(z.object({ utf8: z.string().default('') })).optional(),
    }),
  ),
})

const SENTENCE_END = /[.!?。！？…]["”’」』）)]*$/u
const SENTENCE_ENDS = /[.!?。！？]/gu
/** Captions with fewer ends of sentences than this, by characters, were written by a machine without any. */
const CHARS_PER_SENTENCE = 400
const MAX_PARAGRAPH_CHARS = 600
/** Unpunctuated speech is split where the next caption is this late, or after this many characters. */
const PAUSE_SECONDS = 6
const MAX_SPOKEN_CHARS = 160
/** Sections of a long recording. */
const SECTION_SECONDS = 300
const MAX_SECTIONS = 12
/** [Music], (applause), ♪: sounds, not words. */
const SOUNDS = /\[[^\]]*\]|\([^)]{1,30}\)|♪/g

/**
 * Reads captions, `json3` or either XML format of YouTube, into paragraphs with the times they were spoken.
 *
 * @throws TaskError `no_subtitles` when there is not one word in them.
 */
export function readCaptions(bytes: Uint8Array): SourceDocument {
  const { captions, chapters, author } = readSpoken(new TextDecoder().decode(bytes))
  return readCues(parseCues(captions), chapters, author)
}

/** A line with the times of a caption, in a file of SubRip (srt) or WebVTT. */
const TIMING = /^\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})\s+-->\s/

/** Whether a text is a file of subtitles: it begins with its name, or with a first caption. */
export function isSubtitles(text: string): boolean {
  const [first = '', second = '', third = ''] = text.slice(0, 2000).trimStart().split('\n', 3)
  return (
    /^WEBVTT\b/.test(first) ||
    TIMING.test(first) ||
    (/^\d+\s*$/.test(first) && TIMING.test(second) && third !== '')
  )
}

/** Reads a file of subtitles, SubRip (srt) or WebVTT, as what was spoken. */
export function readSubtitles(text: string): SourceDocument {
  const cues: Cue[] = []
  let open: { seconds: number; lines: string[] } | null = null
  const flush = () => {
    if (open !== null) cues.push({ seconds: open.seconds, text: plain(open.lines.join(' ')) })
    open = null
  }
  for (const line of text.split('\n')) {
    const [, hours = '0', minutes = '0', seconds = '0', thousandths = '0'] = TIMING.exec(line) ?? []
    if (TIMING.test(line)) {
      flush()
      open = {
        seconds: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(`0.${thousandths}`),
        lines: [],
      }
    } else if (line.trim() === '') flush()
    else (open as { lines: string[] } | null)?.lines.push(line)
  }
  flush()
  return readCues(withoutSounds(cues), [], null)
}

function readCues(
  cues: readonly Cue[],
  chapters: readonly SpokenPart[],
  author: string | null,
): SourceDocument {
  if (cues.length === 0) throw new TaskError('no_subtitles', 'The captions came without a word.')
  const chars = cues.reduce((sum, cue) => sum + cue.text.length, 0)
  const ends = cues.reduce((sum, cue) => sum + (cue.text.match(SENTENCE_ENDS)?.length ?? 0), 0)
  const isPunctuated = ends * CHARS_PER_SENTENCE >= chars
  const paragraphs = isPunctuated ? bySentence(cues) : byPause(cues)

  const builder = new SectionBuilder()
  const parts = chapters.length > 0 ? chapters : timedParts(paragraphs.at(-1)?.seconds ?? 0)
  let next = 0
  for (const { seconds, text } of paragraphs) {
    for (; next < parts.length && seconds >= (parts[next]?.seconds ?? Infinity); next += 1) {
      builder.heading(parts[next]?.title ?? '')
    }
    builder.paragraph(text, { seconds })
  }
  const warnings = isPunctuated
    ? []
    : ['The captions have no punctuation; they were divided by their pauses.']
  const about = author === null ? {} : { author }
  return { title: null, sections: builder.build(), pages: null, warnings, about }
}

/** Parts of a long recording that names none, each with the time of its beginning for a name. */
function timedParts(lastSeconds: number): SpokenPart[] {
  const length = Math.max(SECTION_SECONDS, Math.ceil(lastSeconds / MAX_SECTIONS / 60) * 60)
  if (lastSeconds < length) return []
  const count = Math.floor(lastSeconds / length) + 1
  return Array.from({ length: count }, (_, index) => ({
    seconds: index * length,
    title: clockTime(index * length),
  }))
}

function parseCues(text: string): Cue[] {
  return withoutSounds(text.trimStart().startsWith('{') ? fromJson(text) : fromXml(text))
}

function withoutSounds(cues: readonly Cue[]): Cue[] {
  return cues
    .map(({ seconds, text: raw }) => ({
      seconds,
      text: raw.replace(SOUNDS, ' ').replace(/\s+/g, ' ').trim(),
    }))
    .filter((cue) => /[\p{L}\p{N}]/u.test(cue.text))
}

function fromJson(text: string): Cue[] {
  const parsed = json3.safeParse(toJson(text))
  if (!parsed.success) return []
  return parsed.data.events.map(({ tStartMs, segs = [] }) => ({
    seconds: tStartMs / 1000,
    text: segs.map(({ utf8 }) => utf8).join(''),
  }))
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** `<text start="1.5">`, times in seconds and markup inside the text; or `<p t="1500">`, in milliseconds. */
function fromXml(text: string): Cue[] {
  const document = new DOMParser().parseFromString(text, 'text/xml') as unknown as XmlNode
  const old = [...document.querySelectorAll('text')].map((node) => ({
    seconds: Number(node.getAttribute('start') ?? 0),
    text: plain(node.textContent ?? ''),
  }))
  const timed = [...document.querySelectorAll('p')].map((node) => ({
    seconds: Number(node.getAttribute('t') ?? 0) / 1000,
    text: node.textContent ?? '',
  }))
  return [...old, ...timed].filter(({ seconds }) => Number.isFinite(seconds))
}

/** The part of a DOM that is read here. */
interface XmlNode {
  readonly textContent: string | null
  getAttribute(name: string): string | null
  querySelectorAll(selector: string): Iterable<XmlNode>
}

/** The text of these captions is markup once more: `<i>not</i>`, `&#39;`. */
function plain(markup: string): string {
  if (!/[<&]/.test(markup)) return markup
  return (
    (parseHTML(`<html><body>${markup}</body></html>`).document as { body: XmlNode }).body.textContent ?? ''
  )
}

/** Captions break anywhere; a paragraph ends with a sentence. */
function bySentence(cues: readonly Cue[]): Cue[] {
  return joined(
    cues,
    (paragraph) => SENTENCE_END.test(paragraph.text) || paragraph.text.length >= MAX_PARAGRAPH_CHARS,
  )
}

function byPause(cues: readonly Cue[]): Cue[] {
  const isFull = (paragraph: Cue, previous: Cue, next: Cue) =>
    next.seconds - previous.seconds > PAUSE_SECONDS || paragraph.text.length >= MAX_SPOKEN_CHARS
  return joined(cues, isFull).map(({ seconds, text }) => ({ seconds, text: sentence(text) }))
}

/** Joins cues into paragraphs; `isFull` is asked of the paragraph, its last cue, and the cue that comes next. */
function joined(cues: readonly Cue[], isFull: (paragraph: Cue, last: Cue, next: Cue) => boolean): Cue[] {
  const paragraphs: Cue[] = []
  let last: Cue | undefined
  for (const cue of cues) {
    const open = paragraphs.at(-1)
    if (open === undefined || last === undefined || isFull(open, last, cue)) paragraphs.push(cue)
    else paragraphs[paragraphs.length - 1] = { ...open, text: joinLines([open.text, cue.text]) }
    last = cue
  }
  return paragraphs
}

/** Unpunctuated speech as a sentence: nothing but its first letter and its full stop is added. */
function sentence(text: string): string {
  const isWide = /\p{Script=Han}$/u.test(text)
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${SENTENCE_END.test(text) ? '' : isWide ? '。' : '.'}`
}

const spoken = z.object({
  captions: z.string(),
  chapters: z.array(z.object({ seconds: z.number(), title: z.string() })),
  author: z.string().nullable(),
})

/** The words spoken in a recording: captions in a format of YouTube's, and its metadata. */
type Spoken = z.output<typeof spoken>
type SpokenPart = Spoken['chapters'][number]

/** As one text, on its way to the reader in its own process. */
export function spokenText(given: {
  readonly captions: string
  readonly chapters: readonly SpokenPart[]
  readonly author: string | null
}): string {
  return JSON.stringify(given)
}

/** Reads it again; captions alone are what they are. */
function readSpoken(text: string): Spoken {
  try {
    return spoken.parse(JSON.parse(text))
  } catch {
    return { captions: text, chapters: [], author: null }
  }
}
