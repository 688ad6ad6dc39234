/** A named part of a video. */
export interface VideoChapter {
  /** Of its beginning. */
  readonly seconds: number
  readonly title: string
}

const TIME = String.raw`[([]?((?:\d{1,2}:)?\d{1,2}:\d{2})[)\]]?`
/** `0:00 Intro`, `(1:02:03) - The end`. */
const AT_START = new RegExp(`^${TIME}(?=\\D)(.*)$`)
/** `Intro 0:00`. */
const AT_END = new RegExp(`^(.*[^\\d:])${TIME}$`)
/** Separators between a time and its title. */
const SEPARATORS = new Set([' ', '-', '–', '—', ':', '|'])
/** YouTube's own rule: the first at 0:00, at least three, in order. */
const LEAST = 3
const MAX_TITLE_CHARS = 100
const MAX_LINE_CHARS = 200
const MAX_LINES = 1000

/** The chapters that a video's description names; none when they are not what YouTube takes for chapters. */
export function chaptersIn(description: string): VideoChapter[] {
  const chapters = description.split('\n', MAX_LINES).flatMap((line) => chapterIn(line) ?? [])
  const isInOrder = chapters.every(({ seconds }, index) => seconds > (chapters[index - 1]?.seconds ?? -1))
  return chapters.length >= LEAST && chapters[0]?.seconds === 0 && isInOrder ? chapters : []
}

function chapterIn(line: string): VideoChapter | undefined {
  if (line.length > MAX_LINE_CHARS) return undefined
  const tidy = line.replace(/\s+/g, ' ').trim()
  const [, time, behind] = AT_START.exec(tidy) ?? []
  const [, before, timeBehind] = time === undefined ? (AT_END.exec(tidy) ?? []) : []
  const at = time ?? timeBehind
  const title = trimmed(behind ?? before ?? '')
  if (at === undefined || !/\p{L}/u.test(title)) return undefined
  return { seconds: parseSeconds(at), title: title.slice(0, MAX_TITLE_CHARS) }
}

function trimmed(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && SEPARATORS.has(text.charAt(from))) from += 1
  while (to > from && SEPARATORS.has(text.charAt(to - 1))) to -= 1
  return text.slice(from, to)
}

function parseSeconds(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
