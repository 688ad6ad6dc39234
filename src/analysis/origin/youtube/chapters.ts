/** A named part of a video. */
export interface VideoChapter {
  /** Of its beginning. */
  readonly seconds: number
  readonly title: string
}

/** `0:00 Intro`, `(1:02:03) - The end`, or `Intro 0:00`. */
const LINE =
  /^\s*[([]?((?:\d{1,2}:)?\d{1,2}:\d{2})[)\]]?\s*[-–—:|]*\s*(.+?)\s*$|^\s*(.+?)\s*[-–—:|]*\s*[([]?((?:\d{1,2}:)?\d{1,2}:\d{2})[)\]]?\s*$/
/** YouTube's own rule: the first at 0:00, at least three, in order. */
const LEAST = 3
const MAX_TITLE_CHARS = 100
/** A longer line names no chapter; and the pattern takes its time with one. */
const MAX_LINE_CHARS = 200

/** The chapters that a video's description names; none when they are not what YouTube takes for chapters. */
export function chaptersIn(description: string): VideoChapter[] {
  const chapters = description.split('\n').flatMap((line): VideoChapter[] => {
    const [, time, title, titleBefore, timeBehind] = (line.length <= MAX_LINE_CHARS && LINE.exec(line)) || []
    const name = title ?? titleBefore
    const at = time ?? timeBehind
    if (at === undefined || name === undefined || !/\p{L}/u.test(name)) return []
    return [{ seconds: secondsOf(at), title: name.slice(0, MAX_TITLE_CHARS) }]
  })
  const isInOrder = chapters.every(({ seconds }, index) => seconds > (chapters[index - 1]?.seconds ?? -1))
  return chapters.length >= LEAST && chapters[0]?.seconds === 0 && isInOrder ? chapters : []
}

function secondsOf(time: string): number {
  return time.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
