import { beginsTable, endsTable, readTexTable } from './tex-table.ts'

/** Looked at to see whether a text is LaTeX. */
const HEAD_CHARS = 20_000
const BEGIN = String.raw`\begin{document}`
const END = String.raw`\end{document}`
/** Environments that hold no running text. */
const LEFT_OUT =
  /^(?:equation|align|gather|multline|eqnarray|displaymath|figure|tikzpicture|thebibliography|filecontents)\*?$/
const CODE = /^(?:verbatim|lstlisting|minted)\*?$/
const ENVIRONMENT = /\\(begin|end)\{([a-zA-Z*]{1,40})\}(?:\[[^\]]{0,500}\])?(?:\{[^{}]{0,500}\})?/
const HEADING =
  /^\s*\\(?:part|chapter|section|subsection|subsubsection|paragraph)\*?(?:\[[^\]]{0,500}\])?\{(.{1,500})\}/
/** Commands whose argument is no text. */
const NO_TEXT =
  /\\(?:cite[a-z]*|ref|eqref|pageref|autoref|label|index|bibliography[a-z]*|includegraphics|usepackage|input|include|vspace|hspace)\*?(?:\[[^\]]{0,500}\])?\{[^{}]{0,1000}\}/g
const LINK = /\\href\{[^{}]{0,1000}\}\{([^{}]{0,1000})\}/g
/** A note is read in its place, apart from the word that has it. */
const FOOTNOTE = /\\footnote(?:\[[^\]]{0,50}\])?\{/g
const WITH_TEXT = /\\[a-zA-Z]{1,40}\*?(?:\[[^\]]{0,500}\])?\{([^{}]{0,5000})\}/g
const COMMAND = /\\[a-zA-Z]{1,40}\*?/g
const ACCENT = /\\(?:(['`^"~])\s?\{?([a-zA-Z])\}?|c\{([a-zA-Z])\})/g
const CEDILLA = '\u0327'
const MARKS: Readonly<Record<string, string>> = {
  "'": '\u0301',
  '`': '\u0300',
  '^': '\u0302',
  '"': '\u0308',
  '~': '\u0303',
}
/** Commands inside commands are undone from the inside out, this often. */
const MAX_NESTING = 5

export function isTex(text: string): boolean {
  return (
    /^[^%\n]{0,200}\\(?:documentclass|documentstyle)\b/m.test(text.slice(0, HEAD_CHARS)) &&
    text.includes(BEGIN)
  )
}

/** A warning where the end of a LaTeX document is missing. */
export function describeTexEnd(text: string): string[] {
  if (!isTex(text) || text.includes(END)) return []
  return ['The document ends in the middle: a part of the text is missing.']
}

/** LaTeX as Markdown: headings, paragraphs, lists, tables and code; formulas that stand alone and figures are left out. */
export function texToMarkdown(text: string): string {
  const from = text.indexOf(BEGIN)
  const end = text.indexOf(END, from)
  const head = joinArguments(text.slice(0, from)).join('\n')
  const title = /^[ \t]*\\title(?:\[[^\]]{0,500}\])?\{(.{1,500})\}/m.exec(head)?.[1]
  const made = title === undefined ? [] : [`# ${plain(title)}`, '']
  const open: string[] = []
  /** Of the table that is being read. */
  let rows: string[] | null = null
  for (const line of joinArguments(text.slice(from + BEGIN.length, end < 0 ? undefined : end))) {
    const environment = ENVIRONMENT.exec(line)
    const [, which, name = ''] = environment ?? []
    if (which === 'begin' && open.length < MAX_OPEN) open.push(name)
    const isLeftOut = open.some((each) => LEFT_OUT.test(each))
    if (rows !== null || (beginsTable(line) && !isLeftOut)) {
      rows ??= []
      rows.push(line)
      if (endsTable(line)) made.push(...readTexTable(rows, plain))
      if (endsTable(line)) rows = null
    } else if (CODE.test(open.at(-1) ?? '')) made.push(environment === null ? line : '~~~')
    else if (!isLeftOut) made.push(toLine(line.replace(ENVIRONMENT, '')))
    if (which === 'end') open.splice(open.lastIndexOf(name), open.includes(name) ? 1 : 0)
  }
  return [...made, ...(rows === null ? [] : readTexTable(rows, plain))].join('\n')
}

/** Lines, those of one argument of a command joined; code is left as it is. */
function joinArguments(text: string): string[] {
  const made: string[] = []
  let pending = ''
  let isCode = false
  for (const line of text.split('\n')) {
    const [, which, name = ''] = ENVIRONMENT.exec(line) ?? []
    if (CODE.test(name)) isCode = which === 'begin'
    const joined =
      isCode || line.trim() === '' ? '' : `${pending}${pending === '' ? '' : ' '}${withoutComment(line)}`
    if (joined !== '' && isOpen(joined) && joined.length < MAX_ARGUMENT_CHARS) pending = joined
    else {
      if (joined === '' && pending !== '') made.push(pending)
      made.push(joined === '' ? line : joined)
      pending = ''
    }
  }
  return pending === '' ? made : [...made, pending]
}
/** Environments inside each other. */
const MAX_OPEN = 100
const MAX_ARGUMENT_CHARS = 2000

/** Whether an argument is begun and not ended. */
function isOpen(line: string): boolean {
  const marks = line.replace(/\\[{}\\]/g, '')
  return marks.split('{').length > marks.split('}').length
}

function withoutComment(line: string): string {
  return line.replace(/(^|[^\\])%.*$/, '$1')
}

function toLine(line: string): string {
  const text = withoutComment(line)
  // A line of nothing but a comment does not end its paragraph.
  if (text.trim() === '' && line.trim() !== '') return ' '
  const heading = HEADING.exec(text)?.[1]
  if (heading !== undefined) return `\n## ${plain(heading)}\n`
  return plain(text.replace(/^\s*\\item(?:\[[^\]]{0,200}\])?/, '- '))
}

function plain(text: string): string {
  let made = text
    .replace(ACCENT, (_, mark?: string, letter = '', withCedilla = '') =>
      (mark === undefined ? withCedilla + CEDILLA : letter + (MARKS[mark] ?? '')).normalize('NFC'),
    )
    .replace(NO_TEXT, '')
    .replace(LINK, '$1')
    .replace(FOOTNOTE, ' {')
  for (let depth = 0; depth < MAX_NESTING && made.includes('\\'); depth += 1)
    made = made.replace(WITH_TEXT, '$1')
  return made
    .replace(/\\([%&$#_{}])/g, '$1')
    .replace(/\\\\/g, ' ')
    .replace(COMMAND, '')
    .replace(/[{}]/g, '')
    .replace(/~/g, ' ')
    .replace(/---/g, '—')
    .replace(/--/g, '–')
    .replace(/``/g, '“')
    .replace(/''/g, '”')
    .replace(/\$([^$]{1,500})\$/g, '$1')
    .replace(/ {2,}/g, ' ')
    .replace(/ ([.,;:])/g, '$1')
}
